-- Ids are TEXT, instants BIGINT (milliseconds since the Unix epoch), flags BIGINT 0 or 1, JSON is TEXT.
-- The same tables stand in ../postgres under the same number; only BLOB is spelled differently there.

CREATE TABLE installations (
    client_key       TEXT PRIMARY KEY,
    state            TEXT NOT NULL, -- enabled, disabled, uninstalled, replaced
    base_url         TEXT NOT NULL,
    site             TEXT NOT NULL, -- host, with port if it is not the usual one
    display_url      TEXT,
    secret           BLOB,          -- sealed; NULL once uninstalled
    previous_secret  BLOB,          -- sealed; still opens requests already under way
    previous_until   BIGINT NOT NULL DEFAULT 0,
    wait_since       BIGINT NOT NULL DEFAULT 0, -- a clock before this instant was set back: the wait is void
    wait_until       BIGINT NOT NULL DEFAULT 0, -- nothing is sent before
    failures         BIGINT NOT NULL DEFAULT 0, -- in a row
    parked           TEXT,          -- why a person must act, if so
    last_contact_at  BIGINT,        -- last answer of Jira
    compared_at      BIGINT,        -- last nightly comparison
    drift            BIGINT NOT NULL DEFAULT 0, -- confirmed entities that Jira had lost, ever
    installed_at     BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL
);

CREATE TABLE workspaces (
    source       TEXT NOT NULL,
    provider_id  TEXT NOT NULL,
    jira_id      TEXT NOT NULL,
    name         TEXT NOT NULL,
    url          TEXT NOT NULL,
    gone         BIGINT NOT NULL DEFAULT 0,
    updated_at   BIGINT NOT NULL,
    PRIMARY KEY (source, provider_id)
);

CREATE TABLE entities (
    kind         TEXT NOT NULL, -- component, incident, review: in the order in which Jira should learn of them
    jira_id      TEXT NOT NULL,
    source       TEXT NOT NULL,
    provider_id  TEXT NOT NULL,
    workspace    TEXT NOT NULL, -- provider id of its first workspace
    version      BIGINT NOT NULL,
    event_time   BIGINT NOT NULL,
    digest       TEXT NOT NULL,
    standing     TEXT NOT NULL, -- status and severity: a change of it is news
    content      TEXT,          -- the domain value; NULL once deleted
    mentioned    BIGINT NOT NULL DEFAULT 0, -- known only from being named by an incident
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    PRIMARY KEY (kind, jira_id)
);
CREATE INDEX entities_by_source ON entities (source, kind, jira_id);

CREATE TABLE deliveries (
    client_key     TEXT NOT NULL,
    kind           TEXT NOT NULL,
    jira_id        TEXT NOT NULL,
    wanted         BIGINT NOT NULL,           -- version the site should hold
    acknowledged   BIGINT NOT NULL DEFAULT 0, -- version Jira accepted
    confirmed      BIGINT NOT NULL DEFAULT 0, -- version read back
    state          TEXT NOT NULL,             -- waiting, accepted, confirmed, refused, discarded
    reason         TEXT,
    trace_id       TEXT,
    attempts       BIGINT NOT NULL DEFAULT 0,
    resends        BIGINT NOT NULL DEFAULT 0, -- accepted by Jira, yet never visible
    priority       BIGINT NOT NULL DEFAULT 0, -- 2 live news, 1 news, 0 refresh
    queued_at      BIGINT NOT NULL,
    waiting_since  BIGINT NOT NULL,
    batch          TEXT,
    confirm_at     BIGINT,                    -- when to read back; NULL: its batch's sample speaks for it
    sent_at        BIGINT,
    updated_at     BIGINT NOT NULL,
    PRIMARY KEY (client_key, kind, jira_id)
);
CREATE INDEX deliveries_by_state ON deliveries (client_key, state, kind, priority DESC, queued_at);
CREATE INDEX deliveries_to_confirm ON deliveries (client_key, confirm_at) WHERE confirm_at IS NOT NULL;
CREATE INDEX deliveries_by_batch ON deliveries (batch) WHERE batch IS NOT NULL;
CREATE INDEX deliveries_by_entity ON deliveries (kind, jira_id);

