//! A real Ironic, its database and its broker: what it does by itself when a conductor dies, and
//! what becomes of that with nodewarden. `tests/servers/ironic` starts it.

mod api;
mod beats;
mod bridge;
mod database;
mod harness;
mod restarts;
mod story;

use nodewarden_tests::deployment::eventually;

use harness::RealIronic;

#[test]
fn ironic_hands_out_a_node_whose_conductor_is_dead() {
    let ironic = RealIronic::start();
    ironic.start_conductor("powers", &["fake-hardware"], "");
    // Allocations are carried out by any conductor that lives.
    ironic.start_conductor("other", &["manual-management"], "");
    let nodes = ironic.enroll(2, "fake-hardware", "");

    ironic.kill_conductor_9("powers");
    eventually("Ironic sees that the conductor is dead", || {
        (!ironic.conductor_lives("powers")).then_some(())
    });

    // No conductor can operate these nodes any more, and yet one is given away.
    let given = ironic.allocate(&[]).expect("a node");
    assert!(nodes.contains(&given), "{given} is one of {nodes:?}");
    let node = ironic.node(&given);
    assert_eq!(node["provision_state"], "available", "{node}");
    assert_eq!(node["maintenance"], false, "{node}");
    // What it could do with it, and its own way to hold it back, both need that conductor.
    let (status, answer) = ironic.set_maintenance(&given, "its conductor is dead");
    assert!(status >= 400, "{status} {answer}");

    // Held back by hand in the database, the other one is not given away.
    let kept = nodes.iter().find(|node| **node != given).expect("two");
    ironic.sql(&format!(
        "UPDATE nodes SET maintenance = 1 WHERE uuid = '{kept}'"
    ));
    let refusal = ironic.allocate(&[]).expect_err("no node is left");
    assert!(refusal.contains("no available nodes"), "{refusal}");

    // Its conductor is back: now it can be operated, and given away.
    ironic.start_conductor("powers", &["fake-hardware"], "");
    assert_eq!(ironic.clear_maintenance(kept).0, 202);
    assert_eq!(ironic.allocate(&[]).as_ref(), Ok(kept));
}

/// What the bridge relies on when it reads Ironic's tables.
#[test]
fn the_tables_tell_a_clean_end_at_once_and_a_silent_one_only_by_the_missing_heartbeat() {
    let ironic = RealIronic::start();
    ironic.start_conductor("c", &["fake-hardware"], "rack1");
    let host = ironic.host("c");
    // Whether it says that it is there, and for how many drivers.
    let row = || {
        let query = format!(
            "SELECT online, (SELECT COUNT(DISTINCT hardware_type) FROM conductor_hardware_interfaces \
             WHERE conductor_id = conductors.id) FROM conductors \
             WHERE hostname = '{host}' AND conductor_group = 'rack1'"
        );
        let rows = ironic.sql(&query);
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows[0].iter().flatten().cloned().collect::<Vec<_>>()
    };
    let silent = || {
        eventually("Ironic sees that it is silent", || {
            (!ironic.conductor_lives("c")).then_some(())
        });
        // Nothing but the time of its last heartbeat tells.
        assert_eq!(row(), ["1", "1"]);
    };

    ironic.freeze_conductor("c");
    silent();
    ironic.thaw_conductor("c");
    eventually("it beats again", || {
        ironic.conductor_lives("c").then_some(())
    });

    ironic.stop_conductor("c");
    assert_eq!(row(), ["0", "0"]);

    ironic.start_conductor("c", &["fake-hardware"], "rack1");
    ironic.kill_conductor_9("c");
    silent();
}
