//! [`Proxy`]: a TCP proxy between a replica and a server, which does what networks do: it delays, swallows one
//! way, cuts after so many bytes, resets, and cuts in the moment in which a COMMIT is on its way.

use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What it does to every connection, open ones too, until it is told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// Hands everything on.
    Open,
    /// Hands each piece on after so long.
    Slow(Duration),
    /// What clients say is thrown away; neither side is told.
    SwallowRequests,
    /// What the server answers is thrown away; neither side is told.
    SwallowAnswers,
    /// Each direction of each connection ends after so many bytes, counted from now on.
    CutAfter(usize),
    /// Every connection is reset, and so are new ones.
    Reset,
    /// The next COMMIT is handed to the server, and the connection reset before its answer; then open.
    CutAtCommit,
    /// The next COMMIT is not even handed on, and the connection reset; then open.
    CutBeforeCommit,
}

/// A server that has not answered a COMMIT by then is cut off without the proof that it happened.
const ANSWERED: Duration = Duration::from_secs(1);

/// Listens as long as it lives.
pub struct Proxy {
    pub port: u16,
    wire: watch::Sender<Wire>,
    listening: tokio::task::JoinHandle<()>,
    server: Arc<AtomicU16>,
    cut: Arc<Mutex<usize>>,
}

/// What one direction needs to know.
#[derive(Clone)]
struct Way {
    wire: watch::Receiver<Wire>,
    open_again: watch::Sender<Wire>,
    requests: bool,
    /// Nothing is answered on this connection any more.
    mute: Arc<AtomicBool>,
    cut: Arc<Mutex<usize>>,
}

impl Proxy {
    /// In front of the server that listens on this port of this host.
    pub async fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let own = listener.local_addr().expect("an address").port();
        let (wire, seen) = watch::channel(Wire::Open);
        let (open_again, cut) = (wire.clone(), Arc::new(Mutex::new(0)));
        let counted = Arc::clone(&cut);
        let server = Arc::new(AtomicU16::new(port));
        let there = Arc::clone(&server);
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let way = Way {
                    wire: seen.clone(),
                    open_again: open_again.clone(),
                    requests: true,
                    mute: Arc::default(),
                    cut: Arc::clone(&counted),
                };
                tokio::spawn(connection(client, there.load(Ordering::SeqCst), way));
            }
        });
        Self {
            port: own,
            wire,
            listening,
            server,
            cut,
        }
    }

    /// From now on it is in front of another server; connections to the old one are reset.
    pub fn lead_to(&self, port: u16) {
        self.server.store(port, Ordering::SeqCst);
        self.set(Wire::Reset);
        self.set(Wire::Open);
    }

    pub fn set(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }

    /// How many connections it has cut so far.
    pub fn cut(&self) -> usize {
        *self.cut.lock().expect("no panic")
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
        self.wire.send_replace(Wire::Reset);
    }
}

async fn connection(client: TcpStream, port: u16, way: Way) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else {
        return;
    };
    for stream in [&client, &server] {
        // So that dropping it is a reset.
        let _ = stream.set_zero_linger();
        let _ = stream.set_nodelay(true);
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let answers = Way {
        requests: false,
        ..way.clone()
    };
    // The first that ends ends both.
    tokio::select! {
        () = hand_on(from_client, to_server, way) => {}
        () = hand_on(from_server, to_client, answers) => {}
    }
}

/// Its end closes the connection.
async fn hand_on(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut way: Way) {
    let mut piece = vec![0; 65_536];
    let (mut passed, mut swallowed) = (0, false);
    loop {
        let length = tokio::select! {
            read = from.read(&mut piece) => match read {
                Ok(length @ 1..) => length,
                _ => return,
            },
            changed = way.wire.changed() => {
                // No network loses a part and then goes on.
                if changed.is_err() || swallowed || *way.wire.borrow() == Wire::Reset { return way.count() }
                passed = 0;
                continue;
            }
        };
        let piece = &piece[..length];
        let wire = *way.wire.borrow();
        match wire {
            Wire::Open => {}
            Wire::Slow(pause) => tokio::time::sleep(pause).await,
            Wire::SwallowRequests | Wire::SwallowAnswers => {
                if way.requests == (wire == Wire::SwallowRequests) {
                    swallowed = true;
                    continue;
                }
            }
            Wire::CutAfter(bytes) if passed + length > bytes => {
                let _ = to.write_all(&piece[..bytes - passed]).await;
                return way.count();
            }
            Wire::CutAfter(_) => passed += length,
            Wire::Reset => return way.count(),
            Wire::CutAtCommit | Wire::CutBeforeCommit if way.requests && commits(piece) => {
                // Only one of them.
                if way.open_again.send_if_modified(|now| {
                    let first = *now == wire;
                    if first {
                        *now = Wire::Open;
                    }
                    first
                }) {
                    way.count();
                    if wire == Wire::CutAtCommit {
                        way.mute.store(true, Ordering::SeqCst);
                        let _ = to.write_all(piece).await;
                        // Its answer, which the client never sees, ends the other direction, and so both.
                        tokio::time::sleep(ANSWERED).await;
                    }
                    return;
                }
            }
            Wire::CutAtCommit | Wire::CutBeforeCommit => {}
        }
        let mute = !way.requests && way.mute.load(Ordering::SeqCst);
        if mute || to.write_all(piece).await.is_err() {
            return;
        }
    }
}

impl Way {
    fn count(&self) {
        *self.cut.lock().expect("no panic") += 1;
    }
}

/// Whether a piece ends with COMMIT as PostgreSQL's protocol and MySQL's say it; READ COMMITTED is another
/// thing.
fn commits(piece: &[u8]) -> bool {
    piece.ends_with(b"Q\0\0\0\x0bCOMMIT\0") || piece.ends_with(b"\x03COMMIT")
}
