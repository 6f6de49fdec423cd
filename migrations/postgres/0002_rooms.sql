-- Renames tables and columns after what they hold: destinations, of which an installed Jira site is one kind, and
-- entities, whose ids are not specific to Jira. Only names change, so this is quick however much is stored.

ALTER TABLE installations RENAME TO destinations;
ALTER TABLE destinations RENAME COLUMN client_key TO id; -- the client key of an installation
ALTER TABLE destinations ADD COLUMN type TEXT NOT NULL DEFAULT 'operations'; -- others come from the configuration

ALTER TABLE workspaces RENAME COLUMN jira_id TO id;
ALTER TABLE entities RENAME COLUMN jira_id TO id;

ALTER TABLE deliveries RENAME COLUMN client_key TO destination;
ALTER TABLE deliveries RENAME COLUMN jira_id TO entity_id;
ALTER TABLE deliveries RENAME COLUMN confirm_at TO read_back_at;

ALTER TABLE timeline RENAME COLUMN client_key TO destination;
ALTER TABLE timeline RENAME COLUMN jira_id TO entity_id;

ALTER TABLE links RENAME COLUMN client_key TO destination;
ALTER TABLE associations RENAME COLUMN client_key TO destination;
ALTER TABLE removals RENAME COLUMN client_key TO destination;

ALTER TABLE cursors RENAME TO polls;
ALTER TABLE homes RENAME TO workspace_modes;
ALTER TABLE unknown_words RENAME TO unmapped_values;
ALTER TABLE unmapped_values RENAME COLUMN word TO value;

-- Deliveries with their entities.
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
    CASE WHEN e.content IS NULL THEN CAST(1 AS BIGINT) ELSE 0 END AS deleted
FROM deliveries d
JOIN entities e ON e.kind = d.kind AND e.id = d.entity_id;
