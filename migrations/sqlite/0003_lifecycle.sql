-- Lifecycle calls of Jira that had an effect, so that a repeated one has none and an older one is refused. Kept for
-- longer than their tokens are accepted.
CREATE TABLE lifecycle_calls (
    token_hash  TEXT PRIMARY KEY, -- SHA-256 of what the token's signature covers
    body_hash   TEXT NOT NULL,    -- SHA-256
    client_key  TEXT NOT NULL,
    issued_at   BIGINT NOT NULL,
    until       BIGINT NOT NULL   -- may be deleted from then on
);
CREATE INDEX lifecycle_calls_by_key ON lifecycle_calls (client_key, issued_at);
CREATE INDEX lifecycle_calls_by_end ON lifecycle_calls (until);
