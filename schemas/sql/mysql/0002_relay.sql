-- One row: how far the announcements are.
CREATE TABLE IF NOT EXISTS nodewarden_relay (
    id BIGINT NOT NULL PRIMARY KEY,
    announced BIGINT NOT NULL COMMENT 'the last announcement that the broker confirmed',
    announced_at_ms BIGINT
) ENGINE = InnoDB
