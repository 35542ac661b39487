//! Clients that others wrote, as they come: what each sets by itself, and how it writes numbers, is
//! understood, and nothing of it is refused.

use std::path::PathBuf;
use std::process::Command;

use nodewarden_tests::deployment::{Deployment, broker, eventually, file};
use nodewarden_tests::own_broker::OwnBroker;
use serde_json::{Value, json};

/// Where `tests/servers/clients` puts them; it installs them where they are missing.
fn clients() -> PathBuf {
    let output = Command::new(file("tests/servers/clients"))
        .arg("install")
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let path = String::from_utf8(output.stdout).expect("a path");
    PathBuf::from(path.trim_end())
}

/// What the command prints, a line each.
fn lines(command: &mut Command) -> Vec<String> {
    let output = command.output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let lines = String::from_utf8(output.stdout).expect("text");
    lines.lines().map(str::to_owned).collect()
}

/// Each of these conductors is active with its driver, and no message was refused.
fn all_are_active(deployment: &Deployment, settings: &[&str], conductors: &[String]) {
    let mut wanted = conductors.to_vec();
    wanted.sort();
    let ask = |words: &[&str]| -> Value {
        let words = [words, &["--output", "json"]].concat();
        let output = deployment
            .command(settings, &words)
            .output()
            .expect("it runs");
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    eventually("all conductors are active", || {
        let refused = ask(&["dead-letters", "list"]);
        assert!(!refused.to_string().contains("reason"), "{refused}");
        let status = ask(&["status"]);
        let known = status["conductors"].as_array().expect("a list");
        let mut active: Vec<String> = known
            .iter()
            .filter(|one| one["state"] == "active")
            .filter_map(|one| one["conductor"].as_str().map(str::to_owned))
            .collect();
        active.sort();
        (active == wanted).then_some(())
    });
}

#[test]
fn node_s_amqplib_with_four_encoders_and_json_is_understood() {
    let clients = clients();
    let deployment = Deployment::default();
    deployment.run(&["migrate"]);
    let replica = deployment.replica(&[]);
    let mut node = Command::new("node");
    node.env("NODE_PATH", clients.join("node_modules"))
        .arg(file("tests/interop/clients/publish.js"))
        .args([&broker(), &deployment.events_exchange]);
    let conductors = lines(&mut node);
    assert_eq!(conductors.len(), 10);
    all_are_active(&deployment, &[], &conductors);
    replica.stop();
}

#[test]
fn kombu_and_aio_pika_are_understood() {
    let clients = clients();
    let deployment = Deployment::default();
    deployment.run(&["migrate"]);
    let replica = deployment.replica(&[]);
    let mut python = Command::new(clients.join("python/bin/python"));
    python
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(file("tests/interop/clients/publish.py"))
        .args([&broker(), &deployment.events_exchange]);
    let conductors = lines(&mut python);
    assert_eq!(conductors.len(), 6);
    all_are_active(&deployment, &[], &conductors);
    replica.stop();
}

#[test]
fn what_is_published_through_rabbitmq_s_management_is_understood() {
    let broker = OwnBroker::with_plugins("rabbitmq_management", |port| {
        format!("management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {port}\n")
    });
    let url = format!("amqp.url={}", broker.url());
    let settings = [url.as_str()];
    let deployment = Deployment::default();
    deployment.run(&["migrate"]);
    let replica = deployment.replica(&settings);
    // Its form knows no content type but what is typed in; a timestamp is a number.
    let mut conductors = Vec::new();
    for (name, properties) in [
        ("bare", json!({})),
        (
            "typed",
            json!({"content_type": "application/json", "timestamp": 1_700_000_000_000_u64}),
        ),
        (
            "encoded",
            json!({"content_encoding": "UTF8", "delivery_mode": 2, "headers": {"a": {"b": [1, true]}}}),
        ),
    ] {
        let conductor = format!("management-{name}");
        let body = json!({"conductor": conductor, "incarnation": 7, "drivers": [name]});
        let mut all = properties;
        all["message_id"] = json!(format!("id of {name}"));
        let request = json!({"routing_key": "conductor.joined", "properties": all,
            "payload": format!("\n{body:#}"), "payload_encoding": "string"});
        let answer = post(broker.port + 10, &deployment.events_exchange, &request);
        assert!(answer.contains("\"routed\":true"), "{answer}");
        conductors.push(conductor);
    }
    all_are_active(&deployment, &settings, &conductors);
    replica.stop();
}

/// Publishes through the management's HTTP; what it answers.
fn post(port: u16, exchange: &str, request: &Value) -> String {
    use std::io::{Read, Write};

    let body = request.to_string();
    let head = format!(
        "POST /api/exchanges/%2f/{exchange}/publish HTTP/1.0\r\nHost: test\r\nAuthorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    eventually("the management answers", || {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(body.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    })
}
