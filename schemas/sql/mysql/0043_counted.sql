-- Of when the counts are; no row: never counted.
CREATE TABLE IF NOT EXISTS nodewarden_counted (
    id BIGINT PRIMARY KEY NOT NULL COMMENT 'always 1',
    counted_at_ms BIGINT NOT NULL,
    nodes BIGINT NOT NULL COMMENT 'all',
    held BIGINT NOT NULL COMMENT 'all, as of',
    seq BIGINT NOT NULL COMMENT 'this change'
) ENGINE = InnoDB
