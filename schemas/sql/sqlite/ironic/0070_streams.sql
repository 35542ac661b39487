-- Each history that began in this database after its first one. A few in a database's life: an operator's
-- `migrate --new-stream`, or commits that were lost.
CREATE TABLE IF NOT EXISTS nodewarden_streams (
    stream TEXT PRIMARY KEY NOT NULL,
    -- The one that it took the place of.
    previous TEXT NOT NULL,
    began_at_ms INTEGER NOT NULL,
    -- What was known to be committed, and in which stream; NULL: an operator began it, nothing was lost.
    known_stream TEXT,
    known_epoch INTEGER,
    known_seq INTEGER,
    known_commits INTEGER,
    -- What the database had.
    found_epoch INTEGER NOT NULL,
    found_seq INTEGER NOT NULL,
    found_commits INTEGER NOT NULL,
    -- For how long yet no node is taken out: conductors say again what was lost.
    waits_ms INTEGER NOT NULL
) STRICT;
