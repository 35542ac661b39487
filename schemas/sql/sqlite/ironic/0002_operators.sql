-- For operators' commands, and for nodes whose mark is in a table of somebody else.

-- What the holder of the epoch does with its decisions: 'enforce' or 'observe'.
ALTER TABLE nodewarden_state ADD COLUMN mode TEXT;

-- 1: only recorded; no node was touched and nothing announced.
ALTER TABLE nodewarden_decisions ADD COLUMN observed BOOLEAN NOT NULL DEFAULT 0;

-- Whose UUID is in the mark of a held node, where that is not the hold's decision any more.
ALTER TABLE nodewarden_changes ADD COLUMN marked INTEGER;

-- The node's uuid, if somebody lifted our mark: the same decision does not take it again.
ALTER TABLE nodewarden_changes ADD COLUMN lifted TEXT;

CREATE INDEX nodewarden_changes_lifted
    ON nodewarden_changes (lifted) WHERE lifted IS NOT NULL;

-- At most one row: while it is there, no node is taken out.
CREATE TABLE nodewarden_pause (
    id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    pause_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    who TEXT NOT NULL,
    paused_at_ms INTEGER NOT NULL,
    remaining_ms INTEGER,               -- NULL: until somebody resumes; else as of
    noted_at_ms INTEGER NOT NULL        -- when that was written: for people, never compared
);
