-- Signs of life that came and did not count, one row a conductor; written at most a few times a minute.
CREATE TABLE IF NOT EXISTS nodewarden_unheeded (
    conductor TEXT PRIMARY KEY NOT NULL,
    -- Refused messages that named it since its last sign that counted: why, how many, from when to when.
    refused_why TEXT,
    refused_count INTEGER,
    refused_since_ms INTEGER,
    refused_last_ms INTEGER,
    -- For how long they may hold back the verdict of silence yet.
    refused_remaining_ms INTEGER,
    -- Signs of an incarnation that is over: which, how many, from when to when.
    ignored_incarnation INTEGER,
    ignored_count INTEGER,
    ignored_since_ms INTEGER,
    ignored_last_ms INTEGER
) STRICT;
