-- A replica that begins proves that it can write by changing this one row. The fence row stays
-- untouched: on a certifying cluster a change of it aborts what the active replica has open.
CREATE TABLE IF NOT EXISTS nodewarden_proof (
    -- Always 1.
    id INTEGER PRIMARY KEY NOT NULL,
    -- How often writing was proved.
    proofs INTEGER NOT NULL
) STRICT;
