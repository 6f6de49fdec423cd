-- Several processes on one database: what they spend together, what wakes the others, and which programs may take part.

-- Points of an hourly limit that processes have taken for themselves.
CREATE TABLE points (
    pool   TEXT NOT NULL,
    hour   BIGINT NOT NULL, -- when it began
    spent  BIGINT NOT NULL,
    PRIMARY KEY (pool, hour)
);

-- The last migration that a program must know to work with this database. A migration that takes something away sets it.
INSERT INTO generations (name, number) VALUES ('oldest_program', 0);

-- A change of the directory wakes the other processes. What wakes them for other reasons, they tell each other themselves.
CREATE FUNCTION incident_bridge_directory_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('incident_bridge', TG_TABLE_SCHEMA || ' directory');
    RETURN NULL;
END
$$;
CREATE TRIGGER directory_changed AFTER UPDATE ON generations
FOR EACH ROW WHEN (NEW.name = 'directory' AND OLD.number <> NEW.number)
EXECUTE FUNCTION incident_bridge_directory_changed();
