//! [`Stage`]: one run: brokers, a database, replicas, conductors, a subscriber's queue; faults; and at the
//! end the evidence.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nodewarden_tests::deployment::binary;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::broker::{self, Gate, Publisher};
use crate::conductors::{self, DRIVERS, Phase, Role, TIMEOUT_MS};
use crate::event::{Kind, Pair, Said, now_ms};
use crate::evidence::{Evidence, Loss, Planned, Timed};
use crate::ground::Ground;
use crate::reference::Reference;
use crate::replicas::Replicas;
use crate::tables;

/// After a takeover silence proves nothing for that long. Longer than a time-out, so that it is seen.
const GRACE_MS: u64 = 13_000;

/// Within that, after the last fault, all that was said must have had its effect: the longer of time-out and
/// grace, and the rest for a busy machine.
const REST: Duration = Duration::from_secs(180);

const LANES: usize = 3;
const NODES: usize = 9;

/// How many there are of each.
const TIMED: [(Role, usize); 4] = [
    (Role::Beats, 4),
    (Role::Dies, 3),
    (Role::Returns, 3),
    (Role::Restarts, 2),
];

pub struct Stage {
    pub replicas: Replicas,
    pub ground: Ground,
    pub events_exchange: String,
    pub events_queue: String,
    nodes_exchange: String,
    dead_letters: String,
    /// Taken by faults that want no event to be under way.
    pub gate: Arc<Gate>,
    /// Set by a fault that makes the database lose commits.
    pub loss: Option<Loss>,
    nodes: Vec<Planned>,
    folder: PathBuf,
    more: &'static [&'static str],
}

/// What conductors say while the run goes on.
struct Traffic {
    phase: watch::Sender<Phase>,
    lanes: JoinSet<(usize, Vec<Said>)>,
    timed: JoinSet<Timed>,
    watching: tokio::task::JoinHandle<BTreeMap<u64, u64>>,
}

fn planned() -> Vec<Planned> {
    let mut pairs = vec![("nowhere".to_owned(), "nothing".to_owned())];
    for lane in 0..LANES {
        let pair = |driver: &&str| (conductors::group(lane), (*driver).to_owned());
        pairs.extend(DRIVERS.iter().map(pair));
    }
    for (role, count) in TIMED {
        pairs.extend((0..count).map(|number| role.pair(number)));
    }
    let nodes = |pair: (String, String)| {
        (0..NODES).map(move |number| Planned {
            uuid: format!("{}-{}-{number}", pair.0, pair.1),
            pair: pair.clone(),
            maintenance: number % 4 == 0,
        })
    };
    pairs.into_iter().flat_map(nodes).collect()
}

