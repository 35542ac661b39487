-- The users' table: theirs to fill, in any way, at any time. Only service_state and
-- service_state_since_ms are nodewarden's. A driver's nodes are all updated at once: half of each
-- page is left free for that.
CREATE TABLE IF NOT EXISTS nodes (
    uuid TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    name TEXT,
    driver TEXT COLLATE "C",
    conductor_group TEXT COLLATE "C" DEFAULT '',
    maintenance BOOLEAN DEFAULT FALSE,
    service_state TEXT DEFAULT 'in_service',
    service_state_since_ms BIGINT
) WITH (fillfactor = 50);

-- How the nodes of a pair are walked: by uuid, a bounded window at a time.
CREATE INDEX nodewarden_nodes_pair
    ON nodes (driver, lower(coalesce(conductor_group, '')), uuid);
