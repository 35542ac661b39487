-- Every event that was handled, so that its repeat changes nothing.
CREATE TABLE IF NOT EXISTS nodewarden_events (
    number BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    conductor VARBINARY(255) NOT NULL,
    message_id VARBINARY(255) NOT NULL,
    digest BINARY(32) NOT NULL COMMENT 'SHA-256 over type, 0, body',
    type VARCHAR(64) CHARACTER SET ascii NOT NULL,
    outcome VARCHAR(64) CHARACTER SET ascii NOT NULL,
    received_at_ms BIGINT NOT NULL,
    UNIQUE KEY (conductor, message_id)
) ENGINE = InnoDB
