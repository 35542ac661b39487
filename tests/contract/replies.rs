//! A reply to COMMIT that never comes: nobody knows whether it happened, and `resume` tells. A tiny
//! proxy cuts the connection at that very moment. SQLite has no connection to lose; what the worker
//! makes of such an error there is in `tests/stepping/races.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use nodewarden::config::{Database, SecretUrl};
use nodewarden::domain::change::Standing;
use nodewarden::store::Ledger;
use nodewarden_tests::database::Kind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{StoreOnDatabase, ledger, pair, turned, window};

on_servers!(
    after_a_lost_reply_to_a_commit_resume_shows_what_was_committed,
    after_a_commit_that_never_arrived_resume_shows_that_nothing_was,
);

const OPEN: u8 = 0;
const CUT_BEFORE: u8 = 1;
const CUT_AFTER: u8 = 2;

/// Hands everything on, until the moment that was asked for.
struct Proxy {
    port: u16,
    cut: Arc<AtomicU8>,
}

impl Proxy {
    async fn before(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = Arc::new(AtomicU8::new(OPEN));
        let asked = Arc::clone(&cut);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let upstream = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(hand_on(client, upstream, Arc::clone(&asked)));
            }
        });
        Self { port, cut }
    }
}

/// Its end closes both sides.
async fn hand_on(mut client: TcpStream, mut server: TcpStream, cut: Arc<AtomicU8>) {
    let (mut said, mut answered) = (vec![0; 65536], vec![0; 65536]);
    loop {
        tokio::select! {
            read = client.read(&mut said) => {
                let Ok(length @ 1..) = read else { return };
                let words = &said[..length];
                // As PostgreSQL's protocol and MySQL's end it; READ COMMITTED is another thing.
                if words.ends_with(b"COMMIT\0") && words[0] == b'Q' && length == 12 || words.ends_with(b"\x03COMMIT") {
                    match cut.swap(OPEN, Ordering::SeqCst) {
                        CUT_BEFORE => return,
                        CUT_AFTER => {
                            // Its answer proves that it happened; the client never sees it.
                            server.write_all(words).await.unwrap();
                            assert!(server.read(&mut answered).await.unwrap() > 0);
                            return;
                        }
                        _ => {}
                    }
                }
                if server.write_all(words).await.is_err() { return }
            }
            read = server.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&answered[..length]).await.is_err() { return }
            }
        }
    }
}

/// The same database through the proxy, without encryption: it has to read.
async fn through_a_proxy(db: &StoreOnDatabase) -> (Proxy, Database) {
    let url = db.database().url.expose();
    let (credentials, rest) = url.split_once('@').unwrap();
    let (server, name) = rest.split_once('/').unwrap();
    let proxy = Proxy::before(server.to_owned()).await;
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
    proxy.cut.store(CUT_AFTER, Ordering::SeqCst);
    let intake = turned(&lost, Standing::Lost, 1, "c1");
    let fault = ledger.commit(1, &intake).await.unwrap_err();
    assert!(fault.is_transient(), "{fault:?}");
    assert_eq!(proxy.cut.load(Ordering::SeqCst), OPEN, "it was cut");
    let memory = ledger.resume(1).await.unwrap();
    assert_eq!(memory.standings, [(lost.clone(), Standing::Lost)]);
    let recalled: Vec<_> = intake
        .events
        .iter()
        .map(|event| (event.conductor.clone(), event.id.clone()))
        .collect();
    assert_eq!(ledger.recall(&recalled).await.unwrap().len(), 1);
    // A chunk as well: what is repeated finds it done.
    proxy.cut.store(CUT_AFTER, Ordering::SeqCst);
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
    proxy.cut.store(CUT_AFTER, Ordering::SeqCst);
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

async fn after_a_commit_that_never_arrived_resume_shows_that_nothing_was(kind: Kind) {
    let db = StoreOnDatabase::new(kind).await;
    let lost = pair("a", "");
    let (proxy, database) = through_a_proxy(&db).await;
    let mut ledger = ledger(&database);
    ledger.resume(1).await.unwrap();
    let known = ledger.known().furthest();
    proxy.cut.store(CUT_BEFORE, Ordering::SeqCst);
    let intake = turned(&lost, Standing::Lost, 1, "c1");
    let fault = ledger.commit(1, &intake).await.unwrap_err();
    assert!(fault.is_transient(), "{fault:?}");
    assert_eq!(ledger.known().furthest(), known, "no tick may say more");
    assert_eq!(ledger.resume(1).await.unwrap().standings, []);
    ledger.commit(1, &intake).await.unwrap();
    let decisions = db.reader.decisions(9).await.unwrap();
    assert_eq!(decisions.len(), 1);
}
