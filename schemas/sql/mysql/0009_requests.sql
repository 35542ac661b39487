-- What operators' commands ask of the deciding replica.
CREATE TABLE IF NOT EXISTS nodewarden_requests (
    number BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    kind VARCHAR(32) CHARACTER SET ascii NOT NULL,
    argument VARBINARY(1024) NOT NULL,
    requested_at_ms BIGINT NOT NULL,
    done_at_ms BIGINT,
    result TEXT CHARACTER SET utf8mb4
) ENGINE = InnoDB
