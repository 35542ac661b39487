-- What retention and looks ask for, found without passing over all that is kept.
CREATE INDEX IF NOT EXISTS nodewarden_events_received
    ON nodewarden_events (received_at_ms);
CREATE INDEX IF NOT EXISTS nodewarden_changes_node
    ON nodewarden_changes (uuid);
CREATE INDEX IF NOT EXISTS nodewarden_changes_ended
    ON nodewarden_changes (since_ms) WHERE held IS NULL;
CREATE INDEX IF NOT EXISTS nodewarden_changes_marked
    ON nodewarden_changes (marked) WHERE marked IS NOT NULL;
CREATE INDEX IF NOT EXISTS nodewarden_announcements_committed
    ON nodewarden_announcements (committed_at_ms);
CREATE INDEX IF NOT EXISTS nodewarden_announcements_decision
    ON nodewarden_announcements (decision);
CREATE INDEX IF NOT EXISTS nodewarden_announcements_released
    ON nodewarden_announcements (released_by);
CREATE INDEX IF NOT EXISTS nodewarden_decisions_completed
    ON nodewarden_decisions (completed_at_ms);
CREATE INDEX IF NOT EXISTS nodewarden_pairs_decision
    ON nodewarden_pairs (decision);

-- A node is asked for by its name as well.
CREATE INDEX IF NOT EXISTS nodewarden_nodes_name ON nodes (name);
