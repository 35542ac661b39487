//! The benchmark behind `tests/bench/run`: how fast a lost driver is announced, and how fast the
//! next replica decides after the active one is killed.
//!
//! It starts a private broker and two replicas of the release binary beside it, with default
//! settings on one `SQLite` file, and is publisher and subscriber itself. Every time is taken from
//! just before an event is published (or a replica killed) until the announcement is received.
//!
//! ```text
//! tests/bench/run [--rounds 50] [--kills 12]
//! ```

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt;
use hdrhistogram::Histogram;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer};
use serde::{Deserialize, Serialize};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The driver that is lost again and again.
const DRIVER: &str = "redfish";
/// Its nodes, as the target names them.
const NODES: usize = 1_000;
/// Nodes of another driver, which must not matter.
const OTHERS: usize = 9_000;
/// Nothing here may take that long.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Serialize)]
struct Event<'a> {
    conductor: &'a str,
    incarnation: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    drivers: Option<&'a [&'a str]>,
}

/// What is read of an announcement.
#[derive(Deserialize)]
struct Announcement {
    epoch: u64,
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    uuid: String,
}

/// When the announcements of one turn of the pair arrived.
struct Turn {
    first: Instant,
    last: Instant,
    epoch: u64,
}

/// Publisher and subscriber in one.
struct Client {
    _connection: Connection,
    channel: Channel,
    announcements: Consumer,
    said: u64,
}

impl Client {
    async fn connect(url: &str) -> Outcome<Self> {
        let connection = Connection::connect(url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await?;
        let ear = connection.create_channel().await?;
        let options = QueueDeclareOptions {
            exclusive: true,
            ..QueueDeclareOptions::default()
        };
        ear.queue_declare("scheduler.bench".into(), options, FieldTable::default())
            .await?;
        ear.queue_bind(
            "scheduler.bench".into(),
            "node.events".into(),
            "node.#".into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        )
        .await?;
        let options = BasicConsumeOptions {
            no_ack: true,
            ..BasicConsumeOptions::default()
        };
        let announcements = ear
            .basic_consume(
                "scheduler.bench".into(),
                "".into(),
                options,
                FieldTable::default(),
            )
            .await?;
        Ok(Self {
            _connection: connection,
            channel,
            announcements,
            said: 0,
        })
    }

    /// Publishes one event of a conductor and waits for the confirm.
    async fn say(&mut self, kind: &str, event: Event<'_>) -> Outcome<()> {
        self.said += 1;
        let properties = BasicProperties::default()
            .with_message_id(format!("bench-{}", self.said).into())
            .with_type(kind.into())
            .with_content_type("application/msgpack".into())
            .with_delivery_mode(2);
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        let body = rmp_serde::to_vec_named(&event)?;
        let confirm = self
            .channel
            .basic_publish(
                "conductor.events".into(),
                kind.into(),
                options,
                &body,
                properties,
            )
            .await?
            .await?;
        if !confirm.is_ack() || confirm.take_message().is_some() {
            return Err(format!("{kind} was not taken").into());
        }
        Ok(())
    }

    async fn join(&mut self, conductor: &str, incarnation: u64, driver: &str) -> Outcome<()> {
        let drivers = [driver];
        let event = Event {
            conductor,
            incarnation,
            drivers: Some(&drivers),
        };
        self.say("conductor.joined", event).await
    }

    async fn leave(&mut self, conductor: &str, incarnation: u64) -> Outcome<()> {
        let event = Event {
            conductor,
            incarnation,
            drivers: None,
        };
        self.say("conductor.left", event).await
    }

    /// Receives until each of the driver's nodes was announced as `kind`.
    async fn receive(&mut self, kind: &str) -> Outcome<Turn> {
        let mut nodes = BTreeSet::new();
        let mut first = None;
        loop {
            let delivery = tokio::time::timeout(PATIENCE, self.announcements.next())
                .await
                .map_err(|_| format!("{kind}: only {} of {NODES} nodes came", nodes.len()))?
                .ok_or("the broker ended the subscription")??;
            let now = Instant::now();
            match delivery.properties.kind() {
                Some(is) if is.as_str() == kind => {}
                Some(is) if is.as_str() == "node.position" => continue,
                other => return Err(format!("{other:?} while waiting for {kind}").into()),
            }
            let message: Announcement = rmp_serde::from_slice(&delivery.data)?;
            let first = *first.get_or_insert(now);
            nodes.extend(message.nodes.into_iter().map(|node| node.uuid));
            if nodes.len() >= NODES {
                if nodes != (0..NODES).map(|number| uuid_of(0, number)).collect() {
                    return Err("other nodes than the driver's were announced".into());
                }
                return Ok(Turn {
                    first,
                    last: now,
                    epoch: message.epoch,
                });
            }
        }
    }
}

/// The broker and the replicas, all gone when dropped.
struct House {
    script: PathBuf,
    dir: tempfile::TempDir,
    port: u16,
    replicas: [Option<Child>; 2],
}

impl House {
    fn start() -> Outcome<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/rabbitmq");
        let house = Self {
            script,
            dir: tempfile::tempdir()?,
            port: free_ports()?,
            replicas: [None, None],
        };
        let started = Command::new(&house.script)
            .arg("start")
            .arg(house.dir.path().join("rabbitmq"))
            .arg(house.port.to_string())
            .status()?;
        if !started.success() {
            return Err("the broker did not start".into());
        }
        Ok(house)
    }

    fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// The release binary, set to this broker and this database, defaults otherwise.
    fn nodewarden(&self) -> Outcome<Command> {
        let beside = std::env::current_exe()?;
        let binary = beside
            .parent()
            .and_then(Path::parent)
            .ok_or("no folder above")?
            .join("nodewarden");
        let mut command = Command::new(binary);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("NODEWARDEN_") {
                command.env_remove(name);
            }
        }
        command
            .current_dir(self.dir.path())
            .env("NODEWARDEN_AMQP__URL", self.url())
            .env("NODEWARDEN_DATABASE__URL", "sqlite://nodewarden.db")
            .stdin(Stdio::null());
        Ok(command)
    }

    fn import(&self) -> Outcome<()> {
        let mut fleet = String::new();
        for (kind, driver, count) in [(0, DRIVER, NODES), (1, "ipmi", OTHERS)] {
            for number in 0..count {
                let uuid = uuid_of(kind, number);
                writeln!(
                    fleet,
                    r#"{{"uuid":"{uuid}","name":"{driver}-{number}","driver":"{driver}"}}"#
                )?;
            }
        }
        std::fs::write(self.dir.path().join("fleet.jsonl"), fleet)?;
        for arguments in [&["migrate"][..], &["nodes", "import", "fleet.jsonl"]] {
            let done = self.nodewarden()?.args(arguments).output()?;
            if !done.status.success() {
                return Err(String::from_utf8_lossy(&done.stderr).into());
            }
        }
        Ok(())
    }

    fn http(&self, replica: usize) -> u16 {
        self.port + 10 + u16::try_from(replica).unwrap_or_default()
    }

    fn run_replica(&mut self, replica: usize) -> Outcome<()> {
        let log = std::fs::File::create(self.dir.path().join(format!("replica-{replica}.log")))?;
        let listen = format!("127.0.0.1:{}", self.http(replica));
        let child = self
            .nodewarden()?
            .args(["run", "--http-listen", &listen])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        self.replicas[replica] = Some(child);
        Ok(())
    }

    fn has_role(&self, replica: usize, role: &str) -> bool {
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.http(replica)))?;
            stream.set_read_timeout(Some(Duration::from_secs(2)))?;
            stream.write_all(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        ask().is_ok_and(|answer| answer.contains(&format!("\"role\":\"{role}\"")))
    }

    /// Waits until one replica is active and the other stands by; which one is active.
    async fn active(&self) -> Outcome<usize> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            for active in [0, 1] {
                if self.has_role(active, "active") && self.has_role(1 - active, "standby") {
                    return Ok(active);
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err("there is not one active replica and one standby".into())
    }

    /// kill -9.
    fn kill(&mut self, replica: usize) -> Outcome<()> {
        let mut child = self.replicas[replica].take().ok_or("it does not run")?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }
}

impl Drop for House {
    fn drop(&mut self) {
        for replica in [0, 1] {
            let _ = self.kill(replica);
        }
        let _ = Command::new(&self.script)
            .arg("stop")
            .arg(self.dir.path().join("rabbitmq"))
            .status();
    }
}

/// The first of twelve ports in a row that nobody has, below those that the kernel hands out.
fn free_ports() -> Outcome<u16> {
    let spread = u16::try_from(std::process::id() % 400)?;
    (0..400)
        .map(|step| 24_000 + (spread + step) % 400 * 20)
        .find(|base| (*base..base + 12).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()))
        .ok_or_else(|| "no twelve free ports in a row".into())
}

fn uuid_of(kind: usize, number: usize) -> String {
    format!("{kind:08x}-0000-4000-8000-{number:012x}")
}

fn now_ms() -> Outcome<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(u64::try_from(now.as_millis())?)
}

/// A pause of 0 to `most`, so that rounds do not keep step with the replicas' ticks.
async fn random_pause(most: Duration) {
    let random = u32::from_be_bytes(
        uuid::Uuid::new_v4().as_bytes()[..4]
            .try_into()
            .unwrap_or([0; 4]),
    );
    tokio::time::sleep(most * (random >> 16) / 65_536).await;
}

