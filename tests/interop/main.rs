//! The real binary among strangers: clients in other languages that know nothing but the contract,
//! a real Ironic's list of nodes, and publishers that send rubbish.

mod clients;
mod examples;
mod refused;
mod schedulers;
mod stranger;
mod stream;
mod take_away;

use nodewarden_tests::deployment::{Deployment, file};
use serde_json::json;

#[test]
fn the_list_of_a_real_ironic_is_imported_and_shown() {
    let deployment = Deployment::default();
    deployment.run(&["migrate"]);
    let list = file("tests/fixtures/ironic-api-nodes.json");
    let imported = deployment.ask(&["nodes", "import", list.to_str().expect("text")]);
    assert_eq!(
        (&imported["added"], &imported["updated"], &imported["known"]),
        (&json!(13), &json!(0), &json!(13))
    );
    let again = deployment.ask(&["nodes", "import", list.to_str().expect("text")]);
    assert_eq!(
        (&again["added"], &again["updated"], &again["unchanged"]),
        (&json!(0), &json!(0), &json!(13))
    );

    let mut status = deployment.ask(&["status"]);
    let stream = status["stream"].take();
    uuid::Uuid::parse_str(stream.as_str().expect("a stream")).expect("it is a UUID");
    assert_eq!(
        status,
        json!({
            "stream": null, "epoch": 0, "seq": 0,
            "active": {"holder": null, "since_ms": null, "last_commit_at_ms": null, "seems_alive": false},
            "mode": null, "observed": null, "paused": null, "began": null,
            "announcements": {"made": 0, "confirmed": 0, "oldest_waiting_since_ms": null},
            "nodes": null, "nodes_out_of_service": null, "counted_at_ms": null, "hearing": null,
            "drivers": [],
            "conductors": [], "subscribers": [],
        })
    );
}
