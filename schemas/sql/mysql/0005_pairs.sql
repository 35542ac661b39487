-- What each pair should be. A pair without a row never had an active conductor.
CREATE TABLE IF NOT EXISTS nodewarden_pairs (
    conductor_group VARBINARY(255) NOT NULL COMMENT 'in ASCII lower case',
    driver VARBINARY(255) NOT NULL,
    state VARCHAR(16) CHARACTER SET ascii NOT NULL COMMENT 'active, lost',
    since_ms BIGINT NOT NULL,
    decision BIGINT COMMENT 'the last one about it; NULL if it was never lost',
    PRIMARY KEY (driver, conductor_group)
) ENGINE = InnoDB
