//! Several hosts in `database.url`: in order, and only one that takes writes.

use std::net::TcpListener;
use std::time::Duration;

use nodewarden::config::{Database, InventoryKind, SecretUrl};
use nodewarden::store::{Ledger, Reader, StoreError};
use nodewarden_tests::database::Kind;

use crate::harness::{StoreOnDatabase, ledger};

on_servers!(
    a_dead_host_in_front_is_passed_by,
    where_no_host_answers_each_is_named_without_the_password,
);

/// The database's URL, with the host replaced by what `hosts` makes of it.
fn with_hosts(db: &StoreOnDatabase, hosts: impl Fn(&str) -> String) -> Database {
    let url = db.database().url.expose();
    let (user, rest) = url.split_once('@').unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    Database {
        url: SecretUrl::new(&format!("{user}@{}/{path}", hosts(host))),
        ..Database::default()
    }
}

/// A port at which nothing listens.
fn dead() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

async fn a_dead_host_in_front_is_passed_by(kind: Kind) {
    let db = StoreOnDatabase::new(kind).await;
    let database = with_hosts(&db, |host| format!("{},{host}", dead()));
    ledger(&database).prove().await.unwrap();
    let reader = Reader::new(&database, InventoryKind::Native).unwrap();
    assert_eq!(reader.overview().await.unwrap().stream, db.stream().await);
}

async fn where_no_host_answers_each_is_named_without_the_password(kind: Kind) {
    let db = StoreOnDatabase::new(kind).await;
    let (one, two) = (dead(), dead());
    let database = with_hosts(&db, |_| format!("{one},{two}"));
    let fault = ledger(&database).prove().await.unwrap_err();
    assert!(fault.is_unreachable(), "{fault:?}");
    let told = fault.to_string();
    assert!(told.contains(&one) && told.contains(&two), "{told}");
    assert!(!told.contains("nodewarden:"), "{told}");
}

#[tokio::test]
async fn a_server_that_takes_no_writes_is_passed_by_on_postgresql() {
    let db = StoreOnDatabase::new(Kind::Postgres).await;
    let name = db.database().url.expose().rsplit_once('/').unwrap().1;
    let read_only = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
    db.scratch.run(&read_only).await;
    let database = with_hosts(&db, |host| format!("{host},{}", dead()));
    let fault = ledger(&database).prove().await.unwrap_err();
    assert!(matches!(fault, StoreError::Unopened(_)), "{fault:?}");
    let told = fault.to_string();
    assert!(told.contains("it takes no writes: a standby"), "{told}");
}

#[tokio::test]
async fn looks_leave_a_server_that_takes_no_writes_any_more_on_postgresql() {
    let db = StoreOnDatabase::new(Kind::Postgres).await;
    let database = with_hosts(&db, |host| format!("{host},{}", dead()));
    let inventory = InventoryKind::Native;
    let reader = Reader::renewing(&database, inventory, Duration::ZERO).unwrap();
    let keeps = Reader::new(&database, inventory).unwrap();
    for reader in [&reader, &keeps] {
        reader.overview().await.unwrap();
    }
    let name = db.database().url.expose().rsplit_once('/').unwrap().1;
    let read_only = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
    db.scratch.run(&read_only).await;
    // Its session goes on as it began.
    keeps.overview().await.unwrap();
    let fault = reader.overview().await.unwrap_err();
    assert!(fault.is_unreachable(), "{fault:?}");
}
