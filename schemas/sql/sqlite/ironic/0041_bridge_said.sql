-- The highest incarnation that a bridge said or saw of each conductor of an Ironic: a conductor whose
-- clock was set back must not start below it. In the database of Ironic, shared by all bridges.
CREATE TABLE IF NOT EXISTS nodewarden_bridge_said (
    conductor TEXT PRIMARY KEY NOT NULL,
    -- The registration that has this incarnation, by the conductor's own clock; NULL: its end has it.
    registered_at_ms INTEGER,
    -- Never falls.
    incarnation INTEGER NOT NULL,
    -- By a bridge's clock; conductors that are gone are dropped after some months.
    noted_at_ms INTEGER NOT NULL
) STRICT;
