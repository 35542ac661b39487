-- At most one row: while it is there, no node is taken out.
CREATE TABLE IF NOT EXISTS nodewarden_pause (
    id BIGINT NOT NULL PRIMARY KEY,
    pause_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reason TEXT CHARACTER SET utf8mb4 NOT NULL,
    who TEXT CHARACTER SET utf8mb4 NOT NULL,
    paused_at_ms BIGINT NOT NULL,
    remaining_ms BIGINT COMMENT 'NULL: until somebody resumes; else as of',
    noted_at_ms BIGINT NOT NULL COMMENT 'when that was written: for people, never compared'
) ENGINE = InnoDB
