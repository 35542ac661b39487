//! What would be lost, by the rule itself: the changes that [`decide`] makes are made on a copy of the map.

use std::collections::BTreeSet;
use std::time::Duration;

use super::change::Standing;
use super::conductor::{Conductor, Life};
use super::decide::{decide, decide_silence};
use super::event::{Event, EventKind, Statement};
use super::ids::{ConductorName, EventId, Incarnation, Pair};
use super::map::DriverMap;
use super::time::Now;

/// The pairs that would be lost if these conductors were gone, all of them and without a word.
#[must_use]
pub fn lost_without(map: &DriverMap, names: &[ConductorName], now: Now) -> BTreeSet<Pair> {
    let mut after = map.clone();
    for name in names {
        let change = decide_silence(&after, name, now);
        after.apply(&change);
    }
    let was_lost: BTreeSet<&Pair> = map.lost().collect();
    let lost = after.lost().filter(|pair| !was_lost.contains(pair));
    lost.cloned().collect()
}

/// How all conductors that count can be restarted, one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restarts {
    /// Each leaves, and is back before the next one leaves: no pair is lost at any moment. Those in a
    /// planned restart come first: they only have to come back.
    pub order: Vec<ConductorName>,
    /// For these there is no place in any order: each is the only one for its pairs.
    pub alone: Vec<(ConductorName, Vec<Pair>)>,
}

/// See [`Restarts`]. A restart does not change what a conductor supports, so which pairs are lost while
/// one is away does not depend on when its turn comes, once those that are away now are back.
#[must_use]
pub fn restarts(map: &DriverMap, now: Now) -> Restarts {
    let mut map = map.clone();
    let mut restarts = Restarts::default();
    let away: Vec<Conductor> = map
        .conductors()
        .filter(|conductor| matches!(conductor.life, Life::Leaving { .. }))
        .cloned()
        .collect();
    for conductor in away {
        let back = Conductor {
            life: Life::Active,
            ..conductor
        };
        restarts.order.push(back.name.clone());
        let change = decide(&map, &joins(&back), now, Duration::ZERO);
        map.apply(&change);
    }
    let present = map
        .conductors()
        .filter(|known| known.counts_as_active() && !restarts.order.contains(&known.name));
    let present: Vec<&Conductor> = present.collect();
    for conductor in present {
        let lost = lost_while_away(&map, conductor, now);
        match lost.is_empty() {
            true => restarts.order.push(conductor.name.clone()),
            false => restarts.alone.push((conductor.name.clone(), lost)),
        }
    }
    restarts
}

fn lost_while_away(map: &DriverMap, conductor: &Conductor, now: Now) -> Vec<Pair> {
    let kind = EventKind::Left {
        back_within: None,
        reason: None,
    };
    let change = decide(
        map,
        &says(conductor, conductor.incarnation, kind),
        now,
        Duration::ZERO,
    );
    let lost = change
        .turns
        .into_iter()
        .filter(|turn| turn.to == Standing::Lost);
    lost.map(|turn| turn.pair).collect()
}

/// It is back, with the same statement.
fn joins(conductor: &Conductor) -> Event {
    let next = Incarnation::new(conductor.incarnation.get().saturating_add(1));
    let statement = Statement {
        group: conductor.group.clone(),
        drivers: conductor.drivers.clone(),
        heartbeat_timeout: conductor.heartbeat_timeout,
    };
    let kind = EventKind::Joined(statement);
    says(conductor, next.unwrap_or(conductor.incarnation), kind)
}

fn says(conductor: &Conductor, incarnation: Incarnation, kind: EventKind) -> Event {
    Event {
        id: EventId::parse("whatif").expect("it is one"),
        conductor: conductor.name.clone(),
        incarnation,
        sent_at_ms: None,
        kind,
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::{conductor, living, name, pair};
    use super::super::time::Mono;
    use super::*;

    const NOW: Now = Now {
        wall_ms: 0,
        mono: Mono(Duration::ZERO),
    };

    fn map(conductors: Vec<Conductor>) -> DriverMap {
        let standings: Vec<(Pair, Standing)> = conductors
            .iter()
            .filter(|conductor| conductor.counts_as_active())
            .flat_map(|conductor| conductor.pairs().collect::<Vec<_>>())
            .map(|pair| (pair, Standing::Active))
            .collect();
        DriverMap::load(conductors, standings)
    }

    #[test]
    fn what_several_share_is_lost_only_without_all_of_them() {
        let map = map(vec![
            conductor("c1", &["a", "b"]),
            conductor("c2", &["b"]),
            conductor("c3", &["b", "z"]),
            living(Life::Left, "gone", &["z"]),
        ]);
        let without = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|text| name(text)).collect();
            let lost = lost_without(&map, &names, NOW);
            lost.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(without(&["c2"]), []);
        assert_eq!(without(&["c1"]), [pair("a")]);
        assert_eq!(without(&["c1", "c2"]), [pair("a")]);
        assert_eq!(
            without(&["c1", "c2", "c3"]),
            [pair("a"), pair("b"), pair("z")]
        );
        assert_eq!(without(&["gone"]), []);
    }

    #[test]
    fn those_that_are_away_come_first_and_one_that_is_alone_has_no_place() {
        let leaving = Life::Leaving {
            until: Mono(Duration::from_secs(9)),
        };
        let map = map(vec![
            conductor("c1", &["a"]),
            living(leaving, "c2", &["a", "b"]),
            conductor("c3", &["b", "z"]),
        ]);
        let expected = Restarts {
            order: vec![name("c2"), name("c1")],
            alone: vec![(name("c3"), vec![pair("z")])],
        };
        assert_eq!(restarts(&map, NOW), expected);
    }
}
