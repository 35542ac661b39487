//! The conductors of a run: a [`lane`] of ones that no clock ends, and those of [`Role`] that time may end.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tokio::sync::watch::Receiver;

use crate::broker::Publisher;
use crate::event::{Kind, Pair, Said, now_ms};
use crate::evidence::Timed;
use crate::reference::{Known, Life, Reference};
use crate::seeded::Seeded;

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Faults happen.
    Rough,
    /// No more, and what was said is to come to rest.
    Calm,
    /// All is told; whoever beats may end.
    Over,
}

/// Heartbeats come every second, so this is many of them.
pub const TIMEOUT_MS: u64 = 10_000;

/// A planned restart may last that long.
const BACK_WITHIN_MS: u64 = 30_000;

const BEAT: Duration = Duration::from_secs(1);

pub const DRIVERS: [&str; 4] = ["ipmi", "redfish", "snmp", "irmc"];
const CONDUCTORS: usize = 3;

/// The group of a lane.
pub fn group(lane: usize) -> String {
    format!("lane-{lane}")
}

/// Conductors that share pairs and one publisher, so that their order is known: they join, leave, come back,
/// are said to have timed out, repeat themselves, and speak of old and new incarnations.
pub async fn lane(
    number: usize,
    seed: u64,
    mut to: Publisher,
    phase: Receiver<Phase>,
) -> Vec<Said> {
    let mut seeded = Seeded::new(seed, &group(number));
    let mut reference = Reference::default();
    let mut all: Vec<Said> = Vec::new();
    // Those whose effects are lost, and what is left without them.
    let mut lost = BTreeSet::new();
    let mut left: Vec<Said> = Vec::new();
    while *phase.borrow() == Phase::Rough || all.len() < 20 {
        let conductor = format!("c{number}-{}", seeded.below(CONDUCTORS));
        let id = format!("m{}", all.len());
        let made = to.publish_next(|now_lost| {
            if *now_lost != lost {
                lost.clone_from(now_lost);
                left.retain(|said| !lost.contains(&said.key()));
                reference = Reference::default();
                left.iter().for_each(|said| reference.handle(said));
            }
            let group = group(number);
            next(&mut seeded, &reference, &left, id, &conductor, &group)
        });
        let said = made.await;
        reference.handle(&said);
        left.push(said.clone());
        all.push(said);
        tokio::time::sleep(seeded.ms(20, 150)).await;
    }
    all
}

/// Something whose consequence the contract fixes.
fn next(
    seeded: &mut Seeded,
    reference: &Reference,
    left: &[Said],
    id: String,
    conductor: &str,
    group: &str,
) -> Said {
    let mine: Vec<&Said> = left
        .iter()
        .filter(|said| said.conductor == conductor)
        .collect();
    let Some(known) = reference.conductors.get(conductor) else {
        return complete(seeded, Kind::Joined, id, conductor, 1, group);
    };
    if seeded.percent(8) {
        return (*seeded.of(&mine)).clone();
    }
    if seeded.percent(3) {
        let said = *seeded.of(&mine);
        return Said {
            conflict: true,
            ..said.clone()
        };
    }
    let mut said = match known.life {
        Life::Active => of_an_active(seeded, known, id, conductor, group),
        Life::Left => match seeded.below(5) {
            0 => Said::new(Kind::Heartbeat, id, conductor, known.incarnation),
            1 => complete(
                seeded,
                Kind::Joined,
                id,
                conductor,
                known.incarnation,
                group,
            ),
            2 => Said::new(Kind::TimedOut, id, conductor, known.incarnation),
            _ => complete(
                seeded,
                Kind::Joined,
                id,
                conductor,
                known.incarnation + 1,
                group,
            ),
        },
        Life::TimedOut => match seeded.below(6) {
            0 => Said::new(Kind::Left, id, conductor, known.incarnation),
            1 => complete(
                seeded,
                Kind::Joined,
                id,
                conductor,
                known.incarnation + 1,
                group,
            ),
            2 => complete(
                seeded,
                Kind::Heartbeat,
                id,
                conductor,
                known.incarnation,
                group,
            ),
            // Which drivers it has is known only if it was heard in this incarnation.
            3 | 4 if mine.iter().any(|said| heard_whole(said, known.incarnation)) => {
                Said::new(Kind::Heartbeat, id, conductor, known.incarnation)
            }
            _ => complete(
                seeded,
                Kind::Joined,
                id,
                conductor,
                known.incarnation,
                group,
            ),
        },
    };
    said.in_json = seeded.percent(30);
    said
}

fn heard_whole(said: &Said, incarnation: u64) -> bool {
    said.incarnation == incarnation && said.drivers.is_some() && !said.conflict
}

