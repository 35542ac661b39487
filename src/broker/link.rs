//! One connection to the broker: dialled by ourselves within a time limit, and with a second handle
//! on its socket, so that it can be ended at once whatever the client library is doing.

use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::FutureExt;
use futures_util::stream::{Stream, StreamExt};
use lapin::options::ConfirmSelectOptions;
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{AsyncTcpStream, Channel, Connection, ConnectionProperties, Event};

use super::BrokerError;
use super::error::{chain, no_answer, within};
use super::url;
use crate::clock::SystemClock;
use crate::config::{Amqp, Brokers, tls_advice};

/// One connection.
pub(super) struct BrokerConnection {
    connection: Connection,
    socket: TcpStream,
    limit: Duration,
    user: String,
    blocked: Mutex<Blocked>,
    /// Where the next connection does not begin if this one ends without our leave.
    leaves: Option<(Brokers, usize)>,
    /// We took leave while it stood.
    parted: AtomicBool,
}

/// What the broker said last about `connection.blocked`, and where its next word arrives.
struct Blocked {
    events: Pin<Box<dyn Stream<Item = Event> + Send>>,
    reason: Option<String>,
}

impl BrokerConnection {
    /// Dials, shakes hands, logs in. The brokers of the settings are tried in order, each within their
    /// time limit; those that do not answer are passed by.
    pub(super) async fn open(settings: &Amqp, name: &str) -> Result<Self, BrokerError> {
        let brokers = url::parse(&settings.url)?;
        let mut passed: Vec<BrokerError> = Vec::new();
        for at in settings.url.order(brokers.len()) {
            match Self::dial(brokers[at].clone(), settings, name).await {
                Ok(mut link) => {
                    settings.url.begin_with(at);
                    link.leaves = Some((settings.url.clone(), at));
                    for fault in passed {
                        tracing::warn!(
                            "{fault}; {name} is connected to another broker of amqp.url"
                        );
                    }
                    return Ok(link);
                }
                Err(fault) => passed.push(fault),
            }
        }
        Err(BrokerError::together(passed))
    }

    /// One broker.
    async fn dial(mut uri: AMQPUri, settings: &Amqp, name: &str) -> Result<Self, BrokerError> {
        let limit = settings.timeout;
        uri.query.heartbeat = Some(u16::try_from(settings.heartbeat.as_secs()).unwrap_or(u16::MAX));
        let place = format!("{}:{}", uri.authority.host, uri.authority.port);
        let user = uri.authority.userinfo.username.clone();
        let without_tls = matches!(uri.scheme, AMQPScheme::AMQP);
        let unreachable = |why: String| BrokerError::Unreachable(format!("{place}: {why}"));
        let runtime =
            lapin::runtime::default_runtime().map_err(|fault| unreachable(chain(&fault)))?;

        let clock = SystemClock::start();
        let left = || limit.saturating_sub(clock.mono().0);
        let address = resolve_and_knock(&uri, limit).await.map_err(unreachable)?;
        let stream = tokio::time::timeout(left(), AsyncTcpStream::connect(&runtime, address))
            .await
            .map_err(|_| unreachable("no connection in time".into()))?
            .map_err(|fault| unreachable(chain(&fault)))?;
        let AsyncTcpStream::Plain(plain) = &stream else {
            return Err(unreachable(
                "the client library gave no plain stream".into(),
            ));
        };
        let socket = second_handle(plain.get_ref()).map_err(|fault| unreachable(chain(&fault)))?;
        let stream = match uri.scheme {
            AMQPScheme::AMQP => stream,
            AMQPScheme::AMQPS => {
                let hello = stream.into_tls(&uri.authority.host, lapin::tcp::TLSConfig::default());
                tokio::time::timeout(left(), hello)
                    .await
                    .map_err(|_| unreachable("no TLS handshake in time".into()))?
                    .map_err(|fault| unreachable(no_tls(&chain(&fault))))?
            }
        };

        // The library dials through this closure once: automatic recovery stays off.
        let stream = Mutex::new(Some(stream));
        let handshake = Connection::connector(
            uri,
            runtime,
            async move |_, _| {
                let taken = stream.lock().unwrap_or_else(PoisonError::into_inner).take();
                taken.ok_or_else(|| std::io::Error::other("the connection is used up").into())
            },
            ConnectionProperties::default().with_connection_name(name.into()),
        );
        let connection = match within(left(), "AMQP handshake", handshake).await {
            Ok(connection) => connection,
            Err(fault) => {
                // Otherwise the library waits for the silent peer without end, in a thread of its own.
                let _ = socket.shutdown(Shutdown::Both);
                return Err(no_handshake(fault, &place, without_tls));
            }
        };
        let blocked = Mutex::new(Blocked {
            events: Box::pin(connection.events_listener()),
            reason: None,
        });
        Ok(Self {
            connection,
            socket,
            limit,
            user,
            blocked,
            leaves: None,
            parted: AtomicBool::new(false),
        })
    }

