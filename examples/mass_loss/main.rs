//! The benchmark behind `tests/bench/mass-loss`: one driver with 100,000 nodes loses its last
//! conductor, on each of the three databases.
//!
//! It starts a private broker and private servers with durable defaults. For each database it runs
//! one replica of the release binary beside it, with default settings, and is publisher and
//! subscriber itself. In between it runs the product's own set-based statements alone, on a copy of
//! the same tables in the same server: that is what the whole way is measured against.
//!
//! ```text
//! tests/bench/mass-loss [--rounds 5] [--nodes 100000] [--store sqlite|postgres|mariadb]
//! ```

mod yardstick;

use std::collections::HashSet;
use std::error::Error;
use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer};
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use yardstick::Yardstick;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The driver that is lost again and again.
const DRIVER: &str = "redfish";
/// Nothing here may take that long.
const PATIENCE: Duration = Duration::from_secs(30);
/// After a turn: what a server does behind a commit should not fall into the next measurement.
const SETTLE: Duration = Duration::from_millis(1500);
/// Rows should not be locked for longer.
const LOCKED: Duration = Duration::from_millis(250);

#[derive(Serialize)]
struct Event<'a> {
    conductor: &'a str,
    incarnation: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    drivers: Option<&'a [&'a str]>,
}

#[derive(Deserialize)]
struct Announcement<'a> {
    #[serde(borrow)]
    nodes: Vec<Node<'a>>,
}

#[derive(Deserialize)]
struct Node<'a> {
    seq: u64,
    uuid: &'a str,
}

/// From the event to the first announcement received, and to the last.
#[derive(Clone, Copy)]
struct Turn {
    first: Duration,
    last: Duration,
}

/// Publisher and subscriber in one.
struct Client {
    _connection: Connection,
    channel: Channel,
    exchange: String,
    announcements: Consumer,
    incarnation: u64,
    said: u64,
    seq: u64,
}

impl Client {
    async fn connect(house: &House, store: &str) -> Outcome<Self> {
        let connection =
            Connection::connect(&house.amqp(), ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await?;
        let ear = connection.create_channel().await?;
        let queue = format!("scheduler.{store}");
        let options = QueueDeclareOptions {
            exclusive: true,
            ..QueueDeclareOptions::default()
        };
        let nothing = FieldTable::default();
        ear.queue_declare(queue.as_str().into(), options, nothing.clone())
            .await?;
        let (exchange, bind) = (format!("{store}.node.events"), QueueBindOptions::default());
        let key = "node.#".into();
        ear.queue_bind(
            queue.as_str().into(),
            exchange.into(),
            key,
            bind,
            nothing.clone(),
        )
        .await?;
        let options = BasicConsumeOptions {
            no_ack: true,
            ..BasicConsumeOptions::default()
        };
        let announcements = ear
            .basic_consume(queue.as_str().into(), "".into(), options, nothing)
            .await?;
        Ok(Self {
            _connection: connection,
            channel,
            exchange: format!("{store}.conductor.events"),
            announcements,
            incarnation: u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?,
            said: 0,
            seq: 0,
        })
    }

    /// Publishes one event of the conductor and waits for the confirm.
    async fn say(&mut self, kind: &str, drivers: Option<&[&str]>) -> Outcome<()> {
        self.said += 1;
        let properties = BasicProperties::default()
            .with_message_id(format!("mass-loss-{}", self.said).into())
            .with_type(kind.into())
            .with_content_type("application/msgpack".into())
            .with_delivery_mode(2);
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        let (conductor, incarnation) = ("c1", self.incarnation);
        let body = rmp_serde::to_vec_named(&Event {
            conductor,
            incarnation,
            drivers,
        })?;
        let exchange = self.exchange.as_str().into();
        let confirm = self
            .channel
            .basic_publish(exchange, kind.into(), options, &body, properties)
            .await?
            .await?;
        if !confirm.is_ack() || confirm.take_message().is_some() {
            return Err(format!("{kind} was not taken").into());
        }
        Ok(())
    }

    async fn join(&mut self) -> Outcome<()> {
        self.incarnation += 1;
        self.say("conductor.joined", Some(&[DRIVER])).await
    }

    async fn leave(&mut self) -> Outcome<()> {
        self.say("conductor.left", None).await
    }

    /// Receives until `nodes` nodes were announced as `kind`: each once, without a gap.
    async fn receive(&mut self, kind: &str, nodes: usize, since: Instant) -> Outcome<Turn> {
        let mut seen = HashSet::with_capacity(nodes);
        let mut first = None;
        loop {
            let delivery = tokio::time::timeout(PATIENCE, self.announcements.next())
                .await
                .map_err(|_| format!("{kind}: only {} of {nodes} nodes came", seen.len()))?
                .ok_or("the broker ended the subscription")??;
            let now = since.elapsed();
            match delivery.properties.kind() {
                Some(is) if is.as_str() == kind => {}
                Some(is) if is.as_str() == "node.position" => continue,
                other => return Err(format!("{other:?} while waiting for {kind}").into()),
            }
            let first = *first.get_or_insert(now);
            let message: Announcement<'_> = rmp_serde::from_slice(&delivery.data)?;
            for node in message.nodes {
                if node.seq != self.seq + 1 {
                    return Err(format!("seq {} came after {}", node.seq, self.seq).into());
                }
                self.seq = node.seq;
                if !seen.insert(uuid::Uuid::parse_str(node.uuid)?) {
                    return Err(format!("{} was announced twice", node.uuid).into());
                }
            }
            if seen.len() == nodes {
                return Ok(Turn { first, last: now });
            }
        }
    }
}

/// The servers, all gone when dropped.
struct House {
    scripts: PathBuf,
    dir: tempfile::TempDir,
    port: u16,
    servers: Vec<&'static str>,
}

impl House {
    fn new() -> Outcome<Self> {
        let mut house = Self {
            scripts: Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers"),
            dir: tempfile::tempdir()?,
            port: free_ports()?,
            servers: Vec::new(),
        };
        house.start("rabbitmq", house.port)?;
        Ok(house)
    }

