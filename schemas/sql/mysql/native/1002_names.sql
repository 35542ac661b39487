-- A node is asked for by its name as well.
CREATE INDEX /*M! IF NOT EXISTS */ nodewarden_nodes_name ON nodes (name)
