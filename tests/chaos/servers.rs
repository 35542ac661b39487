//! Faults of the servers themselves, on a run's own ones.

use std::time::Duration;

use nodewarden_tests::engine::Engine;
use sqlx::{Connection as _, Executor as _};

use crate::event::now_ms;
use crate::evidence::Loss;
use crate::faults::Deaf;
use crate::seeded::Seeded;
use crate::stage::Stage;
use crate::tables;

/// Broken and healed in the meantime.
struct Away {
    members: Vec<usize>,
    /// From and to, ms.
    time: (u64, u64),
}

impl Away {
    /// If all of them were away, no replica heard anything.
    fn deaf(self, engine: &Engine) -> Deaf {
        let all = self.members.len() == engine.members();
        all.then_some(self.time).into_iter().collect()
    }
}

/// Ends members with no word said, and starts them again.
async fn kill(engine: &Engine, members: Vec<usize>, away: Duration) -> Away {
    together(&members, |member| engine.kill(member));
    let from = now_ms();
    tokio::time::sleep(away).await;
    let to = now_ms();
    // Members of a cluster wait for each other.
    together(&members, |member| engine.again(member));
    Away {
        members,
        time: (from, to),
    }
}

async fn freeze(engine: &Engine, members: Vec<usize>, away: Duration) -> Away {
    together(&members, |member| engine.freeze(member));
    let from = now_ms();
    tokio::time::sleep(away).await;
    let to = now_ms();
    together(&members, |member| engine.thaw(member));
    Away {
        members,
        time: (from, to),
    }
}

/// Does something to all of them at the same time. It may take long.
fn together(members: &[usize], what: impl Fn(usize) + Sync) {
    tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            for member in members {
                let what = &what;
                scope.spawn(move || what(*member));
            }
        });
    });
}

fn broker(stage: &Stage) -> &Engine {
    stage.ground.broker.as_ref().expect("a broker of its own")
}

fn database(stage: &Stage) -> &Engine {
    let database = stage.ground.database.as_ref();
    database.expect("a database of its own")
}

fn ctl(stage: &Stage, words: &[&str]) -> String {
    tokio::task::block_in_place(|| broker(stage).ctl(0, words))
}

pub async fn alarm(stage: &Stage, seeded: &mut Seeded) -> Deaf {
    ctl(stage, &["set_vm_memory_high_watermark", "0"]);
    let from = now_ms();
    tokio::time::sleep(seeded.ms(4_000, 14_000)).await;
    let to = now_ms();
    ctl(stage, &["set_vm_memory_high_watermark", "absolute", "1GB"]);
    vec![(from, to)]
}

pub fn policy(stage: &Stage, seeded: &mut Seeded) -> Deaf {
    let definition = *seeded.of(&[
        r#"{"delivery-limit": 1000}"#,
        r#"{"max-length": 1000000}"#,
        r#"{"max-in-memory-length": 5}"#,
        r#"{"max-length-bytes": 500000000, "overflow": "reject-publish"}"#,
    ]);
    ctl(
        stage,
        &[
            "set_policy",
            "chaos",
            "^x\\.",
            definition,
            "--apply-to",
            "queues",
        ],
    );
    if seeded.percent(50) {
        ctl(stage, &["clear_policy", "chaos"]);
    }
    Deaf::new()
}

/// The node that leads the events queue.
pub async fn kill_leader(stage: &Stage, seeded: &mut Seeded) -> Deaf {
    let queues = ctl(stage, &["-q", "list_queues", "name", "leader"]);
    let line = queues
        .lines()
        .find(|line| line.starts_with(&stage.events_queue));
    let line = line.expect("the events queue");
    let engine = broker(stage);
    let leads = |member: &usize| line.contains(&format!("-{}@", engine.port(*member)));
    let leader = (0..engine.members()).find(leads).expect("a leader");
    let away = kill(engine, vec![leader], seeded.ms(2_000, 12_000));
    away.await.deaf(engine)
}

/// Each node in turn.
pub async fn kill_each(stage: &Stage, seeded: &mut Seeded) -> Deaf {
    for member in 0..broker(stage).members() {
        kill(broker(stage), vec![member], seeded.ms(500, 4_000)).await;
        tokio::time::sleep(seeded.ms(500, 3_000)).await;
    }
    Deaf::new()
}

