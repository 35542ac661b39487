-- How many nodes need each pair, and how many are held for it: counted by the replica that decides, so
-- that no look has to pass over all nodes.
CREATE TABLE IF NOT EXISTS nodewarden_counts (
    conductor_group VARBINARY(255) NOT NULL COMMENT 'in ASCII lower case',
    driver VARBINARY(255) NOT NULL,
    nodes BIGINT NOT NULL COMMENT 'as of counted_at_ms',
    held BIGINT NOT NULL COMMENT 'as of seq',
    PRIMARY KEY (driver, conductor_group)
) ENGINE = InnoDB
