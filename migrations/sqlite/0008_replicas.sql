-- What processes spend together, and which programs may take part.

-- Points of an hourly limit that processes have taken for themselves.
CREATE TABLE points (
    pool   TEXT NOT NULL,
    hour   INTEGER NOT NULL, -- when it began
    spent  INTEGER NOT NULL,
    PRIMARY KEY (pool, hour)
);

-- The last migration that a program must know to work with this database. A migration that takes something away sets it.
INSERT INTO generations (name, number) VALUES ('oldest_program', 0);
