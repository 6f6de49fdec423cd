-- What people look incidents up by, and lists of incidents: newest change first, without reading the others. Columns
-- stay empty until an entity's next change.

ALTER TABLE entities ADD COLUMN number TEXT; -- what people call it in the tool
ALTER TABLE entities ADD COLUMN url_digest TEXT; -- SHA-256 of its address in the tool

CREATE INDEX entities_by_provider_id ON entities (provider_id);
CREATE INDEX entities_by_number ON entities (number) WHERE number IS NOT NULL;
CREATE INDEX entities_by_url ON entities (url_digest) WHERE url_digest IS NOT NULL;
CREATE INDEX entities_by_change ON entities (kind, updated_at, id, source) WHERE content IS NOT NULL;
CREATE INDEX open_incidents_by_change ON entities (kind, updated_at, id, source)
    WHERE content IS NOT NULL AND SUBSTR(standing, 1, 5) = 'open/';

-- When the last webhook of a source arrived.
CREATE INDEX inbox_by_arrival ON inbox (source, received_at);
