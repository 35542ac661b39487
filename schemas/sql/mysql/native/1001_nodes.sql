-- The users' table: theirs to fill, in any way, at any time. Only service_state and
-- service_state_since_ms are nodewarden's, and two computed columns that SELECT * does not show:
-- driver and group as bytes, the group in ASCII lower case (`lower` of a text would turn every
-- letter; the Hebrew character set has no case of its own, so only A to Z change).
CREATE TABLE IF NOT EXISTS nodes (
    uuid VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
    name VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    driver VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    conductor_group VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT '',
    maintenance BOOLEAN DEFAULT FALSE,
    service_state VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin DEFAULT 'in_service',
    service_state_since_ms BIGINT,
    nodewarden_driver VARBINARY(1020) GENERATED ALWAYS AS
        (CAST(driver AS CHAR CHARACTER SET binary)) VIRTUAL INVISIBLE,
    nodewarden_group VARBINARY(1020) GENERATED ALWAYS AS
        (CAST(lower(CONVERT(CAST(coalesce(conductor_group, '') AS CHAR CHARACTER SET binary) USING hebrew))
            AS CHAR CHARACTER SET binary)) VIRTUAL INVISIBLE,
    KEY nodewarden_nodes_pair (nodewarden_driver, nodewarden_group, uuid)
) ENGINE = InnoDB
