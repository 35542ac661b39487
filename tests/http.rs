//! What the world sees over HTTP: whole answers over a real socket and a real database file.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use nodewarden::config::InventoryKind;
use nodewarden::domain::conductor::Outcome;
use nodewarden::domain::event::EventType;
use nodewarden::http::serve;
use nodewarden::store::{self, Operator, Reader};
use nodewarden::telemetry;
use nodewarden::worker::{Role, Status};
use nodewarden_tests::story::{DECISION, Story, T};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|fault| panic!("{fault}: {}", self.body))
    }
}

async fn ask(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let request = format!("{request} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("asked");
    let mut text = String::new();
    // Every answer ends its connection, so that there is nothing to wait for.
    stream.read_to_string(&mut text).await.expect("answered");
    let (head, body) = text.split_once("\r\n\r\n").expect("head and body");
    let status = head
        .split(' ')
        .nth(1)
        .expect("a status")
        .parse()
        .expect("a number");
    Answer {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

async fn get(address: SocketAddr, path: &str) -> Answer {
    ask(address, &format!("GET {path}")).await
}

/// Runs `test` against a server over `story` that says `status`, and ends the server.
async fn with_server(
    story: &Story,
    status: Status,
    test: impl AsyncFnOnce(SocketAddr, &watch::Sender<Status>),
) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let reader = Reader::new(
        &story.settings.database,
        nodewarden::config::InventoryKind::Native,
    )
    .expect("a reader");
    let (sender, receiver) = watch::channel(status);
    let shutdown = CancellationToken::new();
    let metrics = telemetry::install_metrics().expect("a recorder");
    let server = serve(listener, reader, receiver, metrics, shutdown.clone());
    let client = async {
        test(address, &sender).await;
        shutdown.cancel();
    };
    let (served, ()) = tokio::join!(server, client);
    served.expect("it ended well");
}

fn active() -> Status {
    Status {
        role: Role::Active,
        epoch: Some(1),
        last_tick: Some(Instant::now()),
        ..Status::default()
    }
}

#[tokio::test]
async fn the_snapshot_is_all_that_is_out_of_service_page_by_page() {
    let mut story = Story::told().await;
    let n2 = json!({
        "uuid": "n2", "name": "web-2", "conductor_group": "", "driver": "b", "reason": "driver_lost",
        "decision_id": DECISION, "since_ms": T + 1500,
    });
    let stream = story.stream.clone();
    with_server(&story, active(), async |address, _| {
        let page = get(address, "/v1/snapshot").await;
        assert_eq!(page.status, 200);
        assert!(
            page.head
                .to_ascii_lowercase()
                .contains("content-type: application/json"),
            "{}",
            page.head
        );
        assert_eq!(
            page.json(),
            json!({ "stream": stream, "epoch": 1, "seq": 1, "nodes": [n2.clone()], "next": null })
        );
    })
    .await;
    story.leaves("c2", 1, None, T + 2000).await;
    story.takes_out("a", T + 2500).await;
    with_server(&story, active(), async |address, _| {
        let first = get(address, "/v1/snapshot?limit=1").await.json();
        assert_eq!(
            (&first["nodes"][0]["uuid"], &first["next"], &first["seq"]),
            (&json!("n1"), &json!("n1"), &json!(2))
        );
        let second = get(address, "/v1/snapshot?limit=1&after=n1").await.json();
        assert_eq!(second["nodes"], json!([n2]));
        let end = get(address, "/v1/snapshot?after=n2").await.json();
        assert_eq!((&end["nodes"], &end["next"]), (&json!([]), &Value::Null));
    })
    .await;
}

#[tokio::test]
async fn nodes_are_all_of_them_page_by_page_with_the_pair_that_each_needs() {
    let story = Story::told().await;
    with_server(&story, active(), async |address, _| {
        let all = get(address, "/v1/nodes").await.json();
        let nodes = all["nodes"].as_array().expect("a list");
        assert_eq!(all["next"], Value::Null);
        let first = get(address, "/v1/nodes?limit=1").await.json();
        let uuid = first["next"].as_str().expect("there is more").to_owned();
        assert_eq!(first["nodes"], json!([nodes[0]]));
        let path = format!("/v1/nodes?after={uuid}&limit=9");
        assert_eq!(get(address, &path).await.json()["nodes"], json!(nodes[1..]));
        let n2 = nodes.iter().find(|node| node["uuid"] == "n2").expect("there");
        assert_eq!(
            *n2,
            json!({
                "uuid": "n2", "name": "web-2", "conductor_group": "", "driver": "b", "maintenance": false,
                "service_state": "out_of_service", "since_ms": T + 1500,
            })
        );
    })
    .await;
}

#[tokio::test]
async fn drivers_are_every_pair_that_a_conductor_or_a_node_names() {
    let story = Story::told().await;
    with_server(&story, active(), async |address, _| {
        let mut answer = get(address, "/v1/drivers").await.json();
        let mut why = Vec::new();
        for driver in answer["drivers"].as_array_mut().expect("a list") {
            why.push(driver["why"].take().as_str().expect("a text").to_owned());
        }
        assert!(why[0].starts_with("Driver a in the default group has been active since 2026-03-01T10:00:00Z"), "{}", why[0]);
        assert!(why[1].contains("Its last conductor, c1, left (event c1-1772359201000)."), "{}", why[1]);
        assert!(why[2].contains("never had an active conductor"), "{}", why[2]);
        assert!(why[3].contains("c3 may be away until 2026-03-01T10:10:00Z"), "{}", why[3]);
        assert_eq!(
            answer,
            json!({ "counted_at_ms": T, "drivers": [
                { "conductor_group": "", "driver": "a", "state": "active", "since_ms": T, "until_ms": null,
                  "why": null, "conductors": ["c2"], "nodes_in_service": 1, "nodes_out_of_service": 0,
                  "counted_at_ms": T, "nearly_lost": true },
                { "conductor_group": "", "driver": "b", "state": "lost", "since_ms": T + 1000, "until_ms": null,
                  "why": null, "conductors": [], "nodes_in_service": 0, "nodes_out_of_service": 1,
                  "counted_at_ms": T, "nearly_lost": false },
                { "conductor_group": "", "driver": "zz", "state": "unknown", "since_ms": null, "until_ms": null,
                  "why": null, "conductors": [], "nodes_in_service": 1, "nodes_out_of_service": 0,
                  "counted_at_ms": T, "nearly_lost": false },
                { "conductor_group": "rack-1", "driver": "r", "state": "holding", "since_ms": T,
                  "until_ms": T + 600_500, "why": null, "conductors": ["c3"], "nodes_in_service": 1,
                  "nodes_out_of_service": 0, "counted_at_ms": T, "nearly_lost": false },
            ] })
        );
    })
    .await;
}

#[tokio::test]
async fn conductors_are_shown_with_their_state() {
    let mut story = Story::told().await;
    // Keeping what remains of a planned restart moves its end neither way.
    let minute = std::time::Duration::from_secs(60);
    story.sweeps("c3", minute, T + 60_500).await;
    with_server(&story, active(), async |address, _| {
        let conductor = |name, group, drivers: &[&str], state, since_ms, until_ms: Option<u64>| {
            json!({ "conductor": name, "incarnation": 1, "conductor_group": group, "drivers": drivers, "state": state,
                    "since_ms": since_ms, "until_ms": until_ms, "last_sign_at_ms": since_ms,
                    "heartbeat_timeout_ms": null,
                    "refused": null, "ignored": null })
        };
        assert_eq!(
            get(address, "/v1/conductors").await.json(),
            json!({ "conductors": [
                conductor("c1", "", &["a", "b"], "left", T + 1000, None),
                conductor("c2", "", &["a"], "active", T, None),
                conductor("c3", "rack-1", &["r"], "leaving", T + 500, Some(T + 600_500)),
            ] })
        );
    })
    .await;
}

#[tokio::test]
async fn a_node_answers_why_and_with_the_decision() {
    let mut story = Story::told().await;
    let decision = json!({
        "decision_id": DECISION, "conductor_group": "", "driver": "b", "verdict": "lost",
        "cause": { "kind": "event", "event_id": "c1-1772359201000", "event": "conductor.left", "conductor": "c1" },
        "last_good_at_ms": T + 1000, "epoch": 1, "decided_at_ms": T + 1000, "completed_at_ms": T + 1500, "nodes": 1,
        "observed": false,
    });
    with_server(&story, active(), async |address, _| {
        let mut n2 = get(address, "/v1/nodes/n2").await.json();
        let explanation = n2["explanation"].take();
        let explanation = explanation.as_str().expect("a text");
        assert!(explanation.starts_with("Node web-2 (n2) has been OUT of service since 2026-03-01T10:00:01Z"), "{explanation}");
        assert_eq!(
            n2,
            json!({ "uuid": "n2", "name": "web-2", "conductor_group": "", "driver": "b", "maintenance": false,
                    "service_state": "out_of_service", "since_ms": T + 1500, "explanation": null, "decision": decision.clone() })
        );
        let n1 = get(address, "/v1/nodes/n1").await.json();
        assert_eq!((&n1["maintenance"], &n1["decision"], &n1["service_state"]), (&json!(true), &Value::Null, &json!("in_service")));
        assert_eq!(get(address, "/v1/decisions").await.json(), json!({ "decisions": [decision] }));
    })
    .await;
    story.joins("c1", 2, "", &["a", "b"], T + 3000).await;
    story.gives_back("b", T + 3500).await;
    with_server(&story, active(), async |address, _| {
        let n2 = get(address, "/v1/nodes/n2").await.json();
        assert_eq!(
            (&n2["service_state"], &n2["decision"], &n2["since_ms"]),
            (&json!("in_service"), &Value::Null, &json!(T + 3500))
        );
        assert!(
            n2["explanation"]
                .as_str()
                .is_some_and(|text| text.contains("its driver had an active conductor again"))
        );
        let newest = get(address, "/v1/decisions?limit=1").await.json();
        assert_eq!(newest["decisions"].as_array().map(Vec::len), Some(1));
        assert_eq!(newest["decisions"][0]["verdict"], "restored");
    })
    .await;
}

#[tokio::test]
async fn whatever_makes_no_sense_is_an_error_with_a_fitting_status() {
    let story = Story::told().await;
    with_server(&story, active(), async |address, _| {
        for (request, status, says) in [
            ("GET /v1/snapshot?limit=0", 400, "limit must be 1 to 10000"),
            (
                "GET /v1/snapshot?limit=10001",
                400,
                "limit must be 1 to 10000",
            ),
            ("GET /v1/nodes?limit=10001", 400, "limit must be 1 to 10000"),
            (
                "GET /v1/snapshot?limit=many",
                400,
                "limit must be 1 to 10000, not \"many\"",
            ),
            (
                "GET /v1/snapshot?limit=-1",
                400,
                "limit must be 1 to 10000, not \"-1\"",
            ),
            (
                "GET /v1/snapshot?limit=1&limit=2",
                400,
                "the parameter limit is given twice",
            ),
            (
                "GET /v1/snapshot?limt=5",
                400,
                "there is no parameter \"limt\" here: there is after and limit",
            ),
            (
                "GET /v1/decisions?after=x",
                400,
                "there is no parameter \"after\" here: there is limit",
            ),
            ("CONNECT x:1", 404, "the request names no path; see /v1"),
            (
                "GET /v1/decisions?limit=1001",
                400,
                "limit must be 1 to 1000",
            ),
            (
                "GET /v1/decisions?limit=",
                400,
                "limit must be 1 to 1000, not \"\"",
            ),
            ("GET /v1/nodes/nobody", 404, "there is no node nobody"),
            ("GET /v1/nodes/web-2", 404, "there is no node web-2"),
            ("GET /v1/nodes/%1b%5b2J", 404, "there is no node \\u{1b}[2J"),
            ("GET /v1/nodes/%ff", 400, "UTF-8"),
            ("GET /v1/nodes/%00", 400, "holds a NUL"),
            ("GET /v1/nodes?after=a%00", 400, "holds a NUL"),
            ("GET /v1/snapshot?after=%00", 400, "holds a NUL"),
            ("GET /v2/snapshot", 404, "there is no /v2/snapshot"),
            ("GET /", 404, "there is no /"),
            ("POST /v1/snapshot", 405, "read-only"),
            ("DELETE /v1/nodes/n1", 405, "read-only"),
        ] {
            let answer = ask(address, request).await;
            assert_eq!(answer.status, status, "{request}: {}", answer.body);
            let error = answer.json();
            let text = error["error"]
                .as_str()
                .unwrap_or_else(|| panic!("{request}: {error}"));
            assert!(text.contains(says), "{request}: {text}");
            assert_eq!(error.as_object().map(serde_json::Map::len), Some(1));
            assert_eq!(
                status == 405,
                answer.head.to_ascii_lowercase().contains("allow: get"),
                "{}",
                answer.head
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_database_that_cannot_be_read_is_unavailable_and_the_rest_goes_on() {
    let story = Story::told().await;
    for entry in std::fs::read_dir(story.directory.path()).expect("a directory") {
        std::fs::remove_file(entry.expect("an entry").path()).expect("removed");
    }
    with_server(&story, active(), async |address, _| {
        for path in [
            "/v1/snapshot",
            "/v1/drivers",
            "/v1/conductors",
            "/v1/decisions",
            "/v1/nodes",
            "/v1/nodes/n1",
        ] {
            let answer = get(address, path).await;
            assert_eq!(answer.status, 503, "{path}");
            let error = answer.json();
            let text = error["error"].as_str().expect("a text");
            assert!(text.starts_with("the database cannot be read: "), "{text}");
        }
        assert_eq!(get(address, "/healthz").await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_replica_is_ready_if_it_decides_or_could_and_nothing_troubles_it() {
    let story = Story::begun().await;
    with_server(&story, Status::default(), async |address, status| {
        let starting = get(address, "/readyz").await;
        assert_eq!(starting.status, 503);
        assert_eq!(
            starting.json(),
            json!({ "ready": false, "role": "starting", "paused": null,
                "reasons": ["broker and database have not both been reached yet"], "remarks": [] })
        );
        status.send_replace(Status { role: Role::Standby, ..Status::default() });
        let standby = get(address, "/readyz").await;
        assert_eq!(standby.status, 200);
        assert_eq!(standby.json(), json!({ "ready": true, "role": "standby", "reasons": [], "remarks": [], "paused": null }));
        let pause = store::Pause {
            id: "p".into(),
            reason: "work\u{1b}".into(),
            who: "ada@ops".into(),
            paused_at_ms: T,
            remaining: Some(std::time::Duration::from_secs(60)),
            noted_at_ms: T + 5,
        };
        status.send_replace(Status { pause: Some(pause), ..active() });
        let paused = get(address, "/readyz").await;
        assert_eq!(paused.status, 200);
        assert_eq!(
            paused.json()["paused"],
            json!({ "reason": "work\\u{1b}", "who": "ada@ops", "since_ms": T, "until_ms": T + 60_005 })
        );
        status.send_replace(Status {
            troubles: vec!["the database is\nlocked".into()],
            remarks: vec!["this stream\nbegan".into()],
            ..active()
        });
        let troubled = get(address, "/readyz").await;
        assert_eq!(troubled.status, 503, "{troubled:?}");
        assert_eq!(
            troubled.json(),
            json!({ "ready": false, "role": "active", "paused": null, "reasons": ["the database is\\nlocked"],
                "remarks": ["this stream\\nbegan"] })
        );
        // The advice, which comes last, is said too.
        let long = format!("{}: write this", "a reason ".repeat(150));
        status.send_replace(Status { troubles: vec![long.clone()], ..active() });
        assert_eq!(get(address, "/readyz").await.json()["reasons"], json!([long]));
        // Its loop stands still, and nothing is there to say so.
        for (age, code) in [(1, 200), (17, 503)] {
            let at = Instant::now().checked_sub(Duration::from_secs(age));
            status.send_replace(Status { at, ..active() });
            let answer = get(address, "/readyz").await;
            assert_eq!(answer.status, code, "{answer:?}");
            let says = answer.json()["reasons"].to_string().contains("its loop has not gone round for 17 s");
            assert_eq!(says, code == 503);
        }
    })
    .await;
}

#[tokio::test]
// The recorder is one for the whole process, so everything about metrics is one test.
async fn metrics_hold_every_name_of_the_contract_and_follow_the_database() {
    let mut story = Story::told().await;
    telemetry::install_metrics().expect("a recorder");
    telemetry::event(EventType::Left, Some(Outcome::Applied));
    telemetry::REFUSED.count_as("undecodable", 1);
    telemetry::deaf(std::time::Duration::from_millis(1500));
    with_server(&story, active(), async |address, _| {
        let answer = get(address, "/metrics").await;
        assert!(
            answer
                .head
                .to_ascii_lowercase()
                .contains("content-type: text/plain; version=0.0.4"),
            "{}",
            answer.head
        );
        for line in [
            "nodewarden_role{role=\"active\"} 1",
            "nodewarden_role{role=\"standby\"} 0",
            "nodewarden_epoch 1",
            "nodewarden_pair_active_conductors{conductor_group=\"\",driver=\"a\"} 1",
            "nodewarden_pair_active_conductors{conductor_group=\"\",driver=\"b\"} 0",
            "nodewarden_pair_active_conductors{conductor_group=\"rack-1\",driver=\"r\"} 1",
            "nodewarden_pairs{state=\"active\"} 1",
            "nodewarden_pairs{state=\"holding\"} 1",
            "nodewarden_pairs{state=\"lost\"} 1",
            "nodewarden_pairs{state=\"unknown\"} 1",
            "nodewarden_pairs{state=\"nearly_lost\"} 1",
            "nodewarden_nearly_lost_nodes 1",
            "nodewarden_pair_nodes{conductor_group=\"\",driver=\"b\"} 1",
            "nodewarden_pair_nodes{conductor_group=\"rack-1\",driver=\"r\"} 1",
            "nodewarden_pair_lost{conductor_group=\"\",driver=\"b\"} 1",
            "nodewarden_pair_lost{conductor_group=\"\",driver=\"a\"} 0",
            "nodewarden_pair_lost{conductor_group=\"\",driver=\"zz\"} 0",
            "nodewarden_nodes_out_of_service 1",
            "nodewarden_refused_total{reason=\"undecodable\"} 1",
            "nodewarden_refused_total{reason=\"too_deep\"} 0",
            "nodewarden_events_total{type=\"conductor.left\",outcome=\"applied\"} 1",
            "nodewarden_events_total{type=\"conductor.left\",outcome=\"stale\"} 0",
            "nodewarden_events_total{type=\"conductor.joined\",outcome=\"duplicate\"} 0",
            "nodewarden_deaf_seconds_total 1",
            "nodewarden_fenced_total 0",
            "nodewarden_sessions_ended_total{reason=\"fenced\"} 0",
            "nodewarden_retries_total{what=\"database\"} 0",
            "nodewarden_paused 0",
            "nodewarden_intake_seconds_count 0",
            "nodewarden_chunk_seconds_count 0",
            "nodewarden_decision_to_confirmed_seconds_bucket{le=\"5\"} 0",
            "nodewarden_decision_to_confirmed_seconds_count 0",
            "nodewarden_decision_to_applied_seconds_bucket{le=\"+Inf\"} 0",
            "nodewarden_decision_to_applied_seconds_count 0",
        ] {
            assert!(
                answer.body.lines().any(|found| found == line),
                "{line} is not in\n{}",
                answer.body
            );
        }
        for name in [
            "nodewarden_outbox_oldest_seconds ",
            "nodewarden_last_tick_age_seconds ",
        ] {
            let line = answer
                .body
                .lines()
                .find(|line| line.starts_with(name))
                .expect(name);
            let value: f64 = line[name.len()..].parse().expect("a number");
            assert!(value > 0.0, "{line}");
        }
        let bare = |line: &str| line.split(['{', ' ']).next().unwrap_or_default().to_owned();
        for line in answer
            .body
            .lines()
            .filter(|line| line.starts_with("nodewarden_"))
        {
            let name = bare(line);
            let family = name
                .trim_end_matches("_bucket")
                .trim_end_matches("_sum")
                .trim_end_matches("_count");
            assert!(
                answer.body.contains(&format!("# HELP {family} ")),
                "{family} has no help"
            );
        }
    })
    .await;
    // An operator pauses, and others only observe.
    let now_ms = nodewarden::clock::now_ms();
    let pause = store::Pause {
        id: "p".into(),
        reason: "r".into(),
        who: "w".into(),
        paused_at_ms: now_ms - 90_000,
        remaining: None,
        noted_at_ms: now_ms,
    };
    let mut operator = Operator::new(&story.settings.database, InventoryKind::Native).expect("one");
    operator.pause(&pause).await.expect("paused");
    let observe = nodewarden::config::Mode::Observe;
    store::Ledger::take_epoch(&mut story.ledger, "host-2/1", observe, T)
        .await
        .expect("an epoch");
    with_server(&story, active(), async |address, _| {
        let body = get(address, "/metrics").await.body;
        for line in [
            "nodewarden_paused 1",
            "nodewarden_observing 1",
            "nodewarden_observed_nodes 0",
        ] {
            assert!(
                body.lines().any(|found| found == line),
                "{line} is not in\n{body}"
            );
        }
        let seconds = body
            .lines()
            .find_map(|line| line.strip_prefix("nodewarden_paused_seconds "))
            .and_then(|seconds| seconds.parse::<f64>().ok());
        assert!(seconds.is_some_and(|seconds| seconds >= 90.0), "{body}");
    })
    .await;
    // A second database in the same process: pairs that are gone fall to 0.
    story = Story::begun().await;
    story.joins("c9", 1, "odd \"group\"\\", &["a"], T).await;
    with_server(&story, Status::default(), async |address, _| {
        let body = get(address, "/metrics").await.body;
        for line in [
            "nodewarden_role{role=\"starting\"} 1",
            "nodewarden_last_tick_age_seconds 0",
            "nodewarden_pair_active_conductors{conductor_group=\"odd \\\"group\\\"\\\\\",driver=\"a\"} 1",
            "nodewarden_pair_active_conductors{conductor_group=\"\",driver=\"a\"} 0",
            "nodewarden_nodes_out_of_service 0",
            "nodewarden_paused 0",
            "nodewarden_paused_seconds 0",
            "nodewarden_observing 0",
            "nodewarden_database_gauges_stale 0",
        ] {
            assert!(body.lines().any(|found| found == line), "{line} is not in\n{body}");
        }
    })
    .await;
    // What subscribers say makes nothing else stale.
    story.spoils_receipts().await;
    story.joins("c8", 1, "", &["b"], T).await;
    with_server(&story, Status::default(), async |address, _| {
        let body = get(address, "/metrics").await.body;
        for line in [
            "nodewarden_database_gauges_stale 0",
            "nodewarden_pair_active_conductors{conductor_group=\"\",driver=\"b\"} 1",
        ] {
            assert!(
                body.lines().any(|found| found == line),
                "{line} is not in\n{body}"
            );
        }
    })
    .await;
    // Without a database the last known values are served.
    std::fs::remove_file(story.directory.path().join("story.db")).expect("removed");
    with_server(&story, Status::default(), async |address, _| {
        let body = get(address, "/metrics").await.body;
        for line in [
            "nodewarden_database_gauges_stale 1",
            "nodewarden_pairs{state=\"active\"} 2",
        ] {
            assert!(
                body.lines().any(|found| found == line),
                "{line} is not in\n{body}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn who_sends_nothing_does_not_hold_up_the_end() {
    let story = Story::begun().await;
    let begun = Instant::now();
    let mut idle = Vec::new();
    with_server(&story, active(), async |address, _| {
        idle.push(TcpStream::connect(address).await.expect("connected"));
        let mut half = TcpStream::connect(address).await.expect("connected");
        half.write_all(b"GET /healthz HTTP/1.1\r\nHost:")
            .await
            .expect("sent");
        idle.push(half);
        assert_eq!(get(address, "/healthz").await.status, 200);
    })
    .await;
    assert!(begun.elapsed() < std::time::Duration::from_secs(10));
}
