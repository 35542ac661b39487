-- Every change of a node's state, in order of announcement. The row of a node that went out is
-- its hold as well, as long as `held` names the node: one row to write for each node.
CREATE TABLE IF NOT EXISTS nodewarden_changes (
    seq BIGINT NOT NULL PRIMARY KEY,
    uuid VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    name VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    held VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT 'the node''s uuid while the hold lasts, else NULL',
    decision BIGINT NOT NULL COMMENT 'of the hold',
    since_ms BIGINT NOT NULL,
    back VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin COMMENT 'why it came back; NULL: it went out',
    ends BIGINT COMMENT 'seq of the hold that a coming back ends',
    marked BIGINT COMMENT 'whose UUID is in the node''s mark, where that is not `decision`',
    lifted VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT 'the node''s uuid, if somebody lifted our mark',
    UNIQUE KEY nodewarden_changes_held (held),
    KEY nodewarden_changes_holds (decision, held),
    KEY nodewarden_changes_lifted (lifted)
) ENGINE = InnoDB
