-- How far each subscriber says that it has carried out the stream: its newest receipt, one row a subscriber.
CREATE TABLE IF NOT EXISTS nodewarden_receipts (
    subscriber TEXT PRIMARY KEY NOT NULL,
    stream TEXT NOT NULL,
    -- Every change up to this one has been carried out.
    seq INTEGER NOT NULL,
    -- By its own clock.
    applied_at_ms INTEGER NOT NULL,
    heard_at_ms INTEGER NOT NULL
) STRICT;
