-- Each history that began in this database after its first one. A few in a database's life: an operator's
-- `migrate --new-stream`, or commits that were lost.
CREATE TABLE IF NOT EXISTS nodewarden_streams (
    stream VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    -- The one that it took the place of.
    previous VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    began_at_ms BIGINT NOT NULL,
    -- What was known to be committed, and in which stream; NULL: an operator began it, nothing was lost.
    known_stream VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin,
    known_epoch BIGINT,
    known_seq BIGINT,
    known_commits BIGINT,
    -- What the database had.
    found_epoch BIGINT NOT NULL,
    found_seq BIGINT NOT NULL,
    found_commits BIGINT NOT NULL,
    -- For how long yet no node is taken out: conductors say again what was lost.
    waits_ms BIGINT NOT NULL
) ENGINE = InnoDB;
