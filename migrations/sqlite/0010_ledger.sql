-- What destinations remember of what they made, and deliveries that wait for a time of their own. A table, a column with
-- a default and indexes of few rows are added, so an earlier release goes on with the same database.

-- Written before and after each request that must not happen twice.
CREATE TABLE ledger (
    destination  TEXT NOT NULL,
    name         TEXT NOT NULL,   -- what the record is about, as the destination calls it
    state        TEXT NOT NULL,   -- the destination's own word
    number       BIGINT,          -- by which the other side knows what was made
    record       TEXT NOT NULL,   -- JSON that only the destination reads
    updated_at   BIGINT NOT NULL,
    PRIMARY KEY (destination, name)
);
CREATE INDEX ledger_by_number ON ledger (destination, number) WHERE number IS NOT NULL;
CREATE INDEX ledger_by_state ON ledger (destination, state, name);

ALTER TABLE deliveries ADD COLUMN not_before BIGINT NOT NULL DEFAULT 0; -- 0: at any time

CREATE INDEX deliveries_due ON deliveries (destination, kind, priority DESC, queued_at)
    WHERE state = 'waiting' AND not_before = 0;
CREATE INDEX deliveries_later ON deliveries (destination, not_before) WHERE not_before > 0;

DROP VIEW entity_deliveries;
CREATE VIEW entity_deliveries AS
SELECT
    d.destination,
    d.kind,
    d.entity_id,
    d.acknowledged,
    d.confirmed,
    d.state,
    d.attempts,
    d.resends,
    d.priority,
    d.queued_at,
    d.waiting_since,
    d.batch,
    d.read_back_at,
    d.updated_at,
    e.source,
    e.workspace,
    e.version,
    e.content,
    CASE WHEN e.content IS NULL THEN CAST(1 AS BIGINT) ELSE 0 END AS deleted,
    d.not_before
FROM deliveries d
JOIN entities e ON e.kind = d.kind AND e.id = d.entity_id;
