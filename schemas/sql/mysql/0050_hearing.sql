-- What the deciding replica says of its own hearing and troubles, for what reads only the database.
CREATE TABLE IF NOT EXISTS nodewarden_hearing (
    -- Always 1.
    id INTEGER PRIMARY KEY NOT NULL,
    -- The epoch of the replica that says so; one with another epoch has said nothing yet.
    epoch BIGINT NOT NULL,
    -- Since when silence proves nothing, by its wall clock; NULL: it counts.
    unproven_since_ms BIGINT,
    -- For how long from noted_at_ms on; while deaf, from the end of that on.
    unproven_ms BIGINT NOT NULL,
    -- 1 while what conductors send does not reach it, 0 otherwise.
    deaf BIGINT NOT NULL,
    -- What troubles it: a sentence a line.
    troubles TEXT CHARACTER SET utf8mb4 NOT NULL,
    noted_at_ms BIGINT NOT NULL
) ENGINE = InnoDB;