    /// How long an answer may take.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// Whether it stands, as far as we know.
    pub(super) fn connected(&self) -> bool {
        self.connection.status().connected()
    }

    /// The login, for `user_id`.
    pub(super) fn user(&self) -> &str {
        &self.user
    }

    /// The largest frame that this connection carries.
    pub(super) fn frame_max(&self) -> usize {
        match self.connection.configuration().frame_max() {
            0 => usize::MAX,
            most => most as usize,
        }
    }

    /// A new channel.
    pub(super) async fn channel(&self) -> Result<Channel, BrokerError> {
        let open = self.connection.create_channel();
        within(self.limit, "opening a channel", open).await
    }

    /// A new channel on which the broker confirms what is published.
    pub(super) async fn confirmed_channel(&self) -> Result<Channel, BrokerError> {
        let channel = self.channel().await?;
        let select = channel.confirm_select(ConfirmSelectOptions::default());
        within(self.limit, "asking for confirms", select).await?;
        Ok(channel)
    }

    /// Why the broker does not read from this connection at the moment, if it does not.
    pub(super) fn blocked(&self) -> Option<String> {
        let mut blocked = self.blocked.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(Some(event)) = blocked.events.next().now_or_never() {
            #[expect(
                clippy::wildcard_enum_match_arm,
                reason = "the library may add events, and none of the others is about reading"
            )]
            match event {
                Event::ConnectionBlocked(reason) => blocked.reason = Some(reason),
                Event::ConnectionUnblocked => blocked.reason = None,
                _ => {}
            }
        }
        blocked.reason.clone()
    }

    /// Ends the connection now: nothing more goes out, and the broker sees the end at once.
    pub(super) fn sever(&self) {
        // An error means that it has ended already.
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    /// Takes leave of the broker, at most as long as the limit.
    pub(super) async fn close(&self) {
        if self.connection.status().connected() {
            self.parted.store(true, Ordering::Relaxed);
            let goodbye = self.connection.close(200, "OK".into());
            if tokio::time::timeout(self.limit, goodbye).await.is_err() {
                tracing::debug!("{}", no_answer("closing a connection", self.limit));
            }
        }
        self.sever();
    }
}

impl Drop for BrokerConnection {
    fn drop(&mut self) {
        self.sever();
        if let (Some((brokers, at)), false) = (&self.leaves, self.parted.load(Ordering::Relaxed)) {
            brokers.leave(*at);
        }
    }
}

/// A second handle on a connected socket. Frames are small and each waits for an answer, so neither
/// handle delays them.
fn second_handle(socket: &impl AsFd) -> std::io::Result<TcpStream> {
    let socket = TcpStream::from(socket.as_fd().try_clone_to_owned()?);
    socket.set_nodelay(true)?;
    Ok(socket)
}

