-- The least rights for nodewarden on an Ironic's PostgreSQL. Run it as an administrator, in Ironic's
-- database, after `nodewarden migrate` with an administrator's database.url (it makes the tables
-- named nodewarden_…, and touches no other). Put in your own password.

CREATE ROLE nodewarden LOGIN PASSWORD 'change me';

-- Ironic's tables: looked at; four columns of one of them written.
GRANT SELECT ON alembic_version TO nodewarden;
GRANT SELECT, UPDATE (maintenance, maintenance_reason, fault, updated_at) ON nodes TO nodewarden;

-- The bridge looks at these two as well.
GRANT SELECT ON conductors TO nodewarden;
GRANT SELECT ON conductor_hardware_interfaces TO nodewarden;

-- nodewarden's own tables.
GRANT SELECT, INSERT, UPDATE, DELETE ON
    nodewarden_state, nodewarden_relay, nodewarden_events, nodewarden_conductors, nodewarden_pairs,
    nodewarden_decisions, nodewarden_changes, nodewarden_announcements, nodewarden_requests,
    nodewarden_pause, nodewarden_proof, nodewarden_unheeded, nodewarden_counts, nodewarden_counted,
    nodewarden_streams, nodewarden_hearing, nodewarden_receipts, nodewarden_bridge, nodewarden_bridge_said
    TO nodewarden;
