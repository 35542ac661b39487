-- Each history that began in this database after its first one. A few in a database's life: an operator's
-- `migrate --new-stream`, or commits that were lost.
CREATE TABLE IF NOT EXISTS nodewarden_streams (
    stream TEXT PRIMARY KEY NOT NULL,
    -- The one that it took the place of.
    previous TEXT NOT NULL,
    began_at_ms BIGINT NOT NULL,
    -- What was known to be committed, and in which stream; NULL: an operator began it, nothing was lost.
    known_stream TEXT,
    known_epoch BIGINT,
    known_seq BIGINT,
    known_commits BIGINT,
    -- What the database had.
    found_epoch BIGINT NOT NULL,
    found_seq BIGINT NOT NULL,
    found_commits BIGINT NOT NULL,
    -- For how long yet no node is taken out: conductors say again what was lost.
    waits_ms BIGINT NOT NULL
);