/// Why the broker at `place` did not let us in.
fn no_handshake(fault: BrokerError, place: &str, without_tls: bool) -> BrokerError {
    match fault.before_session() {
        // A server for TLS hangs up on a client that speaks plainly, or answers with an alert of TLS.
        BrokerError::Unreachable(why)
            if without_tls
                && ["reset", "abort", "parse"]
                    .iter()
                    .any(|word| why.contains(word)) =>
        {
            BrokerError::Unreachable(format!(
                "{place}: {why}; if this port is for TLS, begin amqp.url with amqps://"
            ))
        }
        BrokerError::Unreachable(why) => BrokerError::Unreachable(format!("{place}: {why}")),
        BrokerError::Refused(why) | BrokerError::Missing(why) | BrokerError::Denied(why) => {
            // The broker's own words, without the library's and the name of the code before them.
            let why = why.split_once(" - ").map_or(why.as_str(), |(_, why)| why);
            let hint = if why.starts_with("Login was refused") {
                " Are user and password in amqp.url right, and may this user log in from here (guest only from the \
                 broker's own host)?"
            } else {
                ""
            };
            BrokerError::Denied(format!("{place}: {why}{hint}"))
        }
        other @ BrokerError::Lost(_) => other,
    }
}

/// Why there is no TLS.
fn no_tls(why: &str) -> String {
    if why.contains("InvalidContentType") || why.contains("corrupt message") {
        return "what answers there does not speak TLS: begin amqp.url with amqp://, or name the port for TLS, usually 5671"
            .to_owned();
    }
    match tls_advice(why) {
        Some(advice) => format!("TLS: {why}: {advice}"),
        None => format!("TLS: {why}"),
    }
}

/// The first address of the host that accepts a connection: a host may have several, and the library takes one.
async fn resolve_and_knock(uri: &AMQPUri, limit: Duration) -> Result<SocketAddr, String> {
    let host = (uri.authority.host.as_str(), uri.authority.port);
    let search = async {
        let addresses: Vec<SocketAddr> = tokio::net::lookup_host(host)
            .await
            .map_err(|fault| format!("the name cannot be resolved: {}", chain(&fault)))?
            .collect();
        match addresses[..] {
            [only] => Ok(only),
            _ => knock(&addresses, limit).await,
        }
    };
    tokio::time::timeout(limit, search)
        .await
        .unwrap_or_else(|_| Err(NOT_IN_TIME.into()))
}

const NOT_IN_TIME: &str = "no connection in time";

/// The first that accepts a connection. One that says nothing, as its host has no power, leaves the others
/// their share of the time.
async fn knock(addresses: &[SocketAddr], limit: Duration) -> Result<SocketAddr, String> {
    let shares = u32::try_from(addresses.len()).unwrap_or(u32::MAX - 1) + 1;
    let mut complaint = "the name has no address".to_owned();
    for address in addresses {
        let connect = tokio::net::TcpStream::connect(address);
        match tokio::time::timeout(limit / shares, connect).await {
            Ok(Ok(_)) => return Ok(*address),
            Ok(Err(fault)) => complaint = chain(&fault),
            Err(_) => NOT_IN_TIME.clone_into(&mut complaint),
        }
    }
    Err(complaint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_says_nothing_does_not_keep_us_from_the_next_one() {
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(any).unwrap();
        let full = socket.listen(1).unwrap();
        let silent = full.local_addr().unwrap();
        // Once its queue is full, nothing more is answered there.
        let mut queued = Vec::new();
        let patience = Duration::from_millis(500);
        while let Ok(Ok(one)) =
            tokio::time::timeout(patience, tokio::net::TcpStream::connect(silent)).await
        {
            queued.push(one);
        }
        let listening = tokio::net::TcpListener::bind(any).await.unwrap();
        let next = listening.local_addr().unwrap();
        let found = knock(&[silent, next], Duration::from_secs(3)).await;
        assert_eq!(found, Ok(next));
        let none = knock(&[silent], patience).await;
        assert_eq!(none, Err(NOT_IN_TIME.to_owned()));
    }
}
