-- How many nodes need each pair, and how many are held for it: counted by the replica that decides, so
-- that no look has to pass over all nodes.
CREATE TABLE nodewarden_counts (
    conductor_group TEXT COLLATE "C" NOT NULL, -- in ASCII lower case
    driver TEXT COLLATE "C" NOT NULL,
    nodes BIGINT NOT NULL,              -- as of counted_at_ms
    held BIGINT NOT NULL,               -- as of seq
    PRIMARY KEY (driver, conductor_group)
);

-- Of when they are; no row: never counted.
CREATE TABLE nodewarden_counted (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    counted_at_ms BIGINT NOT NULL,
    nodes BIGINT NOT NULL,              -- all
    held BIGINT NOT NULL,               -- all, as of
    seq BIGINT NOT NULL                 -- this change
);
