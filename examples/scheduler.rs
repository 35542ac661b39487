//! A minimal scheduler's ear: always knows which nodes are out of service.
//!
//! Copy it: binding, snapshot, gaps and repeats are all here. It needs lapin, rmp-serde, serde,
//! serde_json, futures-util and tokio, and nothing of nodewarden. Prints a line for each change.
//!
//! ```text
//! cargo run --example scheduler -- [--amqp URL] [--http http://127.0.0.1:8780]
//!     [--exchange node.events] [--queue scheduler.example]
//! ```

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt;
use lapin::options::{BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What is read of an announcement; fields that it does not name are skipped.
#[derive(Deserialize)]
struct Announcement {
    stream: String,
    driver: String,
    reason: String,
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    seq: u64,
    uuid: String,
}

#[derive(Deserialize)]
struct Position {
    stream: String,
    seq: u64,
}

/// One page of a snapshot.
#[derive(Deserialize)]
struct Page {
    stream: String,
    seq: u64,
    nodes: Vec<Held>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Held {
    uuid: String,
    driver: String,
}

/// The nodes that are out of service (and the driver that each lacks), as of `seq` in `stream`.
#[derive(Default)]
struct Fleet {
    http: String,
    stream: String,
    seq: u64,
    out: BTreeMap<String, String>,
}

impl Fleet {
    /// Reads what is out of service now. Over several pages the smallest `seq` counts: what
    /// happened while we read is told again, and telling it twice does no harm.
    async fn take_snapshot(&mut self) -> Outcome<()> {
        let mut pages: Vec<Page> = Vec::new();
        loop {
            let after = pages.last().and_then(|page| page.next.as_deref());
            let path = after.map_or_else(
                || "/v1/snapshot".to_owned(),
                |after| format!("/v1/snapshot?after={}", escape(after)),
            );
            let body = timeout(Duration::from_secs(10), get(&self.http, &path)).await??;
            let page: Page = serde_json::from_slice(&body)?;
            if pages
                .first()
                .is_some_and(|first| first.stream != page.stream)
            {
                pages.clear(); // the history changed between two pages: again
                continue;
            }
            pages.push(page);
            if pages.last().is_some_and(|page| page.next.is_none()) {
                break;
            }
        }
        self.stream.clone_from(&pages[0].stream);
        self.seq = pages.iter().map(|page| page.seq).min().unwrap_or_default();
        self.out = pages
            .into_iter()
            .flat_map(|page| page.nodes)
            .map(|node| (node.uuid, node.driver))
            .collect();
        println!(
            "snapshot: {} nodes out of service as of {}",
            self.out.len(),
            self.seq
        );
        Ok(())
    }

    /// Applies one message.
    async fn hear(&mut self, kind: &str, body: &[u8]) -> Outcome<()> {
        let out = match kind {
            "node.out_of_service" => true,
            "node.back_in_service" => false,
            "node.position" => {
                // It names the last seq given: if we have not come so far, the end was lost.
                let position: Position = rmp_serde::from_slice(body)?;
                if position.stream != self.stream || position.seq > self.seq {
                    self.take_snapshot().await?;
                }
                return Ok(());
            }
            _ => return Ok(()), // a kind from the future
        };
        let message: Announcement = rmp_serde::from_slice(body)?;
        let first = message.nodes.first().map_or(0, |node| node.seq);
        if message.stream != self.stream || first > self.seq + 1 {
            self.take_snapshot().await?; // another history, or a gap
        }
        if message.stream != self.stream {
            return Ok(()); // a late message of a history that is over
        }
        for node in message.nodes {
            if node.seq <= self.seq {
                continue; // a repeat, or in the snapshot already
            }
            self.seq = node.seq;
            println!(
                "{} {} {} ({}, driver {})",
                node.seq,
                if out { "out" } else { "back" },
                node.uuid,
                message.reason,
                message.driver
            );
            if out {
                self.out.insert(node.uuid, message.driver.clone());
            } else {
                self.out.remove(&node.uuid);
            }
        }
        Ok(())
    }
}

/// Listens until something goes wrong.
async fn listen(uri: &AMQPUri, exchange: &str, queue: &str, fleet: &mut Fleet) -> Outcome<()> {
    let connecting = Connection::connect_uri(uri.clone(), ConnectionProperties::default());
    let connection = timeout(Duration::from_secs(10), connecting).await??;
    let channel = connection.create_channel().await?;
    // A queue of our own that ends with us. A full one drops its head, and the gap tells us; one
    // that rejects would hold up everybody's announcements.
    let mut limits = FieldTable::default();
    limits.insert("x-max-length".into(), AMQPValue::LongInt(10_000));
    limits.insert(
        "x-overflow".into(),
        AMQPValue::LongString("drop-head".into()),
    );
    let options = QueueDeclareOptions {
        exclusive: true,
        auto_delete: true,
        ..Default::default()
    };
    channel.queue_declare(queue.into(), options, limits).await?;
    channel
        .queue_bind(
            queue.into(),
            exchange.into(),
            "node.#".into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        )
        .await?;
    // First bound, then the snapshot: nothing falls in between.
    fleet.take_snapshot().await?;
    let options = BasicConsumeOptions {
        no_ack: true,
        ..Default::default()
    };
    let mut consumer = channel
        .basic_consume(queue.into(), "".into(), options, FieldTable::default())
        .await?;
    while let Some(delivery) = consumer.next().await {
        let delivery = delivery?;
        let kind = delivery
            .properties
            .kind()
            .as_ref()
            .unwrap_or(&delivery.routing_key);
        fleet.hear(kind.as_str(), &delivery.data).await?;
    }
    Err("the broker ended the subscription".into())
}

/// A GET over plain HTTP/1.0, to stand on nothing but tokio; use your own HTTP client.
async fn get(base: &str, path: &str) -> Outcome<Vec<u8>> {
    let host = base
        .strip_prefix("http://")
        .ok_or("--http must begin with http://")?
        .trim_end_matches('/');
    let mut stream = TcpStream::connect(host).await?;
    stream
        .write_all(format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n").as_bytes())
        .await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .ok_or("not an HTTP answer")?;
    let head = String::from_utf8_lossy(&answer[..end]);
    if head.split(' ').nth(1) != Some("200") {
        return Err(format!("{path}: {}", head.lines().next().unwrap_or_default()).into());
    }
    Ok(answer.split_off(end + 4))
}

/// Percent-encodes all but the plainest characters.
fn escape(text: &str) -> String {
    let one = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(one).collect()
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.len() % 2 == 1 {
        return Err(
            "usage: scheduler [--amqp URL] [--http URL] [--exchange NAME] [--queue PREFIX]".into(),
        );
    }
    let given: HashMap<&str, &str> = words
        .chunks(2)
        .map(|pair| (pair[0].as_str(), pair[1].as_str()))
        .collect();
    let option =
        |name: &str, default: &'static str| given.get(name).copied().unwrap_or(default).to_owned();
    let mut uri: AMQPUri = option("--amqp", "amqp://guest:guest@127.0.0.1:5672/%2f").parse()?;
    uri.query.heartbeat = Some(10); // a dead broker is noticed within 20 s
    let (exchange, prefix) = (
        option("--exchange", "node.events"),
        option("--queue", "scheduler.example"),
    );
    let mut fleet = Fleet {
        http: option("--http", "http://127.0.0.1:8780"),
        ..Default::default()
    };
    loop {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
        let queue = format!("{prefix}.{}-{now}", std::process::id());
        if let Err(fault) = listen(&uri, &exchange, &queue, &mut fleet).await {
            println!("reconnecting: {fault}");
        }
        sleep(Duration::from_millis(1000)).await;
    }
}
