-- The boundaries of each message, fixed in the transaction that decided it.
CREATE TABLE IF NOT EXISTS nodewarden_announcements (
    number BIGINT NOT NULL PRIMARY KEY,
    type VARCHAR(64) CHARACTER SET ascii NOT NULL,
    decision BIGINT COMMENT 'of the hold; NULL for a position',
    reason VARCHAR(32) CHARACTER SET ascii,
    released_by BIGINT COMMENT 'the decision that ended the hold',
    first_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    decided_at_ms BIGINT NOT NULL,
    committed_at_ms BIGINT NOT NULL,
    format BIGINT NOT NULL COMMENT 'how the body is made from these rows'
) ENGINE = InnoDB
