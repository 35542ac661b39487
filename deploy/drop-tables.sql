-- Takes nodewarden out of a database. First: `nodewarden pause`, `nodewarden release --all`, stop all
-- replicas and bridges. The same on SQLite, PostgreSQL, MySQL and MariaDB. Ironic's tables are not
-- touched; the native table `nodes` is yours: drop it yourself if you want it gone.
DROP TABLE IF EXISTS nodewarden_state;
DROP TABLE IF EXISTS nodewarden_streams;
DROP TABLE IF EXISTS nodewarden_relay;
DROP TABLE IF EXISTS nodewarden_events;
DROP TABLE IF EXISTS nodewarden_conductors;
DROP TABLE IF EXISTS nodewarden_pairs;
DROP TABLE IF EXISTS nodewarden_decisions;
DROP TABLE IF EXISTS nodewarden_changes;
DROP TABLE IF EXISTS nodewarden_announcements;
DROP TABLE IF EXISTS nodewarden_requests;
DROP TABLE IF EXISTS nodewarden_pause;
DROP TABLE IF EXISTS nodewarden_unheeded;
DROP TABLE IF EXISTS nodewarden_receipts;
DROP TABLE IF EXISTS nodewarden_proof;
DROP TABLE IF EXISTS nodewarden_hearing;
DROP TABLE IF EXISTS nodewarden_counts;
DROP TABLE IF EXISTS nodewarden_counted;
DROP TABLE IF EXISTS nodewarden_bridge;
DROP TABLE IF EXISTS nodewarden_bridge_said;
DROP TABLE IF EXISTS nodewarden_migrating;
DROP TABLE IF EXISTS nodewarden_migrations;
