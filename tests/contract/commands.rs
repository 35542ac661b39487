//! What an operator is told when the database cannot be reached, or has no tables yet: by the commands
//! themselves.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use nodewarden::config::InventoryKind;
use nodewarden::store;
use nodewarden_tests::database::{Kind, Scratch};

use crate::restarts::as_shipped;

on_servers!(
    a_wrong_password_host_or_database_ends_each_command_with_69_and_a_clear_sentence,
    run_makes_no_tables_on_a_server_and_says_who_does,
    run_warns_where_commits_are_not_durable,
);

fn nodewarden(url: &str, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nodewarden"));
    command
        .args(words)
        .args(["--set", &format!("database.url={url}")])
        .stdin(Stdio::null());
    command
}

fn output(mut command: Command) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command.output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

async fn a_wrong_password_host_or_database_ends_each_command_with_69_and_a_clear_sentence(
    kind: Kind,
) {
    let scratch = Scratch::migrated_of(kind).await;
    let url = scratch.database.url.expose();
    let right = "nodewarden:nodewarden@";
    assert!(url.contains(right), "{right}");
    let (server, name) = url.rsplit_once('/').unwrap();
    let port = server.rsplit_once(':').unwrap().1;
    let wrong = [
        (url.replace(right, "nodewarden:s3cr3t@"), "nodewarden"),
        (format!("{server}/no_such_database"), "no_such_database"),
        (
            url.replace("127.0.0.1", "no-such-host.invalid")
                .replace(":nodewarden@", ":s3cr3t@"),
            "no-such-host.invalid",
        ),
        (
            url.replace(&format!(":{port}/{name}"), &format!(":1/{name}")),
            "127.0.0.1:1",
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("nodes.csv");
    std::fs::write(&file, "uuid,driver\nn1,a\n").unwrap();
    let file = file.to_str().unwrap();
    for (url, names) in &wrong {
        for words in [
            &["status"][..],
            &["explain", "node", "n1"],
            &["migrate"],
            &["nodes", "import", file],
            &["run", "--http-listen", ""],
        ] {
            let (code, told) = output(nodewarden(url, words));
            assert_eq!(code, Some(69), "{words:?} {names}: {told}");
            assert!(told.contains("open the database"), "{words:?}: {told}");
            assert!(told.contains(names), "{words:?}: {told}");
            assert!(!told.contains("s3cr3t"), "{words:?}: {told}");
            assert!(!told.contains("nodewarden:nodewarden"), "{words:?}: {told}");
            assert!(!told.contains("nodewarden migrate"), "{words:?}: {told}");
        }
    }
}

async fn run_makes_no_tables_on_a_server_and_says_who_does(kind: Kind) {
    let scratch = Scratch::of(kind).await;
    let url = scratch.database.url.expose();
    let (code, told) = output(nodewarden(url, &["run", "--http-listen", ""]));
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("run `nodewarden migrate`"), "{told}");
    let tables = "SELECT count(*) FROM information_schema.tables
        WHERE table_name LIKE 'nodewarden%' AND (table_schema = database())";
    let tables = match kind {
        Kind::Postgres => tables.replace("database()", "'public'"),
        Kind::Sqlite | Kind::MySql => tables.to_owned(),
    };
    assert_eq!(scratch.text(&tables).await, "0");
    // Half of them are as good as none.
    store::migrate(
        &scratch.database,
        InventoryKind::Native,
        &nodewarden::clock::new_id(),
    )
    .await
    .unwrap();
    scratch.run("DROP TABLE nodewarden_pause").await;
    let (code, told) = output(nodewarden(url, &["run", "--http-listen", ""]));
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("nodewarden_pause"), "{told}");
    assert!(told.contains("run `nodewarden migrate`"), "{told}");
}

#[tokio::test]
async fn run_makes_its_tables_by_itself_on_sqlite() {
    let scratch = Scratch::of(Kind::Sqlite).await;
    started(&scratch, scratch.database.url.expose()).await;
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name = 'nodewarden_state'";
    assert_eq!(scratch.text(tables).await, "1");
}

/// What a replica says until it has looked at its database; then it is ended.
async fn started(scratch: &Scratch, url: &str) -> String {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut child = nodewarden(url, &["run", "--http-listen", ""])
        .args(["--set", "amqp.url=amqp://guest:guest@127.0.0.1:1/%2f"])
        .stdout(Stdio::null())
        .stderr(log.reopen().unwrap())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(30);
    let said = loop {
        let said = std::fs::read_to_string(log.path()).unwrap();
        if said.contains("worst case from") || Instant::now() > end {
            break said;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        said.contains("worst case from"),
        "{:?}: {said}",
        scratch.kind
    );
    said
}

async fn run_warns_where_commits_are_not_durable(kind: Kind) {
    let (_server, scratch) = as_shipped(kind).await;
    let url = scratch.database.url.expose().to_owned();
    let said = started(&scratch, &url).await;
    assert!(!said.contains("commits are not durable"), "{said}");
    if kind == Kind::Postgres {
        let weak = format!("{url}?options=-c%20synchronous_commit%3Doff");
        let said = started(&scratch, &weak).await;
        assert!(
            said.contains("commits are not durable: synchronous_commit is off"),
            "{said}"
        );
        assert!(said.contains("WARN"), "{said}");
    }
}
