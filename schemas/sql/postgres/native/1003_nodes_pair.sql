-- With the group as it is written, so that walking a pair reads the index alone: its nodes lie on a page of their own
-- each.
DROP INDEX IF EXISTS nodewarden_nodes_pair;
CREATE INDEX nodewarden_nodes_pair
    ON nodes (driver, lower(coalesce(conductor_group, '')), uuid) INCLUDE (conductor_group);
