//! The operator's hand on real replicas: pausing, uninstalling, and what the log says of it all.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use nodewarden_tests::cluster::{BUSY, Cluster, signed};
use nodewarden_tests::waiting::eventually;
use rustix::process::Signal;
use serde_json::Value;

/// What a command prints; it must succeed.
fn done(cluster: &Cluster, words: &[&str]) -> String {
    let output = cluster.command(words);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{words:?}: {told}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_pause_holds_at_once_and_every_replica_shows_it_within_two_seconds() {
    let mut cluster = Cluster::new().await;
    let nodes = cluster.nodes("a", 2000).await;
    let mut listener = cluster.listen().await;
    // Few messages: who listens does so only now and then.
    // Many transactions, so that the command finds the replica in the middle.
    let fewer = [
        "--set",
        "publish.nodes_per_message=10",
        "--set",
        "decide.chunk_nodes=2",
    ];
    let first = cluster.replica("first", &fewer).await;
    first.role(&["active"]).await;
    let second = cluster.replica("second", &fewer).await;
    cluster.joined("c1", 1, &["a"]).await;
    cluster.left("c1", 1).await;
    listener.next().await;
    let asked = Instant::now();
    let said = done(
        &cluster,
        &["pause", "--for", "1h", "--reason", "a test", "--who", "ada"],
    );
    let paused = Instant::now();
    let out = cluster.out().await;
    println!(
        "the command took {:?}, with {} nodes out",
        paused - asked,
        out.len()
    );
    assert!(said.starts_with("Paused until about "), "{said}");
    assert!(out.len() < nodes.len(), "in the middle of the loss");
    for replica in [&first, &second] {
        let answer = eventually("it shows the pause", async || {
            let answer = replica.get("/readyz").await;
            (!answer["paused"].is_null()).then_some(answer)
        })
        .await;
        assert_eq!(answer["ready"], true);
        assert_eq!(answer["paused"]["reason"], "a test");
        assert_eq!(answer["paused"]["who"], "ada");
        let shown = &answer["paused"];
        let lasting = shown["until_ms"].as_u64().unwrap() - shown["since_ms"].as_u64().unwrap();
        assert!(lasting > 3_500_000, "{shown}");
    }
    let took = paused.elapsed();
    assert!(took < Duration::from_secs(2) + BUSY, "{took:?}");
    let status = done(&cluster, &["status"]);
    assert!(status.contains("\nPAUSED:        since "), "{status}");
    // Returns go on, and the rest waits.
    cluster.nodes("b", 3).await;
    cluster.joined("c2", 1, &["b"]).await;
    cluster.left("c2", 1).await;
    cluster.joined("c2", 2, &["b"]).await;
    eventually("the events are handled", async || {
        (cluster.decisions().await.len() == 3).then_some(())
    })
    .await;
    assert_eq!(cluster.out().await, out);
    let said = done(&cluster, &["resume"]);
    assert!(said.starts_with("Resumed. ada had paused at "), "{said}");
    cluster.wait_out(&nodes).await;
    assert_eq!(
        listener
            .heard(2000)
            .await
            .into_iter()
            .collect::<BTreeSet<_>>(),
        signed('-', &nodes).into_iter().collect()
    );
    assert_eq!(done(&cluster, &["resume"]), "There was no pause.\n");
}

#[tokio::test]
async fn release_passes_by_a_node_that_the_database_keeps_as_it_is_and_names_it() {
    let mut cluster = Cluster::new().await;
    let nodes = cluster.nodes("a", 35).await;
    let _replica = cluster.replica("only", &[]).await;
    cluster.joined("c1", 1, &["a"]).await;
    cluster.left("c1", 1).await;
    cluster.wait_out(&nodes).await;
    done(&cluster, &["pause", "--reason", "a test"]);
    cluster.ignore_update_of("a-00007").await;
    let kept = BTreeSet::from(["a-00007".to_owned()]);
    for (words, released) in [
        (&["release", "--all"][..], "34 nodes given back;"),
        (&["release", "--driver", "a"], "0 nodes given back;"),
        (&["release", "--node", "a-00007"], "0 nodes given back;"),
    ] {
        let output = cluster.command(words);
        let said = String::from_utf8_lossy(&output.stdout);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{words:?}: {told}");
        assert!(said.starts_with(released), "{words:?}: {said}");
        let named = "1 node could not be given back: a-00007: ";
        assert!(told.contains(named), "{words:?}: {told}");
        assert_eq!(cluster.out().await, kept);
    }
}

/// What the manual says of dropping our tables.
#[tokio::test]
async fn uninstalling_is_pause_release_stop_and_dropping_our_tables() {
    let mut cluster = Cluster::new().await;
    let nodes = cluster.nodes("a", 35).await;
    let mut listener = cluster.listen().await;
    let mut replica = cluster.replica("only", &[]).await;
    cluster.joined("c1", 1, &["a"]).await;
    cluster.left("c1", 1).await;
    cluster.wait_out(&nodes).await;
    let refused = cluster.command(&["release", "--all"]);
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        told.contains("first `nodewarden pause --reason TEXT`"),
        "{told}"
    );
    assert_eq!(cluster.out().await, nodes);

    done(&cluster, &["pause", "--reason", "uninstall"]);
    let said = done(&cluster, &["release", "--node", "a-00007"]);
    assert!(said.starts_with("1 node given back;"), "{said}");
    let said = done(&cluster, &["release", "--all"]);
    assert!(said.starts_with("34 nodes given back;"), "{said}");
    for (words, held) in [
        (&["release", "--driver", "a"][..], "none of these nodes"),
        (&["release", "--all"], "no node"),
    ] {
        let none =
            format!("nodewarden holds {held} out of service: there was nothing to give back.\n");
        assert_eq!(done(&cluster, words), none);
    }
    assert_eq!(cluster.out().await, BTreeSet::new());
    let heard = listener.heard(70).await;
    assert_eq!(heard[..35], signed('-', &nodes)[..]);
    assert_eq!(heard[35], "+a-00007");
    eventually("all is announced", async || {
        done(&cluster, &["status"])
            .contains("Announcements: all ")
            .then_some(())
    })
    .await;
    replica.signal(Signal::TERM);
    assert_eq!(replica.ended().await.code(), Some(0));
    cluster
        .run_sql(include_str!("../../deploy/drop-tables.sql"))
        .await;
    let left = cluster
        .sql("SELECT min(service_state) || max(service_state) FROM nodes")
        .await;
    assert!(left == "in_servicein_service" || left == "0", "{left}");
    let gone = cluster.command(&["status"]);
    assert_eq!(
        gone.status.code(),
        Some(1),
        "there is nothing of ours any more"
    );
}