CREATE TABLE inbox (
    id            TEXT PRIMARY KEY,
    source        TEXT NOT NULL,
    delivery_key  TEXT NOT NULL,
    received_at   BIGINT NOT NULL,
    verified_by   TEXT NOT NULL,
    delivery_id   TEXT,
    headers       TEXT NOT NULL,
    body          BLOB NOT NULL,
    state         TEXT NOT NULL, -- new, done, quarantined
    note          TEXT,
    duplicates    BIGINT NOT NULL DEFAULT 0,
    processed_at  BIGINT
);
CREATE UNIQUE INDEX inbox_by_delivery ON inbox (source, delivery_key);
CREATE INDEX inbox_by_state ON inbox (state, id);

CREATE TABLE cursors (
    source         TEXT PRIMARY KEY,
    cursor         TEXT,
    backfill_from  BIGINT NOT NULL,
    caught_up      BIGINT NOT NULL DEFAULT 0, -- the first sync has reached its end
    catalogue_at   BIGINT NOT NULL DEFAULT 0,
    wait_since     BIGINT NOT NULL DEFAULT 0,
    wait_until     BIGINT NOT NULL DEFAULT 0,
    failures       BIGINT NOT NULL DEFAULT 0,
    failure        TEXT,
    refused        BIGINT NOT NULL DEFAULT 0, -- a person must mend something first
    polled_at      BIGINT NOT NULL DEFAULT 0,
    paused         BIGINT NOT NULL DEFAULT 0, -- by the operator
    quiet          BIGINT NOT NULL DEFAULT 0, -- polls in a row that brought nothing
    due_at         BIGINT NOT NULL DEFAULT 0, -- no poll of the schedule before
    webhook_at     BIGINT NOT NULL DEFAULT 0, -- when a webhook last ended the quiet
    read_count     BIGINT NOT NULL DEFAULT 0,
    total          BIGINT
);

CREATE TABLE refetches (
    source       TEXT NOT NULL,
    provider_id  TEXT NOT NULL,
    times        BIGINT NOT NULL DEFAULT 1, -- named so far: what is named again while it is fetched stays
    tried_at     BIGINT NOT NULL DEFAULT 0, -- last refused by the tool: others go first
    PRIMARY KEY (source, provider_id)
);

CREATE TABLE source_memory (
    source  TEXT NOT NULL,
    key     TEXT NOT NULL,
    value   TEXT NOT NULL,
    PRIMARY KEY (source, key)
);

-- The tools' words for status and severity that have no meaning here, for the operator: few, and no history.
CREATE TABLE unknown_words (
    source   TEXT NOT NULL,
    kind     TEXT NOT NULL, -- severity, status
    word     TEXT NOT NULL,
    seen_at  BIGINT NOT NULL,
    PRIMARY KEY (source, kind, word)
);

CREATE TABLE links (
    client_key  TEXT NOT NULL,
    workspace   TEXT NOT NULL, -- id in Jira
    linked_at   BIGINT NOT NULL,
    PRIMARY KEY (client_key, workspace)
);

CREATE TABLE associations (
    client_key  TEXT NOT NULL,
    entity_id   TEXT NOT NULL, -- id in Jira of an incident or review
    issue_id    TEXT NOT NULL,
    detail      TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (client_key, entity_id, issue_id)
);

CREATE TABLE timeline (
    id          TEXT PRIMARY KEY,
    kind        TEXT NOT NULL,
    jira_id     TEXT NOT NULL,
    client_key  TEXT,
    at          BIGINT NOT NULL,
    event       TEXT NOT NULL,
    detail      TEXT NOT NULL
);
CREATE INDEX timeline_by_entity ON timeline (jira_id, id);
CREATE INDEX timeline_by_age ON timeline (at);

-- What a site may not see any more, and since when that is known: removed from Jira after a grace period.
CREATE TABLE removals (
    client_key  TEXT NOT NULL,
    source      TEXT NOT NULL,
    workspace   TEXT NOT NULL, -- id in Jira; empty for everything of the source
    noticed_at  BIGINT NOT NULL,
    PRIMARY KEY (client_key, source, workspace)
);

-- By which of the two the entities of a source are kept apart; the configuration may want the other one.
CREATE TABLE homes (
    source  TEXT PRIMARY KEY,
    teams   BIGINT NOT NULL
);

CREATE TABLE leases (
    name   TEXT PRIMARY KEY,
    owner  TEXT NOT NULL,
    until  BIGINT NOT NULL
);

-- One row per thing that processes keep in memory; a changed number says: read it again.
CREATE TABLE generations (
    name    TEXT PRIMARY KEY,
    number  BIGINT NOT NULL
);
INSERT INTO generations (name, number) VALUES ('directory', 1), ('sites', 1);
