CREATE TABLE IF NOT EXISTS nodewarden_decisions (
    number BIGINT NOT NULL PRIMARY KEY,
    decision_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
    conductor_group VARBINARY(255) NOT NULL,
    driver VARBINARY(255) NOT NULL,
    verdict VARCHAR(16) CHARACTER SET ascii NOT NULL COMMENT 'lost, restored, unknown',
    cause VARCHAR(16) CHARACTER SET ascii NOT NULL COMMENT 'event, silence, hold_ended',
    cause_event_id VARBINARY(255),
    cause_event VARCHAR(64) CHARACTER SET ascii,
    cause_conductor VARBINARY(255),
    last_good_at_ms BIGINT,
    epoch BIGINT NOT NULL,
    decided_at_ms BIGINT NOT NULL,
    completed_at_ms BIGINT,
    nodes BIGINT NOT NULL DEFAULT 0,
    observed BOOLEAN NOT NULL DEFAULT FALSE COMMENT 'only recorded: no node touched, nothing announced',
    KEY nodewarden_decisions_pair (driver, conductor_group, completed_at_ms)
) ENGINE = InnoDB
