-- nodewarden's own tables. Additive changes only from here on: the previous binary must keep working.
-- Texts compare byte by byte, whatever the database's locale.

-- One row: the fence, and the counters that it guards.
CREATE TABLE nodewarden_state (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    stream TEXT COLLATE "C" NOT NULL,   -- UUID of this database's history
    epoch BIGINT NOT NULL,              -- who may write; each takeover takes the next
    commits BIGINT NOT NULL,            -- changed by every writing transaction
    seq BIGINT NOT NULL,                -- the last one given to a change
    last_announcement BIGINT NOT NULL,  -- the last number given to an announcement
    last_decision BIGINT NOT NULL,      -- the last number given to a decision
    holder TEXT,                        -- who took the epoch, for people
    taken_at_ms BIGINT,
    committed_at_ms BIGINT,
    mode TEXT                           -- what the holder does with its decisions: 'enforce' or 'observe'
) WITH (fillfactor = 10);

-- One row: how far the announcements are.
CREATE TABLE nodewarden_relay (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    announced BIGINT NOT NULL,          -- the last announcement that the broker confirmed
    announced_at_ms BIGINT
) WITH (fillfactor = 10);

-- Every event that was handled, so that its repeat changes nothing.
CREATE TABLE nodewarden_events (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    conductor TEXT COLLATE "C" NOT NULL,
    message_id TEXT COLLATE "C" NOT NULL,
    digest BYTEA NOT NULL,              -- SHA-256 over type, 0, body
    type TEXT NOT NULL,
    outcome TEXT NOT NULL,
    received_at_ms BIGINT NOT NULL,
    UNIQUE (conductor, message_id)
);

CREATE TABLE nodewarden_conductors (
    conductor TEXT COLLATE "C" PRIMARY KEY,
    incarnation BIGINT NOT NULL,
    conductor_group TEXT COLLATE "C" NOT NULL,
    drivers TEXT NOT NULL,              -- JSON list of names
    heartbeat_timeout_ms BIGINT,
    state TEXT NOT NULL CHECK (state IN ('active', 'leaving', 'left', 'timed_out')),
    hold_remaining_ms BIGINT,           -- of a planned restart, as of
    hold_noted_at_ms BIGINT,            -- when that was written: for people, never compared
    last_sent_at_ms BIGINT,             -- on the conductor's clock
    last_sign_at_ms BIGINT NOT NULL,
    since_ms BIGINT NOT NULL
) WITH (fillfactor = 50);

-- What each pair should be. A pair without a row never had an active conductor.
CREATE TABLE nodewarden_pairs (
    conductor_group TEXT COLLATE "C" NOT NULL, -- in ASCII lower case
    driver TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('active', 'lost')),
    since_ms BIGINT NOT NULL,
    decision BIGINT,                    -- the last one about it; NULL if it was never lost
    PRIMARY KEY (driver, conductor_group)
);

CREATE TABLE nodewarden_decisions (
    number BIGINT PRIMARY KEY,
    decision_id TEXT COLLATE "C" NOT NULL UNIQUE,
    conductor_group TEXT COLLATE "C" NOT NULL,
    driver TEXT COLLATE "C" NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('lost', 'restored', 'unknown')),
    cause TEXT NOT NULL,                -- 'event', 'silence', 'hold_ended'
    cause_event_id TEXT,
    cause_event TEXT,
    cause_conductor TEXT,
    last_good_at_ms BIGINT,
    epoch BIGINT NOT NULL,
    decided_at_ms BIGINT NOT NULL,
    completed_at_ms BIGINT,
    nodes BIGINT NOT NULL DEFAULT 0,
    observed BOOLEAN NOT NULL DEFAULT FALSE -- only recorded: no node touched, nothing announced
);

-- The decisions of a pair, and those that are not complete.
CREATE INDEX nodewarden_decisions_pair
    ON nodewarden_decisions (driver, conductor_group, completed_at_ms);

-- Every change of a node's state, in order of announcement. The row of a node that went out is
-- its hold as well, as long as `held` names the node: one row to write for each node.
CREATE TABLE nodewarden_changes (
    seq BIGINT PRIMARY KEY,
    uuid TEXT COLLATE "C" NOT NULL,
    name TEXT,
    held TEXT COLLATE "C" UNIQUE,       -- the node's uuid while the hold lasts, else NULL
    decision BIGINT NOT NULL,           -- of the hold
    since_ms BIGINT NOT NULL,
    back TEXT COLLATE "C",              -- why it came back; NULL: it went out
    ends BIGINT,                        -- seq of the hold that a coming back ends
    marked BIGINT,                      -- whose UUID is in the node's mark, where that is not `decision`
    lifted TEXT COLLATE "C"             -- the node's uuid, if somebody lifted our mark
) WITH (fillfactor = 70);

-- The holds of a decision.
CREATE INDEX nodewarden_changes_holds
    ON nodewarden_changes (decision, held) WHERE held IS NOT NULL;

CREATE INDEX nodewarden_changes_lifted
    ON nodewarden_changes (lifted) WHERE lifted IS NOT NULL;

-- The boundaries of each message, fixed in the transaction that decided it.
CREATE TABLE nodewarden_announcements (
    number BIGINT PRIMARY KEY,
    type TEXT NOT NULL,
    decision BIGINT,                    -- of the hold; NULL for a position
    reason TEXT,
    released_by BIGINT,                 -- the decision that ended the hold
    first_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    decided_at_ms BIGINT NOT NULL,
    committed_at_ms BIGINT NOT NULL,
    format BIGINT NOT NULL              -- how the body is made from these rows
);

-- What operators' commands ask of the deciding replica.
CREATE TABLE nodewarden_requests (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind TEXT NOT NULL,
    argument TEXT NOT NULL,
    requested_at_ms BIGINT NOT NULL,
    done_at_ms BIGINT,
    result TEXT
);

-- At most one row: while it is there, no node is taken out.
CREATE TABLE nodewarden_pause (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    pause_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    who TEXT NOT NULL,
    paused_at_ms BIGINT NOT NULL,
    remaining_ms BIGINT,                -- NULL: until somebody resumes; else as of
    noted_at_ms BIGINT NOT NULL         -- when that was written: for people, never compared
);
