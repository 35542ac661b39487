-- How many nodes need each pair, and how many are held for it: counted by the replica that decides, so
-- that no look has to pass over all nodes.
CREATE TABLE nodewarden_counts (
    conductor_group TEXT NOT NULL,      -- in ASCII lower case
    driver TEXT NOT NULL,
    nodes INTEGER NOT NULL,             -- as of counted_at_ms
    held INTEGER NOT NULL,              -- as of seq
    PRIMARY KEY (driver, conductor_group)
) STRICT;

-- Of when they are; no row: never counted.
CREATE TABLE nodewarden_counted (
    id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    counted_at_ms INTEGER NOT NULL,
    nodes INTEGER NOT NULL,             -- all
    held INTEGER NOT NULL,              -- all, as of
    seq INTEGER NOT NULL                -- this change
) STRICT;
