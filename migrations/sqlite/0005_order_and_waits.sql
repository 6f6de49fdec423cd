-- Order within a millisecond, and what fails of a polled tool apart from its pages. Only columns with defaults are
-- added, so this is quick however much is stored, and an earlier release goes on with the same database.

ALTER TABLE entities ADD COLUMN event_micros BIGINT NOT NULL DEFAULT 0; -- microseconds after event_time

ALTER TABLE polls ADD COLUMN catalogue_failures BIGINT NOT NULL DEFAULT 0; -- in a row
ALTER TABLE polls ADD COLUMN catalogue_failure TEXT; -- the last of them; NULL after success
ALTER TABLE polls ADD COLUMN catalogue_wait_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE polls ADD COLUMN catalogue_wait_until BIGINT NOT NULL DEFAULT 0; -- the services are not read before
ALTER TABLE polls ADD COLUMN fetch_failures BIGINT NOT NULL DEFAULT 0; -- in a row
ALTER TABLE polls ADD COLUMN fetch_failure TEXT; -- the last of them; NULL after success
ALTER TABLE polls ADD COLUMN fetch_wait_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE polls ADD COLUMN fetch_wait_until BIGINT NOT NULL DEFAULT 0; -- no named incident is fetched before

ALTER TABLE refetches ADD COLUMN wait_until BIGINT NOT NULL DEFAULT 0; -- this one is not fetched before