pub async fn kill_brokers(stage: &Stage, seeded: &mut Seeded) -> Deaf {
    let engine = broker(stage);
    let all = (0..engine.members()).collect();
    let away = kill(engine, all, seeded.ms(1_000, 6_000));
    away.await.deaf(engine)
}

pub async fn freeze_broker(stage: &Stage, seeded: &mut Seeded) -> Deaf {
    let engine = broker(stage);
    let one = seeded.below(engine.members());
    let away = freeze(engine, vec![one], seeded.ms(3_000, 12_000));
    away.await.deaf(engine)
}

/// Packets of one node are dropped. Only in a network of the run's own, which ends with it: the rules would
/// outlive a run that was killed.
pub async fn partition(stage: &Stage, seeded: &mut Seeded) -> Deaf {
    let own = std::env::var_os("NODEWARDEN_CHAOS_OWN_NETWORK");
    assert!(
        own.is_some(),
        "tests/prove runs this in a network of its own"
    );
    let port = {
        let engine = broker(stage);
        engine.port(seeded.below(engine.members()))
    };
    let own = format!("127.{}.{}.1", port / 256, port % 256);
    let mut rules = vec![format!("from {own}"), format!("to {own}")];
    let clients = seeded.percent(50);
    // Its distribution, and AMQP.
    for port in if clients {
        vec![port + 1, port]
    } else {
        vec![port + 1]
    } {
        rules.push(format!("ipproto tcp sport {port}"));
        rules.push(format!("ipproto tcp dport {port}"));
    }
    println!("cut off: {port}, with its clients: {clients}");
    rules
        .iter()
        .for_each(|rule| ip(&format!("rule add pref 10 {rule} blackhole")));
    tokio::time::sleep(seeded.ms(5_000, 25_000)).await;
    rules
        .iter()
        .for_each(|rule| ip(&format!("rule del pref 10 {rule} blackhole")));
    Deaf::new()
}

fn ip(words: &str) {
    let done = std::process::Command::new("ip")
        .args(words.split(' '))
        .output();
    let done = done.expect("iproute2 is installed");
    assert!(done.status.success(), "ip {words}: {done:?}");
}

/// The member through which the deciding replica works.
async fn at_work(stage: &Stage) -> usize {
    stage.replicas.active().await.unwrap_or(0) % database(stage).members()
}

pub async fn kill_database(stage: &Stage, seeded: &mut Seeded) -> Deaf {
    let engine = database(stage);
    let away = kill(engine, vec![at_work(stage).await], seeded.ms(500, 9_000));
    away.await.deaf(engine)
}

pub async fn freeze_database(stage: &Stage, seeded: &mut Seeded) -> Deaf {
    let engine = database(stage);
    // Longer than a transaction may take, at times.
    let away = freeze(engine, vec![at_work(stage).await], seeded.ms(2_000, 9_000));
    away.await.deaf(engine)
}

/// Longer than [`CONSUMER_TIMEOUT`](crate::scenario::CONSUMER_TIMEOUT), and than 4.3 needs to look at it.
pub async fn stall_database(stage: &Stage, seeded: &mut Seeded) -> Deaf {
    let engine = database(stage);
    let away = freeze(
        engine,
        vec![at_work(stage).await],
        seeded.ms(10_000, 15_000),
    );
    away.await.deaf(engine)
}

pub async fn promote(stage: &Stage, seeded: &mut Seeded) -> Deaf {
    let engine = database(stage);
    together(&[0], |member| engine.kill(member));
    let from = now_ms();
    tokio::time::sleep(seeded.ms(0, 4_000)).await;
    together(&[1], |member| engine.promote(member));
    let to = now_ms();
    let front = stage.ground.front.as_ref().expect("an address");
    front.lead_to(engine.port(1));
    vec![(from, to)]
}

