//! Conductors that write more rarely than the bridge's time-out allows: a site raised Ironic's own
//! numbers by the environment, where ironic.conf does not show it.

use std::time::{Duration, Instant};

use nodewarden_tests::deployment::{Other, eventually, free_port, get};

use crate::harness::RealIronic;
use crate::story::Beside;

/// Seconds between two heartbeats of the conductor, and what the bridge believes is its end.
const BEATS: &str = "8";
const TOO_SHORT: &str = "bridge.heartbeat_timeout=5s";

/// Three of its pauses and the target's margin, from the last heartbeat on.
const FOUND_WITHIN: Duration = Duration::from_secs(24 + 5);

#[test]
fn a_time_out_below_the_conductors_own_pauses_moves_no_node_and_a_crash_is_still_found() {
    let ironic = RealIronic::start();
    let environment = [
        ("OS_CONDUCTOR__HEARTBEAT_INTERVAL", BEATS),
        ("OS_CONDUCTOR__HEARTBEAT_TIMEOUT", "60"),
    ];
    ironic.start_conductor_with(&environment, "slow", &["fake-hardware"], "");
    let nodes = ironic.enroll(2, "fake-hardware", "");
    let beside = Beside::new(&ironic, &[TOO_SHORT]);
    let replica = beside.deployment.replica(&beside.settings());
    let tail = Other::start(
        "tail",
        &mut beside.deployment.command(&beside.settings(), &["tail"]),
    );
    let port = free_port();
    let _bridge = beside.bridge_at(&format!("127.0.0.1:{port}"));

    let last_beat = || ironic.sql("SELECT updated_at FROM conductors")[0][0].clone();
    for _ in 0..4 {
        let before = last_beat();
        eventually("the conductor writes again", || {
            (last_beat() != before).then_some(())
        });
    }
    let (_, answer) = get(port, "/readyz").expect("an answer");
    let says =
        "bridge.heartbeat_timeout (5s) is under three heartbeats: one conductor lets up to 8s pass";
    assert!(answer.contains(says), "{answer}");
    let (_, metrics) = get(port, "/metrics").expect("an answer");
    assert!(
        metrics.contains("nodewarden_bridge_stretched_conductors 1\n"),
        "{metrics}"
    );
    let decisions = || replica.http_get("/v1/decisions?limit=10").1["decisions"].clone();
    assert_eq!(decisions(), serde_json::json!([]));
    assert_eq!(Beside::told(&tail).len(), 0);

    let killed = Instant::now();
    ironic.kill_conductor_9("slow");
    eventually("its nodes are in maintenance", || {
        let out = ironic.sql("SELECT uuid FROM nodes WHERE maintenance = 1");
        (out.len() == nodes.len()).then_some(())
    });
    let took = killed.elapsed();
    assert!(took <= FOUND_WITHIN, "it took {took:?}");
}
