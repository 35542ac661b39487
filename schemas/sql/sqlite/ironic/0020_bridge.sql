-- The bridge writes one row of its own with each look, and reads it back: only then did it see the
-- present. In the database of Ironic, next to the tables that it looks at.
CREATE TABLE IF NOT EXISTS nodewarden_bridge (
    -- A random id of the bridge's process.
    bridge TEXT PRIMARY KEY NOT NULL,
    -- Counts its looks.
    looks INTEGER NOT NULL,
    -- By its own clock; rows older than a day are dropped.
    looked_at_ms INTEGER NOT NULL
) STRICT;