fn of_an_active(
    seeded: &mut Seeded,
    known: &Known,
    id: String,
    conductor: &str,
    group: &str,
) -> Said {
    let incarnation = known.incarnation;
    match seeded.below(20) {
        0..=5 => Said::new(Kind::Left, id, conductor, incarnation),
        6 => Said::new(Kind::Left, id, conductor, incarnation + 1),
        7..=8 => Said::new(Kind::TimedOut, id, conductor, incarnation),
        9 => Said {
            last_seen_ms: known.sent_at_ms,
            ..Said::new(Kind::TimedOut, id, conductor, incarnation)
        },
        10 => Said::new(Kind::TimedOut, id, conductor, incarnation + 1),
        // It was seen later than that.
        11 => Said {
            last_seen_ms: known.sent_at_ms.map(|sent| sent - 1),
            ..Said::new(Kind::TimedOut, id, conductor, incarnation)
        },
        12 => Said::new(Kind::Left, id, conductor, incarnation - 1),
        13 => complete(seeded, Kind::Joined, id, conductor, incarnation - 1, group),
        14..=15 => complete(seeded, Kind::Joined, id, conductor, incarnation, group),
        16 => complete(seeded, Kind::Joined, id, conductor, incarnation + 1, group),
        17 => complete(seeded, Kind::Heartbeat, id, conductor, incarnation, group),
        18 => Said::new(Kind::Heartbeat, id, conductor, incarnation + 1),
        _ => Said::new(Kind::Heartbeat, id, conductor, incarnation),
    }
}

fn complete(
    seeded: &mut Seeded,
    kind: Kind,
    id: String,
    conductor: &str,
    incarnation: u64,
    group: &str,
) -> Said {
    let mut said = Said::new(kind, id, conductor, incarnation);
    let drivers = DRIVERS.iter().filter(|_| seeded.percent(50));
    said.drivers = Some(drivers.map(ToString::to_string).collect());
    // Groups compare in lower case.
    said.group = if seeded.percent(20) {
        group.to_ascii_uppercase()
    } else {
        group.to_owned()
    };
    said
}

/// What time may do to a conductor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Beats to the end.
    Beats,
    /// Beats, and then never again.
    Dies,
    /// Falls silent, for longer than its time-out or not, and comes back as the next incarnation.
    Returns,
    /// Leaves for planned restarts, and is back in time.
    Restarts,
}

impl Role {
    pub fn name(self, number: usize) -> String {
        format!("{self:?}-{number}").to_ascii_lowercase()
    }

    /// The pair of a conductor, its own.
    pub fn pair(self, number: usize) -> Pair {
        ("timed".into(), self.name(number))
    }
}

struct Living {
    timed: Timed,
    to: Publisher,
    incarnation: u64,
    phase: Receiver<Phase>,
}

impl Living {
    async fn say(&mut self, mut said: Said, whole: bool) {
        if whole {
            said.group.clone_from(&self.timed.pair.0);
            said.drivers = Some(vec![self.timed.pair.1.clone()]);
            said.timeout_ms = self.timed.timeout_ms;
        }
        self.to.publish(&mut said).await;
        self.timed.said.push(said);
    }

    fn next(&self, kind: Kind) -> Said {
        let id = format!("m{}", self.timed.said.len());
        Said::new(kind, id, &self.timed.conductor, self.incarnation)
    }

    async fn join(&mut self) {
        self.incarnation = now_ms();
        self.say(self.next(Kind::Joined), true).await;
    }

    /// Beats for so long, but no longer than the phases up to this one last.
    async fn beat(&mut self, how_long: Duration, through: Phase) {
        let end = Instant::now() + how_long;
        while Instant::now() < end && *self.phase.borrow() <= through {
            let whole = self.timed.said.len().is_multiple_of(5);
            self.say(self.next(Kind::Heartbeat), whole).await;
            self.wait(BEAT, through).await;
        }
    }

    async fn wait(&mut self, how_long: Duration, through: Phase) {
        let later = self.phase.wait_for(|phase| *phase > through);
        let _ = tokio::time::timeout(how_long, later).await;
    }
}

/// Lives until all is over.
pub async fn live(
    role: Role,
    number: usize,
    seed: u64,
    to: Publisher,
    phase: Receiver<Phase>,
) -> Timed {
    const TO_THE_END: Duration = Duration::from_secs(3600);
    let mut seeded = Seeded::new(seed, &role.name(number));
    let timed = Timed {
        conductor: role.name(number),
        pair: role.pair(number),
        timeout_ms: (role != Role::Restarts).then_some(TIMEOUT_MS),
        said: Vec::new(),
        dead: role == Role::Dies,
    };
    let mut living = Living {
        timed,
        to,
        incarnation: 0,
        phase,
    };
    living.join().await;
    match role {
        Role::Beats => living.beat(TO_THE_END, Phase::Calm).await,
        Role::Dies => living.beat(seeded.ms(2_000, 12_000), Phase::Rough).await,
        Role::Returns => {
            while *living.phase.borrow() == Phase::Rough {
                living.beat(seeded.ms(3_000, 9_000), Phase::Rough).await;
                living.wait(seeded.ms(4_000, 28_000), Phase::Rough).await;
                living.join().await;
            }
            living.beat(TO_THE_END, Phase::Calm).await;
        }
        Role::Restarts => {
            while *living.phase.borrow() == Phase::Rough {
                living.wait(seeded.ms(1_000, 5_000), Phase::Rough).await;
                let left = living.next(Kind::Left);
                let within = Some(BACK_WITHIN_MS);
                living
                    .say(
                        Said {
                            back_within_ms: within,
                            ..left
                        },
                        false,
                    )
                    .await;
                tokio::time::sleep(seeded.ms(200, 6_000)).await;
                living.join().await;
            }
            // It never beats, so it says once more what a database may have lost.
            living.join().await;
        }
    }
    living.timed
}