    fn start(&mut self, server: &'static str, port: u16) -> Outcome<()> {
        self.servers.push(server);
        let mut command = Command::new(self.scripts.join(server));
        command.arg("start").arg(self.dir.path().join(server));
        if !command.arg(port.to_string()).status()?.success() {
            return Err(format!("{server} did not start").into());
        }
        Ok(())
    }

    fn amqp(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// The replica's database and its copy, as URLs.
    async fn databases(&mut self, store: &str) -> Outcome<[String; 2]> {
        let names = ["fleet", "yardstick"];
        let (port, login) = (self.port + 10, "nodewarden:nodewarden@127.0.0.1");
        let server = match store {
            "sqlite" => {
                let dir = self.dir.path().display();
                return Ok(names.map(|name| format!("sqlite://{dir}/{name}.db")));
            }
            "postgres" => {
                self.start("postgres", port)?;
                let server = format!("postgres://{login}:{port}");
                let mut link = sqlx::PgConnection::connect(&format!("{server}/nodewarden")).await?;
                for name in names {
                    let sql = format!("CREATE DATABASE {name}");
                    link.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
                }
                server
            }
            "mariadb" => {
                self.start("mariadb", port + 1)?;
                let server = format!("mysql://{login}:{}", port + 1);
                let mut link = sqlx::MySqlConnection::connect(&format!("{server}/mysql")).await?;
                for name in names {
                    let sql = format!("CREATE DATABASE {name}");
                    link.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
                }
                server
            }
            other => return Err(format!("no store {other:?}").into()),
        };
        Ok(names.map(|name| format!("{server}/{name}")))
    }

    /// The release binary, set to this database and to exchanges of this store's own, defaults
    /// otherwise.
    fn nodewarden(&self, store: &str, database: &str) -> Outcome<Command> {
        let beside = std::env::current_exe()?;
        let above = beside.parent().and_then(Path::parent);
        let mut command = Command::new(above.ok_or("no folder above")?.join("nodewarden"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("NODEWARDEN_") {
                command.env_remove(name);
            }
        }
        command
            .current_dir(self.dir.path())
            .env("NODEWARDEN_AMQP__URL", self.amqp())
            .env(
                "NODEWARDEN_AMQP__EVENTS_EXCHANGE",
                format!("{store}.conductor.events"),
            )
            .env("NODEWARDEN_AMQP__EVENTS_QUEUE", format!("{store}.queue"))
            .env(
                "NODEWARDEN_AMQP__NODES_EXCHANGE",
                format!("{store}.node.events"),
            )
            .env(
                "NODEWARDEN_AMQP__DEAD_LETTERS_QUEUE",
                format!("{store}.dead"),
            )
            .env("NODEWARDEN_DATABASE__URL", database)
            .stdin(Stdio::null());
        Ok(command)
    }

    fn log(&self, store: &str) -> PathBuf {
        self.dir.path().join(format!("{store}.log"))
    }

    fn replica(&self, store: &str, database: &str) -> Outcome<Replica> {
        let log = std::fs::File::create(self.log(store))?;
        let child = self
            .nodewarden(store, database)?
            .args(["--log", "debug"])
            .args(["run", "--http-listen", ""])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        Ok(Replica(child))
    }

    /// How many nodes each transaction of the replica had, and how long it took.
    fn chunks(&self, store: &str) -> Outcome<Vec<(u64, Duration)>> {
        let log = std::fs::read_to_string(self.log(store))?;
        let lines = log.lines().filter(|line| line.contains("nodes moved"));
        let chunk = |line: &str| -> Outcome<(u64, Duration)> {
            let line: serde_json::Value = serde_json::from_str(line)?;
            let field = |name| line["fields"][name].as_u64().or(line[name].as_u64());
            let (nodes, took) = field("nodes").zip(field("took_us")).ok_or("no chunk")?;
            Ok((nodes, Duration::from_micros(took)))
        };
        lines.map(chunk).collect()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        for server in &self.servers {
            let _ = Command::new(self.scripts.join(server))
                .arg("stop")
                .arg(self.dir.path().join(server))
                .status();
        }
    }
}

struct Replica(Child);

impl Drop for Replica {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The first of thirty ports in a row that nobody has, below those that the kernel hands out.
fn free_ports() -> Outcome<u16> {
    let spread = u16::try_from(std::process::id() % 200)?;
    let free =
        |base: &u16| (*base..base + 30).all(|at| TcpListener::bind(("127.0.0.1", at)).is_ok());
    let mut bases = (0..200).map(|step| 25_000 + (spread + step) % 200 * 30);
    bases
        .find(free)
        .ok_or_else(|| "no thirty free ports in a row".into())
}

/// Fills both databases with the same nodes.
fn fill(house: &House, store: &str, databases: &[String; 2], nodes: usize) -> Outcome<()> {
    let mut fleet = String::new();
    for number in 0..nodes {
        let uuid = uuid::Uuid::new_v4();
        writeln!(
            fleet,
            r#"{{"uuid":"{uuid}","name":"node-{number}","driver":"{DRIVER}"}}"#
        )?;
    }
    std::fs::write(house.dir.path().join("fleet.jsonl"), fleet)?;
    for database in databases {
        for arguments in [&["migrate"][..], &["nodes", "import", "fleet.jsonl"]] {
            let done = house
                .nodewarden(store, database)?
                .args(arguments)
                .output()?;
            if !done.status.success() {
                return Err(String::from_utf8_lossy(&done.stderr).into());
            }
        }
    }
    Ok(())
}

/// One round: out and back, of the whole way and of the statements alone.
struct Round {
    out: Turn,
    back: Turn,
    alone_out: Duration,
    alone_back: Duration,
}

async fn measure(
    house: &mut House,
    store: &str,
    nodes: usize,
    rounds: usize,
) -> Outcome<Vec<Round>> {
    let databases = house.databases(store).await?;
    fill(house, store, &databases, nodes)?;
    let mut yardstick = Yardstick::over(&databases[1]);
    let _replica = house.replica(store, &databases[0])?;
    // It declares what the client needs.
    let deadline = Instant::now() + PATIENCE;
    while !std::fs::read_to_string(house.log(store))?.contains("in line as a standby") {
        if Instant::now() > deadline {
            return Err(std::fs::read_to_string(house.log(store))?.into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut client = Client::connect(house, store).await?;
    client.join().await?;
    let mut done = Vec::new();
    for round in 0..rounds {
        let all = |count: u64| (count == nodes as u64).then_some(()).ok_or("not all nodes");
        tokio::time::sleep(SETTLE).await;
        let since = Instant::now();
        client.leave().await?;
        let out = client.receive("node.out_of_service", nodes, since).await?;
        tokio::time::sleep(SETTLE).await;
        let (count, alone_out) = yardstick.out(DRIVER).await?;
        all(count)?;
        tokio::time::sleep(SETTLE).await;
        let since = Instant::now();
        client.join().await?;
        let back = client.receive("node.back_in_service", nodes, since).await?;
        tokio::time::sleep(SETTLE).await;
        let (count, alone_back) = yardstick.back().await?;
        all(count)?;
        eprintln!(
            "{store} round {round}: out first {:?} last {:?} alone {alone_out:?}; back {:?} alone {alone_back:?}",
            out.first, out.last, back.last
        );
        done.push(Round {
            out,
            back,
            alone_out,
            alone_back,
        });
    }
    Ok(done)
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn median(times: impl Iterator<Item = f64>) -> f64 {
    let mut times: Vec<f64> = times.collect();
    times.sort_by(f64::total_cmp);
    let middle = times.len() / 2;
    if times.len() % 2 == 1 {
        times[middle]
    } else {
        times
            .get(middle)
            .map_or(f64::NAN, |above| (times[middle - 1] + above) / 2.0)
    }
}

/// A row of the table for some rounds, medians; the ratio is the median of each round's own.
fn row(what: &str, rounds: &[Round]) {
    let of = |time: fn(&Round) -> f64| median(rounds.iter().map(time));
    println!(
        "| {what} | {:.0} | {:.0} | {:.0} | {:.2} | {:.0} | {:.0} | {:.2} |",
        of(|round| ms(round.out.first)),
        of(|round| ms(round.out.last)),
        of(|round| ms(round.alone_out)),
        of(|round| ms(round.out.last) / ms(round.alone_out)),
        of(|round| ms(round.back.last)),
        of(|round| ms(round.alone_back)),
        of(|round| ms(round.back.last) / ms(round.alone_back)),
    );
}

fn locked(store: &str, chunks: &[(u64, Duration)]) {
    let within = chunks.iter().filter(|(_, took)| *took <= LOCKED).count();
    let longest = chunks
        .iter()
        .map(|(_, took)| *took)
        .max()
        .unwrap_or_default();
    println!(
        "{store}: {} transactions that moved nodes, median {:.0} ms and {:.0} nodes; {within} within {:.0} ms, \
         the longest {:.0} ms",
        chunks.len(),
        median(chunks.iter().map(|(_, took)| ms(*took))),
        median(chunks.iter().map(|(nodes, _)| *nodes as f64)),
        ms(LOCKED),
        ms(longest),
    );
}

async fn bench() -> Outcome<()> {
    let (rounds, nodes) = (
        option("--rounds", "5")?.parse()?,
        option("--nodes", "100000")?.parse()?,
    );
    let only = option("--store", "sqlite,postgres,mariadb")?;
    let mut house = House::new()?;
    let mut results = Vec::new();
    for store in only.split(',') {
        results.push((store, measure(&mut house, store, nodes, rounds).await?));
    }
    let cores = std::thread::available_parallelism()?;
    println!("{cores} cores, {nodes} nodes of one driver; medians in ms, the first round apart\n");
    println!(
        "| store | first out | last out | statements alone | ratio | last back | statements alone | ratio |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (store, rounds) in &results {
        row(&format!("{store}, first round"), &rounds[..1]);
        row(
            store,
            rounds
                .get(1..)
                .filter(|rest| !rest.is_empty())
                .unwrap_or(rounds),
        );
    }
    println!();
    for (store, _) in &results {
        locked(store, &house.chunks(store)?);
    }
    Ok(())
}

fn option(name: &str, default: &str) -> Outcome<String> {
    let arguments: Vec<String> = std::env::args().collect();
    let value = arguments.iter().position(|argument| argument == name);
    let value = value.and_then(|at| arguments.get(at + 1));
    Ok(value.map_or_else(|| default.to_owned(), Clone::clone))
}

fn main() -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let stopped = async {
        let term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
        let Ok(mut term) = term else { return };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = term.recv() => {}
        }
    };
    runtime.block_on(async {
        tokio::select! {
            outcome = bench() => outcome,
            () = stopped => Err("interrupted".into()),
        }
    })
}
