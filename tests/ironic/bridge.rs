//! The bridge beside a real Ironic: whatever its conductors do, a worker hears of it.

use nodewarden_tests::deployment::{Deployment, Other, eventually};
use serde_json::{Value, json};

use crate::harness::RealIronic;

#[test]
fn a_worker_hears_of_every_start_stop_and_death_of_an_ironic_s_conductors() {
    let ironic = RealIronic::start();
    ironic.start_conductor("c", &["fake-hardware", "manual-management"], "Rack1");
    ironic.start_conductor("other", &["manual-management"], "");
    let deployment = Deployment::default();
    let database = format!("bridge.database_url={}", ironic.database_url());
    let settings = [
        database.as_str(),
        "bridge.interval=500ms",
        // As Ironic's own here.
        "bridge.heartbeat_timeout=10s",
    ];
    let migrated = deployment.command(&settings, &["migrate"]).output();
    assert!(migrated.expect("it runs").status.success());
    let replica = deployment.replica(&[]);
    // Two, as it is meant; they must not disturb each other.
    let bridge = || {
        Other::start(
            "bridge",
            &mut deployment.command(&settings, &["bridge", "ironic"]),
        )
    };
    let _bridges = [bridge(), bridge()];
    let of = |name: &str| -> Option<Value> {
        let (_, answer) = replica.http_get("/v1/conductors");
        let all = answer["conductors"].as_array()?.clone();
        let host = ironic.host(name);
        all.into_iter().find(|one| one["conductor"] == *host)
    };
    let becomes = |state: &str| {
        eventually(&format!("c is {state}"), || {
            let c = of("c")?;
            (c["state"] == state).then(|| c["incarnation"].as_u64())?
        })
    };

    // A process that just started may beat once before it has registered.
    let starts_after = |before: u64| {
        eventually("the new start is heard of", || {
            let c = of("c")?;
            let incarnation = c["incarnation"].as_u64()?;
            (c["state"] == "active" && incarnation > before).then_some(incarnation)
        })
    };

    let first = becomes("active");
    let c = of("c").expect("it is known");
    assert_eq!(c["drivers"], json!(["fake-hardware", "manual-management"]));
    assert_eq!(c["conductor_group"], "rack1");
    eventually("other is active", || {
        (of("other")?["state"] == "active").then_some(())
    });
    let other = of("other");

    ironic.freeze_conductor("c");
    assert_eq!(becomes("timed_out"), first);
    ironic.thaw_conductor("c");
    assert_eq!(becomes("active"), first, "without a new registration");

    ironic.stop_conductor("c");
    let left = becomes("left");
    assert!(left > first);
    ironic.start_conductor("c", &["fake-hardware"], "rack1");
    let second = starts_after(left);
    assert_eq!(
        of("c").expect("it is known")["drivers"],
        json!(["fake-hardware"])
    );

    ironic.kill_conductor_9("c");
    assert_eq!(becomes("timed_out"), second);
    ironic.start_conductor("c", &["fake-hardware"], "rack1");
    starts_after(second);

    // A restart that is over within the time-out: never lost.
    ironic.kill_conductor_9("c");
    let before = becomes("active");
    ironic.start_conductor("c", &["fake-hardware"], "rack1");
    starts_after(before);

    let still = of("other");
    for key in ["state", "since_ms", "incarnation"] {
        let value = |seen: &Option<Value>| seen.as_ref().map(|it| it[key].clone());
        assert_eq!(value(&still), value(&other), "{key}");
    }
}
