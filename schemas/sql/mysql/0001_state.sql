-- nodewarden's own tables, one statement in each file: a statement that makes a table commits by
-- itself here. Additive changes only from here on: the previous binary must keep working.
-- Names are bytes, so that neither case nor a trailing space makes two of them one.

-- One row: the fence, and the counters that it guards.
CREATE TABLE IF NOT EXISTS nodewarden_state (
    id BIGINT NOT NULL PRIMARY KEY,
    stream VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'UUID of this database''s history',
    epoch BIGINT NOT NULL COMMENT 'who may write; each takeover takes the next',
    commits BIGINT NOT NULL COMMENT 'changed by every writing transaction',
    seq BIGINT NOT NULL COMMENT 'the last one given to a change',
    last_announcement BIGINT NOT NULL COMMENT 'the last number given to an announcement',
    last_decision BIGINT NOT NULL COMMENT 'the last number given to a decision',
    holder TEXT CHARACTER SET utf8mb4 COMMENT 'who took the epoch, for people',
    taken_at_ms BIGINT,
    committed_at_ms BIGINT,
    mode VARCHAR(16) CHARACTER SET ascii COMMENT 'what the holder does with its decisions: enforce or observe'
) ENGINE = InnoDB
