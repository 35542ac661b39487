-- The first schema. Additive changes only from here on: the previous binary must keep working.

-- One row: the fence, and the counters that it guards.
CREATE TABLE nodewarden_state (
    id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    stream TEXT NOT NULL,               -- UUID of this database's history
    epoch INTEGER NOT NULL,             -- who may write; each takeover takes the next
    commits INTEGER NOT NULL,           -- changed by every writing transaction
    seq INTEGER NOT NULL,               -- the last one given to a change
    last_announcement INTEGER NOT NULL, -- the last number given to an announcement
    last_decision INTEGER NOT NULL,     -- the last number given to a decision
    holder TEXT,                        -- who took the epoch, for people
    taken_at_ms INTEGER,
    committed_at_ms INTEGER
);

-- One row: how far the announcements are.
CREATE TABLE nodewarden_relay (
    id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    announced INTEGER NOT NULL,         -- the last announcement that the broker confirmed
    announced_at_ms INTEGER
);

-- Every event that was handled, so that its repeat changes nothing.
CREATE TABLE nodewarden_events (
    number INTEGER PRIMARY KEY NOT NULL,
    conductor TEXT NOT NULL,
    message_id TEXT NOT NULL,
    digest BLOB NOT NULL,               -- SHA-256 over type, 0, body
    type TEXT NOT NULL,
    outcome TEXT NOT NULL,
    received_at_ms INTEGER NOT NULL,
    UNIQUE (conductor, message_id)
);

CREATE TABLE nodewarden_conductors (
    conductor TEXT PRIMARY KEY NOT NULL,
    incarnation INTEGER NOT NULL,
    conductor_group TEXT NOT NULL,
    drivers TEXT NOT NULL,              -- JSON list of names
    heartbeat_timeout_ms INTEGER,
    state TEXT NOT NULL CHECK (state IN ('active', 'leaving', 'left', 'timed_out')),
    hold_remaining_ms INTEGER,          -- of a planned restart, as of
    hold_noted_at_ms INTEGER,           -- when that was written: for people, never compared
    last_sent_at_ms INTEGER,            -- on the conductor's clock
    last_sign_at_ms INTEGER NOT NULL,
    since_ms INTEGER NOT NULL
);

-- What each pair should be. A pair without a row never had an active conductor.
CREATE TABLE nodewarden_pairs (
    conductor_group TEXT NOT NULL,      -- in ASCII lower case
    driver TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'lost')),
    since_ms INTEGER NOT NULL,
    decision INTEGER,                   -- the last one about it; NULL if it was never lost
    PRIMARY KEY (driver, conductor_group)
);

CREATE TABLE nodewarden_decisions (
    number INTEGER PRIMARY KEY NOT NULL,
    decision_id TEXT NOT NULL UNIQUE,
    conductor_group TEXT NOT NULL,
    driver TEXT NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('lost', 'restored', 'unknown')),
    cause TEXT NOT NULL,                -- 'event', 'silence', 'hold_ended'
    cause_event_id TEXT,
    cause_event TEXT,
    cause_conductor TEXT,
    last_good_at_ms INTEGER,
    epoch INTEGER NOT NULL,
    decided_at_ms INTEGER NOT NULL,
    completed_at_ms INTEGER,
    nodes INTEGER NOT NULL DEFAULT 0
);

-- Every change of a node's state, in order of announcement. The row of a node that went out is
-- its hold as well, as long as `held` names the node: one row to write for each node.
CREATE TABLE nodewarden_changes (
    seq INTEGER PRIMARY KEY NOT NULL,
    uuid TEXT NOT NULL,
    name TEXT,
    held TEXT UNIQUE,                   -- the node's uuid while the hold lasts, else NULL
    decision INTEGER NOT NULL,          -- of the hold
    since_ms INTEGER NOT NULL,
    back TEXT,                          -- why it came back; NULL: it went out
    ends INTEGER                        -- seq of the hold that a coming back ends
);

-- The boundaries of each message, fixed in the transaction that decided it.
CREATE TABLE nodewarden_announcements (
    number INTEGER PRIMARY KEY NOT NULL,
    type TEXT NOT NULL,
    decision INTEGER,                   -- of the hold; NULL for a position
    reason TEXT,
    released_by INTEGER,                -- the decision that ended the hold
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    decided_at_ms INTEGER NOT NULL,
    committed_at_ms INTEGER NOT NULL,
    format INTEGER NOT NULL             -- how the body is made from these rows
);

-- What operators' commands ask of the deciding replica.
CREATE TABLE nodewarden_requests (
    number INTEGER PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    argument TEXT NOT NULL,
    requested_at_ms INTEGER NOT NULL,
    done_at_ms INTEGER,
    result TEXT
);

-- With 1,000 pairs, 100,000 holds and 100,000 decisions: recording a decision looked at every one
-- of the others (15 ms), and giving a pair's nodes back at every hold of all pairs (1 s).

-- The decisions of a pair, and those that are not complete.
CREATE INDEX nodewarden_decisions_pair
    ON nodewarden_decisions (driver, conductor_group, completed_at_ms);

-- The holds of a decision.
CREATE INDEX nodewarden_changes_holds
    ON nodewarden_changes (decision, held) WHERE held IS NOT NULL;
