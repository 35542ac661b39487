//! The command as its operators have it: the real binary, a file with Ironic's tables as Ironic
//! makes them there, a real broker, and a worker that listens.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use nodewarden_tests::deployment::{Deployment, Other, eventually, free_port};
use rustix::process::Signal;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection};

/// As Ironic's own migrations make them, without what no test here reads.
const TABLES: &str = "
    CREATE TABLE conductors (
        created_at DATETIME, updated_at DATETIME, id INTEGER NOT NULL PRIMARY KEY,
        hostname VARCHAR(255) NOT NULL UNIQUE, drivers TEXT, online BOOLEAN,
        conductor_group VARCHAR(255) NOT NULL DEFAULT '');
    CREATE TABLE conductor_hardware_interfaces (
        created_at DATETIME, updated_at DATETIME, id INTEGER NOT NULL PRIMARY KEY,
        conductor_id INTEGER NOT NULL, hardware_type VARCHAR(255) NOT NULL,
        interface_type VARCHAR(16) NOT NULL, interface_name VARCHAR(255) NOT NULL,
        \"default\" BOOLEAN NOT NULL DEFAULT 0);
    INSERT INTO conductors VALUES
        ('2026-11-22 12:00:00.000000', '2026-11-22 12:00:00.250999', 1, 'c1', '[]', 1, 'Rack1');
    INSERT INTO conductor_hardware_interfaces VALUES
        ('2026-11-22 12:00:00.280001', NULL, 1, 1, 'ipmi', 'power', 'ipmitool', 1),
        ('2026-11-22 12:00:00.281999', NULL, 2, 1, 'ipmi', 'deploy', 'direct', 1),
        ('2026-11-22 12:00:00.283000', NULL, 3, 1, 'redfish', 'power', 'redfish', 1);";

/// 2026-11-22 12:00:00 UTC in ms.
const NOON: u64 = 1_795_348_800_000;

struct Ironic {
    _folder: tempfile::TempDir,
    file: PathBuf,
}

impl Ironic {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ironic.sqlite");
        let ironic = Self {
            _folder: folder,
            file,
        };
        ironic.does(TABLES);
        ironic
    }

    fn does(&self, statements: &str) {
        let url = format!("sqlite://{}?mode=rwc", self.file.display());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let mut connection = SqliteConnection::connect(&url).await.expect("it opens");
            let statements = sqlx::raw_sql(AssertSqlSafe(statements.to_owned()));
            connection.execute(statements).await.expect("it is done");
            connection.close().await.expect("closed");
        });
    }

    fn settings(&self) -> [String; 3] {
        [
            format!("bridge.database_url=sqlite://{}", self.file.display()),
            "bridge.interval=500ms".into(),
            "bridge.heartbeat_timeout=5s".into(),
        ]
    }
}

fn texts(settings: &[String]) -> Vec<&str> {
    settings.iter().map(String::as_str).collect()
}

/// Exit code, standard output, standard error.
fn ran(deployment: &Deployment, settings: &[String], words: &[&str]) -> (i32, String, String) {
    let output = deployment.command(&texts(settings), words).output();
    let output = output.expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    let code = output.status.code().expect("a code");
    (code, text(output.stdout), text(output.stderr))
}

fn get(port: u16, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(15)))
        .ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: test\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

#[test]
fn once_shows_what_it_sees_and_would_publish_and_says_what_is_missing() {
    let deployment = Deployment::default();
    let ironic = Ironic::new();
    let settings = ironic.settings();
    let once = ["bridge", "ironic", "--once", "--output", "json"];
    let (code, _, told) = ran(&deployment, &settings[..2], &once);
    assert_eq!(code, 64, "{told}");
    assert!(
        told.contains("bridge.heartbeat_timeout is not set"),
        "{told}"
    );
    let (code, _, told) = ran(&deployment, &settings, &once);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("nodewarden migrate"), "{told}");
    let (code, _, told) = ran(&deployment, &settings, &["migrate"]);
    assert_eq!(code, 0, "{told}");

    let (code, answer, told) = ran(&deployment, &settings, &once);
    assert_eq!(code, 0, "{told}");
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    let event = &answer["would_publish"][0];
    assert_eq!(event["type"], "conductor.joined");
    assert_eq!(
        event["body"],
        json!({
            "conductor": "c1", "incarnation": NOON + 283, "conductor_group": "rack1",
            "drivers": ["ipmi", "redfish"], "sent_at_ms": NOON + 250,
        })
    );
    assert_eq!(answer["conductors"][0]["state"], "alive");
    let (code, text, _) = ran(&deployment, &settings, &["bridge", "ironic", "--once"]);
    assert_eq!(code, 0);
    assert!(text.contains("conductor.joined"), "{text}");

    ironic.does("DELETE FROM conductors");
    let (code, answer, _) = ran(&deployment, &settings, &once);
    assert_eq!(code, 0);
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!(
        answer,
        json!({ "empty": true, "conductors": [], "would_publish": [], "remarks": [] })
    );
    ironic.does("DROP TABLE conductors");
    let (code, _, told) = ran(&deployment, &settings, &once);
    assert_eq!(code, 1, "{told}");
    assert!(
        told.contains("is this the database of an Ironic?"),
        "{told}"
    );
    let nowhere = [
        "bridge.database_url=sqlite:///nowhere/at/all.db".to_owned(),
        "bridge.heartbeat_timeout=60s".to_owned(),
    ];
    assert_eq!(ran(&deployment, &nowhere, &once).0, 69);
}

