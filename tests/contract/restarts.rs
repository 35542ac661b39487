//! A server that is restarted in the middle of a chunk, and servers whose commits are not durable; each
//! on a server of its own.

use nodewarden::config::InventoryKind;
use nodewarden::store::{self, Ledger, Outbox, weak_durability};
use nodewarden_tests::database::{Kind, Scratch};
use nodewarden_tests::own_server::OwnServer;
use nodewarden_tests::waiting::eventually;

use crate::harness::{StoreOnDatabase, pair, window};

on_servers!(
    a_server_restarted_in_the_middle_of_a_chunk_leaves_nothing_of_it_and_goes_on,
    settings_with_which_a_crash_loses_commits_are_named,
);

impl StoreOnDatabase {
    async fn at(kind: Kind, server: &OwnServer) -> Self {
        let scratch = Scratch::at(kind, Some(server.url())).await;
        store::migrate(
            &scratch.database,
            InventoryKind::Native,
            &nodewarden::clock::new_id(),
        )
        .await
        .unwrap();
        Self::of(scratch).await
    }
}

async fn a_server_restarted_in_the_middle_of_a_chunk_leaves_nothing_of_it_and_goes_on(kind: Kind) {
    let server = OwnServer::start(kind, "");
    let mut db = StoreOnDatabase::at(kind, &server).await;
    let lost = pair("a", "");
    db.nodes("a", "", &["n1", "n2", "n3"]).await;
    db.lose(&lost, 1).await;
    db.scratch.slow_update_of("n2").await;
    let mut writer = db.ledger();
    let writing = {
        let lost = lost.clone();
        tokio::spawn(async move {
            let done = writer.take_out(1, &lost, &window("", 10)).await;
            (writer, done)
        })
    };
    let sleeping = match kind {
        Kind::Postgres => "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'",
        Kind::Sqlite | Kind::MySql => {
            "SELECT count(*) FROM information_schema.processlist WHERE state = 'User sleep'"
        }
    };
    eventually("the chunk is half written", async || {
        (db.scratch.text(sleeping).await != "0").then_some(())
    })
    .await;
    server.restart();
    let (mut writer, done) = writing.await.unwrap();
    let fault = done.unwrap_err();
    assert!(fault.is_transient(), "{fault:?}");
    db.scratch.allow_updates().await;
    // Those who looked before look on, and see nothing of it.
    let overview = db.reader.overview().await.unwrap();
    assert_eq!(
        (overview.epoch, overview.seq, overview.last_announcement),
        (1, 0, 0)
    );
    assert_eq!(db.out().await, Vec::<String>::new());
    writer.resume(1).await.unwrap();
    let chunk = writer.take_out(1, &lost, &window("", 10)).await.unwrap();
    assert_eq!((chunk.changed, chunk.next), (3, None));
    assert_eq!(db.out().await, ["n1", "n2", "n3"]);
    assert_eq!(db.outbox().pending(None, 9).await.unwrap().len(), 2);
}

async fn settings_with_which_a_crash_loses_commits_are_named(kind: Kind) {
    let settings = match kind {
        Kind::Postgres => "fsync = off\nfull_page_writes = off\nsynchronous_commit = off\n",
        Kind::Sqlite | Kind::MySql => {
            "log-bin = binlog\nsync-binlog = 0\ninnodb-flush-log-at-trx-commit = 2\n"
        }
    };
    let server = OwnServer::start(kind, settings);
    let scratch = Scratch::at(kind, Some(server.url())).await;
    let told = weak_durability(&scratch.database).await.unwrap();
    let names: &[&str] = match kind {
        Kind::Postgres => &[
            "fsync is off",
            "full_page_writes is off",
            "synchronous_commit is off",
        ],
        Kind::Sqlite | Kind::MySql => &["innodb_flush_log_at_trx_commit is 2", "sync_binlog is 0"],
    };
    assert_eq!(told.len(), names.len(), "{told:?}");
    for (sentence, name) in told.iter().zip(names) {
        assert!(sentence.starts_with(name), "{sentence}");
    }
}

/// A database on a server as it is shipped: the one that all tests share does not force what it writes to the disk.
pub async fn as_shipped(kind: Kind) -> (Option<OwnServer>, Scratch) {
    if kind == Kind::Sqlite {
        return (None, Scratch::migrated_of(kind).await);
    }
    let server = OwnServer::start(kind, "");
    let db = StoreOnDatabase::at(kind, &server).await;
    (Some(server), db.scratch)
}

async fn durable_settings_are_not_worth_a_word(kind: Kind) {
    let (_server, scratch) = as_shipped(kind).await;
    let told = weak_durability(&scratch.database).await.unwrap();
    assert_eq!(told, Vec::<String>::new());
}
on_databases!(durable_settings_are_not_worth_a_word);

#[tokio::test]
async fn a_setting_of_a_postgresql_database_alone_is_named_too() {
    let (_server, scratch) = as_shipped(Kind::Postgres).await;
    let statement = format!(
        "ALTER DATABASE {} SET synchronous_commit = off",
        scratch.text("SELECT current_database()::text").await
    );
    scratch.run(&statement).await;
    let told = weak_durability(&scratch.database).await.unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("synchronous_commit is off"), "{told:?}");
}
