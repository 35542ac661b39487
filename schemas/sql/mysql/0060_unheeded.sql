-- Signs of life that came and did not count, one row a conductor; written at most a few times a minute.
CREATE TABLE IF NOT EXISTS nodewarden_unheeded (
    conductor VARBINARY(255) PRIMARY KEY NOT NULL,
    -- Refused messages that named it since its last sign that counted: why, how many, from when to when.
    refused_why VARCHAR(1000) CHARACTER SET utf8mb4,
    refused_count BIGINT,
    refused_since_ms BIGINT,
    refused_last_ms BIGINT,
    -- For how long they may hold back the verdict of silence yet.
    refused_remaining_ms BIGINT,
    -- Signs of an incarnation that is over: which, how many, from when to when.
    ignored_incarnation BIGINT,
    ignored_count BIGINT,
    ignored_since_ms BIGINT,
    ignored_last_ms BIGINT
) ENGINE = InnoDB;
