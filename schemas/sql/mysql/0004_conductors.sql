CREATE TABLE IF NOT EXISTS nodewarden_conductors (
    conductor VARBINARY(255) NOT NULL PRIMARY KEY,
    incarnation BIGINT NOT NULL,
    conductor_group VARBINARY(255) NOT NULL,
    drivers LONGTEXT CHARACTER SET utf8mb4 NOT NULL COMMENT 'JSON list of names',
    heartbeat_timeout_ms BIGINT,
    state VARCHAR(16) CHARACTER SET ascii NOT NULL COMMENT 'active, leaving, left, timed_out',
    hold_remaining_ms BIGINT COMMENT 'of a planned restart, as of',
    hold_noted_at_ms BIGINT COMMENT 'when that was written: for people, never compared',
    last_sent_at_ms BIGINT COMMENT 'on the conductor''s clock',
    last_sign_at_ms BIGINT NOT NULL,
    since_ms BIGINT NOT NULL
) ENGINE = InnoDB