fn histogram() -> Histogram<u64> {
    Histogram::new(4).expect("four digits are allowed")
}

fn line(what: &str, times: &Histogram<u64>) {
    let ms =
        |quantile| Duration::from_micros(times.value_at_quantile(quantile)).as_secs_f64() * 1000.0;
    println!(
        "  {what:<52} median {:7.1} ms   p95 {:7.1} ms   max {:7.1} ms   ({} rounds)",
        ms(0.5),
        ms(0.95),
        ms(1.0),
        times.len()
    );
}

fn record(times: &mut Histogram<u64>, time: Duration) -> Outcome<()> {
    Ok(times.record(u64::try_from(time.as_micros())?)?)
}

async fn measure_leaves(client: &mut Client, incarnation: &mut u64, rounds: usize) -> Outcome<()> {
    let (mut first, mut last, mut back) = (histogram(), histogram(), histogram());
    for round in 0..rounds {
        random_pause(Duration::from_secs(1)).await;
        let left = Instant::now();
        client.leave("c1", *incarnation).await?;
        let turn = client.receive("node.out_of_service").await?;
        record(&mut first, turn.first - left)?;
        record(&mut last, turn.last - left)?;
        random_pause(Duration::from_secs(1)).await;
        *incarnation += 1;
        let joined = Instant::now();
        client.join("c1", *incarnation, DRIVER).await?;
        let turn = client.receive("node.back_in_service").await?;
        record(&mut back, turn.last - joined)?;
        eprint!("\rleave and return: round {} of {rounds} ", round + 1);
    }
    eprintln!();
    println!("\nThe last conductor of a driver with {NODES} nodes leaves (target: median 100 ms)");
    line("`left` published -> first announcement received", &first);
    line(
        &format!("`left` published -> all {NODES} nodes received"),
        &last,
    );
    line(
        &format!("`joined` published -> all {NODES} nodes back"),
        &back,
    );
    Ok(())
}

async fn measure_kills(
    house: &mut House,
    client: &mut Client,
    incarnation: &mut u64,
    kills: usize,
) -> Outcome<()> {
    let (mut first, mut last) = (histogram(), histogram());
    for round in 0..kills {
        let active = house.active().await?;
        random_pause(Duration::from_secs(2)).await;
        let killed = Instant::now();
        house.kill(active)?;
        client.leave("c1", *incarnation).await?;
        let turn = client.receive("node.out_of_service").await?;
        record(&mut first, turn.first - killed)?;
        record(&mut last, turn.last - killed)?;
        *incarnation += 1;
        client.join("c1", *incarnation, DRIVER).await?;
        let back = client.receive("node.back_in_service").await?;
        if back.epoch != turn.epoch {
            return Err("the replica that took over did not keep its seat".into());
        }
        house.run_replica(active)?;
        eprint!("\rkill and take over: round {} of {kills} ", round + 1);
    }
    eprintln!();
    println!(
        "\nThe active replica is killed, then the last conductor leaves (target: at most 2 s)"
    );
    line("kill -9 -> first announcement of the other replica", &first);
    line(&format!("kill -9 -> all {NODES} nodes received"), &last);
    Ok(())
}

fn option(name: &str, default: usize) -> Outcome<usize> {
    let arguments: Vec<String> = std::env::args().collect();
    let value = arguments
        .iter()
        .position(|argument| argument == name)
        .and_then(|at| arguments.get(at + 1));
    Ok(value.map_or(Ok(default), |value| value.parse())?)
}

async fn bench(house: &mut House, rounds: usize, kills: usize) -> Outcome<()> {
    house.import()?;
    house.run_replica(0)?;
    house.run_replica(1)?;
    house.active().await?;
    let mut client = Client::connect(&house.url()).await?;
    let mut incarnation = now_ms()?;
    client.join("c1", incarnation, DRIVER).await?;
    client.join("c2", incarnation, "ipmi").await?;
    println!(
        "{} cores; fleet of {} nodes; two replicas with default settings on SQLite",
        std::thread::available_parallelism()?,
        NODES + OTHERS
    );
    // The first turns warm what a service that has run for a while has warm.
    for _ in 0..3 {
        client.leave("c1", incarnation).await?;
        client.receive("node.out_of_service").await?;
        incarnation += 1;
        client.join("c1", incarnation, DRIVER).await?;
        client.receive("node.back_in_service").await?;
    }
    measure_leaves(&mut client, &mut incarnation, rounds).await?;
    measure_kills(house, &mut client, &mut incarnation, kills).await
}

fn main() -> Outcome<()> {
    let (rounds, kills) = (option("--rounds", 50)?, option("--kills", 12)?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let mut house = House::start()?;
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
            outcome = bench(&mut house, rounds, kills) => outcome,
            () = stopped => Err("interrupted".into()),
        }
    })
}
