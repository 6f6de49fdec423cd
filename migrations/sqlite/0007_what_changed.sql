-- Work is found by what has changed, and not by looking at everything. Tables and indexes are only added, so an earlier
-- release goes on with the same database.

-- What each number of the generation `directory` has changed. A number without a row was made by an earlier release, or
-- its rows were removed: whoever has not read it yet reads everything.
CREATE TABLE directory_changes (
    number  BIGINT NOT NULL,
    part    TEXT NOT NULL, -- destination, component, workspaces
    id      TEXT NOT NULL, -- of the destination or the component; the source of the workspaces
    PRIMARY KEY (number, part, id)
);

-- The configuration of each source that has had all its effects on the entities that are stored.
CREATE TABLE source_setups (
    source  TEXT PRIMARY KEY,
    digest  TEXT NOT NULL
);

-- Which destinations something waits for, and since when, without reading the deliveries of the others.
CREATE INDEX deliveries_waiting ON deliveries (destination, waiting_since) WHERE state = 'waiting';

CREATE INDEX destinations_by_site ON destinations (site);
CREATE INDEX destinations_declared ON destinations (id) WHERE type <> 'operations';
CREATE INDEX destinations_unconfirmed ON destinations (id) WHERE state = 'unconfirmed';
CREATE INDEX destinations_parked ON destinations (id) WHERE parked IS NOT NULL;
CREATE INDEX destinations_with_previous_secret ON destinations (previous_until) WHERE previous_secret IS NOT NULL;