/// The log of a replica: one JSON object a line.
fn lines(log: &str) -> Vec<Value> {
    log.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect()
}

/// The lines at WARN or above, by message, with what they name.
fn warnings(lines: &[Value]) -> Vec<(String, &Value)> {
    lines
        .iter()
        .filter(|line| line["level"] != "INFO")
        .map(|line| (line["message"].as_str().unwrap().to_owned(), line))
        .collect()
}

#[tokio::test]
async fn the_log_of_a_loss_and_a_return_is_a_handful_of_lines_that_name_what_one_must_know() {
    let mut cluster = Cluster::new().await;
    let nodes = cluster.nodes("a", 95).await;
    let mut listener = cluster.listen().await;
    let mut replica = cluster.replica("only", &[]).await;
    replica.role(&["active"]).await;
    cluster.joined("c1", 1, &["a"]).await;
    cluster.left("c1", 1).await;
    listener.heard(95).await;
    eventually("the loss is told to its end", async || {
        replica.log().contains("carried out").then_some(())
    })
    .await;
    cluster.joined("c1", 2, &["a"]).await;
    listener.heard(190).await;
    cluster.joined("c\u{1b}[2J\u{202e}", 1, &["a"]).await;
    eventually("the message is refused", async || {
        replica.log().contains("refused a message").then_some(())
    })
    .await;
    done(
        &cluster,
        &["pause", "--reason", "look\u{202e}\n here", "--who", "ada"],
    );
    eventually("the pause is told", async || {
        replica.log().contains("paused: no node").then_some(())
    })
    .await;
    done(&cluster, &["resume"]);
    eventually("its end is told", async || {
        replica.log().contains("resumed: ").then_some(())
    })
    .await;
    replica.signal(Signal::TERM);
    replica.ended().await;

    let log = replica.log();
    let lines = lines(&log);
    // How long a stop may take is another story.
    let asked = |line: &Value| line["message"] == "asked to stop; finishing the work in hand";
    let end = lines.iter().position(asked).expect("it was asked to stop");
    let mut told = warnings(&lines[..end]);
    // Of the server that all tests share, that is true.
    told.retain(|(message, _)| !message.starts_with("commits are not durable"));
    let messages: Vec<&str> = told.iter().map(|(message, _)| message.as_str()).collect();
    let unheard = messages[0].starts_with("active conductors without heartbeat_timeout_ms");
    assert_eq!(
        messages[usize::from(unheard)..],
        [
            "decided",
            "carried out",
            "decided",
            "carried out",
            "refused a message; it is kept among the dead letters",
            "paused: no node is taken out of service",
            "resumed: nodes of lost drivers go out of service again",
        ],
        "{log}"
    );
    let decisions = cluster.reader.decisions(10).await.unwrap();
    for (place, verdict, decision) in [(0, "lost", &decisions[1]), (2, "restored", &decisions[0])] {
        let (begun, ended) = (told[place].1, told[place + 1].1);
        assert_eq!(begun["verdict"], verdict);
        assert_eq!(
            (&begun["cause"], &begun["conductor"]),
            (&"event".into(), &"c1".into())
        );
        assert_eq!(ended["nodes"], 95);
        for line in [begun, ended] {
            assert_eq!(line["decision_id"], decision.decision_id.as_str());
            assert_eq!(
                (&line["driver"], &line["conductor_group"]),
                (&"a".into(), &"".into())
            );
            assert_eq!(line["epoch"], 1);
        }
    }
    assert_eq!(told[4].1["reason"], "out_of_bounds");
    assert_eq!(told[5].1["reason"], "look\\u{202e}\\n here");
    assert!(lines.len() < 20, "{log}");
    assert!(!log.contains("guest:guest"), "no password: {log}");
    let hostile = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!log.contains(hostile) && !log.contains("\\u001b"), "{log}");
    let infos: Vec<&str> = lines
        .iter()
        .filter(|line| line["level"] == "INFO")
        .filter_map(|line| line["message"].as_str())
        .collect();
    for told in ["in line as a standby", "this replica decides now"] {
        assert!(infos.contains(&told), "{told} is not in {infos:?}");
    }
    assert_eq!(nodes.len(), 95);
}