/// What comes after a moment never reaches the standby. All of it was handled, and what became of it is lost.
pub async fn promote_behind(stage: &mut Stage, seeded: &mut Seeded) -> Option<Deaf> {
    let name = stage.ground.looks.rsplit_once('/').expect("a database").1;
    let way = database(stage).postgres(1);
    let standby = format!("{}/{name}", way.rsplit_once('/').expect("a way").0);
    let said = stage.gate.confirmed();
    let has_all = async || {
        let handled = tables::handled(&standby).await.ok()?;
        said.iter()
            .all(|event| handled.contains_key(event))
            .then_some(())
    };
    wait(has_all).await?;
    for words in [
        "ALTER SYSTEM SET primary_conninfo = ''",
        "SELECT pg_reload_conf()",
    ] {
        tables::ask(&standby, words).await.expect("it obeys");
    }
    wait(async || {
        let receivers = tables::ask(&standby, "SELECT pid FROM pg_stat_wal_receiver").await;
        receivers.is_ok_and(|rows| rows.is_empty()).then_some(())
    })
    .await
    .expect("the standby receives nothing");
    tokio::time::sleep(seeded.ms(500, 4_000)).await;

    let gate = stage.gate.clone();
    let _closed = gate.close().await;
    let taken = stage.all_is_taken(Duration::from_secs(60)).await;
    assert!(taken, "all is handled before the database dies");
    let engine = database(stage);
    together(&[0], |member| engine.kill(member));
    let from = now_ms();
    tokio::time::sleep(seeded.ms(0, 4_000)).await;
    together(&[1], |member| engine.promote(member));
    let left = tables::read(&standby).await.expect("it answers");
    let events = gate.lose(&left.events);
    println!("lost: {} events after seq {}", events.len(), left.seq);
    stage.loss = Some(Loss {
        stream: left.stream,
        seq: left.seq,
        events,
    });
    let front = stage.ground.front.as_ref().expect("an address");
    front.lead_to(database(stage).port(1));
    Some(vec![(from, now_ms())])
}

/// Asks until there is an answer; or no longer.
async fn wait(answer: impl AsyncFn() -> Option<()>) -> Option<()> {
    let end = now_ms() + 20_000;
    while now_ms() < end {
        if answer().await.is_some() {
            return Some(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    None
}

/// One of three ends and stays away. The two that are left can lose no other.
pub async fn bury_database(stage: &Stage) -> Deaf {
    let member = at_work(stage).await;
    // The last one is where the tables are read.
    let member = member.min(database(stage).members() - 2);
    together(&[member], |member| database(stage).kill(member));
    Deaf::new()
}

/// All members but the one at work apply nothing for a while, and read from the past.
pub async fn lag_database(stage: &mut Stage, seeded: &mut Seeded) -> Option<Deaf> {
    let active = stage.replicas.active().await?;
    let members = database(stage).members();
    let mut behind = Vec::new();
    for member in (0..members).filter(|member| *member != active % members) {
        let link = sqlx::MySqlConnection::connect(&stage.ground.database(member)).await;
        let mut link = link.expect("a way to the member");
        say(&mut link, "SET GLOBAL wsrep_desync = ON").await;
        say(&mut link, "FLUSH TABLES WITH READ LOCK").await;
        behind.push(link);
    }
    tokio::time::sleep(seeded.ms(2_000, 6_000)).await;
    stage.replicas.kill(active, seeded.ms(100, 3_000));
    tokio::time::sleep(seeded.ms(0, 2_000)).await;
    for link in &mut behind {
        say(link, "UNLOCK TABLES").await;
        say(link, "SET GLOBAL wsrep_desync = OFF").await;
    }
    Some(Deaf::new())
}

async fn say(link: &mut sqlx::MySqlConnection, words: &'static str) {
    let said = link.execute(words).await;
    said.unwrap_or_else(|fault| panic!("{words}: {fault}"));
}

/// A user changes nodes through every member at once, in transactions of its own.
pub async fn write_elsewhere(stage: &Stage, seeded: &mut Seeded) -> Deaf {
    let end = now_ms() + 10_000;
    let writers = (0..database(stage).members()).map(|member| {
        let url = stage.ground.database(member);
        tokio::spawn(async move {
            let mut turn = 0;
            while now_ms() < end {
                turn += 1;
                // Refused where another one's change came first; that is what this is for.
                let change = format!("UPDATE nodes SET name = concat(uuid, '-{member}-{turn}')");
                let _ = tables::ask(&url, &change).await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("no panic");
    }
    tokio::time::sleep(seeded.ms(0, 1_000)).await;
    Deaf::new()
}
