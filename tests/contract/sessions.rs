//! Defaults that a server, a database or a role has for other applications: our sessions say themselves
//! what they rely on, the migrating one too, and a command says done only after its commit.

use std::process::Command;

use nodewarden::config::InventoryKind;
use nodewarden::store::Reader;
use nodewarden_tests::database::{Kind, Scratch};
use nodewarden_tests::own_server::OwnServer;

/// Migrates, imports and pauses; each says that it is done, and another session sees it.
async fn commands_do_what_they_say(scratch: &Scratch) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("nodes.csv");
    std::fs::write(
        &file,
        "uuid,name,driver\nn1,back\\slash 'quoted',a\nn2,,a\n",
    )
    .unwrap();
    let file = file.to_str().unwrap();
    let database = format!("database.url={}", scratch.database.url.expose());
    for words in [
        &["migrate"][..],
        &["migrate"],
        &["nodes", "import", file],
        &["pause", "--reason", "it's \\ a \"test\""],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_nodewarden"))
            .args(words)
            .args(["--set", &database])
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {told}");
    }
    let reader = Reader::new(&scratch.database, InventoryKind::Native).unwrap();
    let overview = reader.overview().await.unwrap();
    let nodes = reader.nodes(None, "", 9).await.unwrap();
    assert_eq!(nodes.len(), 2);
    let pause = overview.pause.expect("it is paused");
    assert_eq!(pause.reason, "it's \\ a \"test\"");
    let node = reader.node("n1").await.unwrap().expect("it is known");
    assert_eq!(node.name.as_deref(), Some("back\\slash 'quoted'"));
}

#[tokio::test]
async fn a_mariadb_set_up_for_another_application_loses_nothing() {
    let server = OwnServer::start(
        Kind::MySql,
        "innodb-force-primary-key = ON\nautocommit = 0\ncompletion-type = CHAIN\nsql-mode = ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH\n\
         transaction-isolation = SERIALIZABLE\ninit-connect = 'SET autocommit = 0, sql_safe_updates = 1, sql_select_limit = 1'\n",
    );
    let scratch = Scratch::at(Kind::MySql, Some(server.url())).await;
    commands_do_what_they_say(&scratch).await;
}

#[tokio::test]
async fn a_postgresql_database_set_up_for_another_application_loses_nothing() {
    let scratch = Scratch::of(Kind::Postgres).await;
    let name = scratch.text("SELECT current_database()::text").await;
    let settings = [
        "standard_conforming_strings = off",
        "default_transaction_isolation = 'serializable'",
        "client_encoding = 'LATIN1'",
        "statement_timeout = '1ms'",
        "DateStyle = 'German'",
        "TimeZone = 'Asia/Tokyo'",
        "bytea_output = 'escape'",
    ];
    // In one session: the next one would have a millisecond itself.
    let all = settings.map(|setting| format!("ALTER DATABASE {name} SET {setting}"));
    scratch.run(&all.join("; ")).await;
    commands_do_what_they_say(&scratch).await;
}

#[tokio::test]
async fn who_may_not_make_tables_in_postgresql_is_told_which_right_is_missing() {
    let scratch = Scratch::of(Kind::Postgres).await;
    let name = scratch.text("SELECT current_database()::text").await;
    let role = format!("r_{name}");
    scratch
        .run(&format!("CREATE ROLE {role} LOGIN PASSWORD 'pw'"))
        .await;
    scratch
        .run("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        .await;
    let url = scratch.database.url.expose();
    let theirs = url.replace("nodewarden:nodewarden@", &format!("{role}:pw@"));
    let output = Command::new(env!("CARGO_BIN_EXE_nodewarden"))
        .args(["migrate", "--set", &format!("database.url={theirs}")])
        .output()
        .unwrap();
    scratch.run(&format!("DROP ROLE {role}")).await;
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("GRANT CREATE, USAGE ON SCHEMA public"),
        "{told}"
    );
    assert!(
        !told.contains("nodewarden migrate") && !told.contains("at line"),
        "{told}"
    );
}