#[test]
fn a_conductor_comes_and_goes_through_two_bridges_a_broker_and_a_worker() {
    let deployment = Deployment::default();
    let ironic = Ironic::new();
    let settings = ironic.settings();
    let (code, _, told) = ran(&deployment, &settings, &["migrate"]);
    assert_eq!(code, 0, "{told}");
    let replica = deployment.replica(&[]);
    let start = |port: u16| {
        let listen = format!("127.0.0.1:{port}");
        let words = ["bridge", "ironic", "--listen", &listen];
        Other::start("bridge", &mut deployment.command(&texts(&settings), &words))
    };
    let ports = [free_port(), free_port()];
    let mut bridges = ports.map(start);
    let state = |expected: &str| {
        eventually(&format!("c1 is {expected}"), || {
            let (_, answer) = replica.http_get("/v1/conductors");
            let c1 = answer["conductors"].as_array()?.first()?.clone();
            (c1["state"] == expected).then_some(c1)
        })
    };
    let c1 = state("active");
    assert_eq!(c1["drivers"], json!(["ipmi", "redfish"]));
    assert_eq!(c1["heartbeat_timeout_ms"], Value::Null);
    for port in ports {
        eventually("the bridge is ready", || {
            (get(port, "/readyz")?.0 == 200).then_some(())
        });
        assert_eq!(get(port, "/healthz").map(|it| it.0), Some(200));
        assert_eq!(get(port, "/v1/drivers").map(|it| it.0), Some(404));
        // By a role of 0 it would be a fleet in which no replica decides.
        let (_, metrics) = get(port, "/metrics").expect("an answer");
        assert!(!metrics.contains("nodewarden_role"), "{metrics}");
        for line in [
            "nodewarden_bridge_conductors{state=\"alive\"} 1",
            "nodewarden_bridge_published_total{type=\"conductor.joined\"} 1",
            "nodewarden_bridge_waiting_events 0",
            "nodewarden_ready 1",
        ] {
            eventually(line, || {
                get(port, "/metrics")?.1.contains(line).then_some(())
            });
        }
    }

    // A stop as Ironic does it, while one bridge is frozen.
    bridges[1].signal(Signal::STOP);
    ironic.does("DELETE FROM conductor_hardware_interfaces");
    ironic.does("UPDATE conductors SET online = 0, updated_at = '2026-11-22 13:00:00.000000'");
    state("left");
    // And a new start; only then the other one goes on.
    ironic.does(
        "UPDATE conductors SET online = 1, updated_at = '2026-11-22 13:00:05.000000';
         INSERT INTO conductor_hardware_interfaces VALUES
            ('2026-11-22 13:00:05.030000', NULL, 9, 1, 'redfish', 'power', 'redfish', 1)",
    );
    let c1 = state("active");
    assert_eq!(c1["incarnation"], NOON + 3_605_030);
    bridges[1].signal(Signal::CONT);
    eventually("the second bridge sees it, too", || {
        let (_, metrics) = get(ports[1], "/metrics")?;
        let line = "nodewarden_bridge_published_total{type=\"conductor.joined\"} 2";
        metrics.contains(line).then_some(())
    });
    assert_eq!(state("active")["drivers"], json!(["redfish"]));

    // Its database cannot be read any more: no conductor is lost, and it says so.
    ironic.does("ALTER TABLE conductors RENAME TO hidden");
    eventually("the bridge is not ready", || {
        let (code, answer) = get(ports[0], "/readyz")?;
        (code == 503 && answer.contains("no such table")).then_some(())
    });
    assert_eq!(state("active")["incarnation"], NOON + 3_605_030);
    for bridge in &mut bridges {
        bridge.signal(Signal::TERM);
        assert_eq!(bridge.ended(), Some(0));
    }
    assert_eq!(state("active")["incarnation"], NOON + 3_605_030);
    replica.stop();
}

#[test]
fn a_conductor_whose_clock_was_an_hour_ahead_counts_as_active_again_after_its_restart() {
    let deployment = Deployment::default();
    let ironic = Ironic::new();
    let settings = ironic.settings();
    let (code, _, told) = ran(&deployment, &settings, &["migrate"]);
    assert_eq!(code, 0, "{told}");
    let replica = deployment.replica(&[]);
    let start = || {
        let words = ["bridge", "ironic"];
        Other::start("bridge", &mut deployment.command(&texts(&settings), &words))
    };
    let state = |expected: &str| {
        eventually(&format!("c1 is {expected}"), || {
            let (_, answer) = replica.http_get("/v1/conductors");
            let c1 = answer["conductors"].as_array()?.first()?.clone();
            (c1["state"] == expected).then_some(c1)
        })
    };
    // It registered by a clock that stands at 13:00, and is set right afterwards.
    ironic.does(
        "UPDATE conductors SET updated_at = '2026-11-22 13:00:00.000000';
         UPDATE conductor_hardware_interfaces SET created_at = '2026-11-22 13:00:00.030000'",
    );
    let mut bridge = start();
    assert_eq!(state("active")["incarnation"], NOON + 3_600_030);
    ironic.does("DELETE FROM conductor_hardware_interfaces");
    ironic.does("UPDATE conductors SET online = 0, updated_at = '2026-11-22 12:01:00.000000'");
    state("left");
    bridge.signal(Signal::TERM);
    assert_eq!(bridge.ended(), Some(0));
    ironic.does(
        "UPDATE conductors SET online = 1, updated_at = '2026-11-22 12:02:00.000000';
         INSERT INTO conductor_hardware_interfaces VALUES
            ('2026-11-22 12:02:00.030000', NULL, 9, 1, 'redfish', 'power', 'redfish', 1)",
    );
    let mut bridge = start();
    let c1 = state("active");
    assert_eq!(c1["incarnation"], NOON + 3_600_031);
    assert_eq!(c1["drivers"], json!(["redfish"]));
    bridge.signal(Signal::TERM);
    assert_eq!(bridge.ended(), Some(0));
    replica.stop();
}
