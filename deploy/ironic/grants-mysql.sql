-- The least rights for nodewarden on an Ironic's MariaDB or MySQL. Run it as an administrator, in
-- Ironic's database, after `nodewarden migrate` with an administrator's database.url (it makes the
-- tables named nodewarden_…, and touches no other). Put in your own password and hosts.

CREATE USER IF NOT EXISTS 'nodewarden'@'%' IDENTIFIED BY 'change me';

-- Ironic's tables: looked at; four columns of one of them written.
GRANT SELECT ON alembic_version TO 'nodewarden'@'%';
GRANT SELECT, UPDATE (maintenance, maintenance_reason, fault, updated_at) ON nodes TO 'nodewarden'@'%';

-- The bridge looks at these two as well.
GRANT SELECT ON conductors TO 'nodewarden'@'%';
GRANT SELECT ON conductor_hardware_interfaces TO 'nodewarden'@'%';

-- nodewarden's own tables.
GRANT SELECT, INSERT, UPDATE, DELETE ON nodewarden_state TO 'nodewarden'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON nodewarden_relay TO 'nodewarden'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON nodewarden_events TO 'nodewarden'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON nodewarden_conductors TO 'nodewarden'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON nodewarden_pairs TO 'nodewarden'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON nodewarden_decisions TO 'nodewarden'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON nodewarden_changes TO 'nodewarden'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON nodewarden_announcements TO 'nodewarden'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON nodewarden_requests TO 'nodewarden'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON nodewarden_pause TO 'nodewarden'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON nodewarden_unheeded TO 'nodewarden'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON nodewarden_proof TO 'nodewarden'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON nodewarden_streams TO 'nodewarden'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON nodewarden_hearing TO 'nodewarden'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON nodewarden_receipts TO 'nodewarden'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON nodewarden_counts TO 'nodewarden'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON nodewarden_counted TO 'nodewarden'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON nodewarden_bridge TO 'nodewarden'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON nodewarden_bridge_said TO 'nodewarden'@'%';