impl Stage {
    /// Everything runs, and one replica decides.
    pub async fn set(ground: Ground, more: &'static [&'static str], folder: PathBuf) -> Self {
        let unique = uuid::Uuid::new_v4().simple().to_string();
        let name = |what: &str| format!("x.{unique}.{what}");
        let mut stage = Self {
            replicas: Replicas::start(&folder, Vec::new()),
            ground,
            events_exchange: name("events"),
            events_queue: name("queue"),
            nodes_exchange: name("nodes"),
            dead_letters: name("dead"),
            gate: Arc::default(),
            loss: None,
            nodes: planned(),
            folder,
            more,
        };
        stage.fill();
        let settings = (0..stage.ground.replicas).map(|number| stage.settings(number));
        stage.replicas = Replicas::start(&stage.folder, settings.collect());
        let end = Instant::now() + REST;
        while stage.replicas.active().await.is_none() {
            assert!(Instant::now() < end, "no replica decides");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let (urls, queue) = (&stage.ground.brokers, stage.subscription());
        broker::subscribe(urls, &stage.nodes_exchange, &queue).await;
        stage
    }

    fn subscription(&self) -> String {
        format!("{}.durable", self.nodes_exchange)
    }

    fn settings(&self, number: usize) -> Vec<String> {
        let mut settings = vec![
            format!("amqp.url={}", self.ground.amqp(number)),
            "amqp.heartbeat=3s".into(),
            "amqp.timeout=4s".into(),
            "amqp.batch=32".into(),
            format!("amqp.events_exchange={}", self.events_exchange),
            format!("amqp.events_queue={}", self.events_queue),
            format!("amqp.nodes_exchange={}", self.nodes_exchange),
            format!("amqp.dead_letters_queue={}", self.dead_letters),
            format!("database.url={}", self.ground.database(number)),
            "database.transaction_limit=5s".into(),
            format!("decide.reconnect_grace={GRACE_MS}ms"),
            "decide.sweep_interval=5s".into(),
            "decide.chunk_nodes=20".into(),
            "publish.nodes_per_message=4".into(),
        ];
        settings.extend(self.more.iter().map(ToString::to_string));
        settings
    }

    /// Tables and nodes, by the commands that their owners would use.
    fn fill(&self) {
        let file = self.folder.join("nodes.csv");
        let mut csv = "uuid,driver,conductor_group,maintenance\n".to_owned();
        for node in &self.nodes {
            let (group, driver) = &node.pair;
            csv += &format!("{},{driver},{group},{}\n", node.uuid, node.maintenance);
        }
        std::fs::write(&file, csv).expect("written");
        let file = file.to_str().expect("a path");
        for words in [&["migrate"][..], &["nodes", "import", file]] {
            let mut command = Command::new(binary());
            command.args(words).stdin(Stdio::null());
            for setting in self.settings(0) {
                command.arg("--set").arg(setting);
            }
            let output = command.output().expect("it runs");
            assert!(output.status.success(), "{words:?}: {output:?}");
        }
    }

    fn traffic(&self, seed: u64) -> Traffic {
        let (phase, seen) = watch::channel(Phase::Rough);
        let mut turn = 0;
        let mut publisher = || {
            turn += 1;
            Publisher::new(
                &self.ground.brokers,
                &self.events_exchange,
                turn,
                &self.gate,
            )
        };
        let (mut lanes, mut timed) = (JoinSet::new(), JoinSet::new());
        for number in 0..LANES {
            let lane = conductors::lane(number, seed, publisher(), seen.clone());
            lanes.spawn(async move { (number, lane.await) });
        }
        for (role, count) in TIMED {
            for number in 0..count {
                timed.spawn(conductors::live(
                    role,
                    number,
                    seed,
                    publisher(),
                    seen.clone(),
                ));
            }
        }
        Traffic {
            phase,
            lanes,
            timed,
            watching: tokio::spawn(watch_takeovers(self.ground.looks.clone(), seen)),
        }
    }

    /// Lets conductors speak while `faults` happen, waits until all is at rest, and gathers what is left.
    /// `faults` says when no replica can have heard anything.
    pub async fn play(
        &mut self,
        seed: u64,
        faults: impl AsyncFnOnce(&mut Self) -> Vec<(u64, u64)>,
    ) -> Evidence {
        let mut traffic = self.traffic(seed);
        let deaf = faults(self).await;
        traffic.phase.send_replace(Phase::Calm);
        let mut lanes = BTreeMap::new();
        while let Some(lane) = traffic.lanes.join_next().await {
            let (number, said) = lane.expect("no panic");
            lanes.insert(number, said);
        }
        let lanes: Vec<Vec<Said>> = lanes.into_values().collect();
        self.rest(&lanes).await;
        let snapshot = self.replicas.snapshot().await;
        traffic.phase.send_replace(Phase::Over);
        let mut timed = Vec::new();
        while let Some(one) = traffic.timed.join_next().await {
            timed.push(one.expect("no panic"));
        }
        // Sooner than silence could end those who stopped beating just now.
        self.all_is_handled(Duration::from_millis(TIMEOUT_MS / 2))
            .await;
        let ends = self.replicas.stop().await;
        let tables = tables::read(&self.ground.looks)
            .await
            .expect("the database answers");
        let urls = &self.ground.brokers;
        let refused = broker::drain(urls, &self.dead_letters).await;
        Evidence {
            nodes: self.nodes.clone(),
            lanes,
            timed,
            heard: broker::drain(urls, &self.subscription()).await,
            refused: refused.into_iter().map(|letter| letter.body).collect(),
            takeovers: traffic.watching.await.expect("no panic"),
            deaf,
            loss: self.loss.clone(),
            grace_ms: GRACE_MS,
            snapshot,
            tables,
            ends,
        }
    }

    /// Waits until nodes are as they must be, every decision is complete and all is announced; or no longer.
    async fn rest(&self, lanes: &[Vec<Said>]) {
        let mut reference = Reference::default();
        let forgotten = self.gate.lost();
        for said in lanes.iter().flatten() {
            if !forgotten.contains(&said.key()) {
                reference.handle(said);
            }
        }
        let lost = reference.lost();
        let dead = |pair: &Pair| (0..TIMED[1].1).any(|number| Role::Dies.pair(number) == *pair);
        let out = self.nodes.iter();
        let out = out.filter(|node| lost.contains(&node.pair) || dead(&node.pair));
        let out: BTreeSet<String> = out.map(|node| node.uuid.clone()).collect();
        let end = Instant::now() + REST;
        while Instant::now() < end {
            let looks = &self.ground.looks;
            let waiting = tables::waiting(looks).await;
            if waiting == Ok(vec!["0".into(), "0".into()])
                && tables::out(looks).await == Ok(out.clone())
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// Says something that no node needs, and waits until it was handled, and so all that was said before, the
    /// refused as well; or no longer. For faults that have closed the gate.
    pub async fn all_is_taken(&self, at_most: Duration) -> bool {
        let (urls, exchange) = (&self.ground.brokers, &self.events_exchange);
        let mut publisher = Publisher::new(urls, exchange, 0, &Arc::default());
        let id = uuid::Uuid::new_v4().to_string();
        let mut said = Said::new(Kind::Joined, id, "marker", now_ms());
        "marker".clone_into(&mut said.group);
        said.drivers = Some(vec!["marker".to_owned()]);
        publisher.publish(&mut said).await;
        let end = Instant::now() + at_most;
        while Instant::now() < end {
            if let Ok(handled) = tables::handled(&self.ground.looks).await
                && handled.contains_key(&said.key())
            {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        false
    }

    /// Waits until every event that is with the broker was handled; or no longer.
    pub async fn all_is_handled(&self, at_most: Duration) -> bool {
        let end = Instant::now() + at_most;
        while Instant::now() < end {
            if let Ok(handled) = tables::handled(&self.ground.looks).await
                && self
                    .gate
                    .confirmed()
                    .iter()
                    .all(|event| handled.contains_key(event))
            {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        false
    }
}

/// When each epoch was taken, as far as looks see it.
async fn watch_takeovers(url: String, phase: watch::Receiver<Phase>) -> BTreeMap<u64, u64> {
    let mut takeovers = BTreeMap::new();
    while *phase.borrow() != Phase::Over {
        if let Ok(Some((epoch, at))) = tables::takeover(&url).await {
            takeovers.insert(epoch, at);
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    takeovers
}
