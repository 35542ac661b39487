//! A reply to COMMIT that never comes: only `resume` tells whether it happened. A proxy cuts the
//! connection at that very moment. SQLite has no connection to lose; what the worker makes of such an
//! error there is in `tests/stepping/races.rs`.

use std::time::{Duration, Instant};

use nodewarden::config::{Database, SecretUrl};
use nodewarden::domain::change::Standing;
use nodewarden::store::{Ledger, Sweep};
use nodewarden_tests::database::Kind;
use nodewarden_tests::proxy::{Proxy, Wire};

use crate::harness::{StoreOnDatabase, ledger, pair, turned, window};

on_servers!(
    after_a_lost_reply_to_a_commit_resume_shows_what_was_committed,
    after_a_commit_that_never_arrived_resume_shows_that_nothing_was,
    l4_a_server_that_says_nothing_more_is_given_up_wherever_that_begins,
);

/// The same database through the proxy, without encryption: it has to read.
async fn through_a_proxy(db: &StoreOnDatabase) -> (Proxy, Database) {
    let url = db.database().url.expose();
    let (credentials, rest) = url.split_once('@').unwrap();
    let (server, name) = rest.split_once('/').unwrap();
    let (host, port) = server.split_once(':').unwrap();
    assert!(host == "127.0.0.1" || host == "localhost", "{host}");
    let proxy = Proxy::before(port.parse().unwrap()).await;
    let plain = match db.scratch.kind {
        Kind::Postgres => "sslmode=disable",
        Kind::Sqlite | Kind::MySql => "ssl-mode=DISABLED",
    };
    let url = format!("{credentials}@127.0.0.1:{}/{name}?{plain}", proxy.port);
    let database = Database {
        url: SecretUrl::new(&url),
        ..Database::default()
    };
    (proxy, database)
}

async fn after_a_lost_reply_to_a_commit_resume_shows_what_was_committed(kind: Kind) {
    let db = StoreOnDatabase::new(kind).await;
    let lost = pair("a", "");
    db.nodes("a", "", &["n1", "n2"]).await;
    let (proxy, database) = through_a_proxy(&db).await;
    let mut ledger = ledger(&database);
    ledger.prove().await.unwrap();
    proxy.set(Wire::CutAtCommit);
    let intake = turned(&lost, Standing::Lost, 1, "c1");
    let fault = ledger.commit(1, &intake).await.unwrap_err();
    assert!(fault.is_transient(), "{fault:?}");
    assert_eq!(proxy.cut(), 1, "it was cut");
    let memory = ledger.resume(1).await.unwrap();
    assert_eq!(memory.standings, [(lost.clone(), Standing::Lost)]);
    let recalled: Vec<_> = intake
        .events
        .iter()
        .map(|event| (event.conductor.clone(), event.id.clone()))
        .collect();
    assert_eq!(ledger.recall(&recalled).await.unwrap().len(), 1);
    // A chunk as well: what is repeated finds it done.
    proxy.set(Wire::CutAtCommit);
    let fault = ledger
        .take_out(1, &lost, &window("", 10))
        .await
        .unwrap_err();
    assert!(fault.is_transient(), "{fault:?}");
    assert_eq!(db.out().await, ["n1", "n2"]);
    ledger.resume(1).await.unwrap();
    let again = ledger.take_out(1, &lost, &window("", 10)).await.unwrap();
    assert_eq!(again.changed, 0);
    let overview = db.reader.overview().await.unwrap();
    assert_eq!((overview.seq, overview.last_announcement), (2, 1));
    // An epoch, too: the one who took it does not know it, and takes the next.
    proxy.set(Wire::CutAtCommit);
    let fault = ledger
        .take_epoch("second", nodewarden::config::Mode::Enforce, 20)
        .await
        .unwrap_err();
    assert!(fault.is_transient(), "{fault:?}");
    assert_eq!(
        ledger
            .take_epoch("second", nodewarden::config::Mode::Enforce, 20)
            .await
            .unwrap()
            .epoch,
        3
    );
}

async fn l4_a_server_that_says_nothing_more_is_given_up_wherever_that_begins(kind: Kind) {
    let db = StoreOnDatabase::new(kind).await;
    let (proxy, database) = through_a_proxy(&db).await;
    let database = Database {
        transaction_limit: Duration::from_secs(3),
        ..database
    };
    let mut ledger = ledger(&database);
    // With BEGIN; with the look at the table of nodes.
    for begins_with_a_look in [false, true] {
        ledger.prove().await.unwrap();
        proxy.set(Wire::SwallowRequests);
        let began = Instant::now();
        let outcome = match begins_with_a_look {
            false => ledger.step_down(1, 1).await,
            true => {
                let sweep = Sweep {
                    restarting: Vec::new(),
                    forget: Vec::new(),
                    unnamed: Vec::new(),
                    unwanted: Vec::new(),
                    announces: false,
                    pause: None,
                    now_ms: 1,
                };
                ledger.begin_sweep(1, &sweep).await.map(drop)
            }
        };
        let fault = outcome.unwrap_err();
        assert!(fault.is_transient(), "{fault:?}");
        // Two seconds, and what a busy machine needs; a statement may take a minute.
        assert!(began.elapsed() < Duration::from_secs(30), "{fault:?}");
        proxy.set(Wire::Open);
    }
}

async fn after_a_commit_that_never_arrived_resume_shows_that_nothing_was(kind: Kind) {
    let db = StoreOnDatabase::new(kind).await;
    let lost = pair("a", "");
    let (proxy, database) = through_a_proxy(&db).await;
    let mut ledger = ledger(&database);
    ledger.resume(1).await.unwrap();
    let known = ledger.known().furthest();
    proxy.set(Wire::CutBeforeCommit);
    let intake = turned(&lost, Standing::Lost, 1, "c1");
    let fault = ledger.commit(1, &intake).await.unwrap_err();
    assert!(fault.is_transient(), "{fault:?}");
    assert_eq!(ledger.known().furthest(), known, "no tick may say more");
    assert_eq!(ledger.resume(1).await.unwrap().standings, []);
    ledger.commit(1, &intake).await.unwrap();
    let decisions = db.reader.decisions(9).await.unwrap();
    assert_eq!(decisions.len(), 1);
}
