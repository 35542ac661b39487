//! What reconcile must still look at; in memory alone, since a successor looks at everything.

use std::time::Duration;

use super::walks::{Over, Walk, Walks};
use crate::config::Mode;
use crate::domain::change::Standing;
use crate::domain::ids::Pair;
use crate::domain::map::DriverMap;
use crate::domain::time::Mono;
use crate::store::WindowDone;

/// When rows that another session had locked are looked at again: a user's transaction is over in
/// milliseconds, or it lasts.
const AGAIN: Duration = Duration::from_secs(1);

/// Each round that finds rows locked still doubles that, so often at most: a pair of many nodes is walked in
/// each.
const DOUBLINGS: u32 = 3;

/// See [`Walk::scale`]. A look that locks nothing may have as many times the rows of a window.
pub(super) const MOST_SCALE: u32 = 16;

/// After so many windows for pairs that turned, one goes to the walks that look at everything.
const URGENT_IN_A_ROW: u32 = 4;

/// The walks to do, each in its turn, so that no pair and no sweep keeps the others waiting.
#[derive(Debug)]
pub(super) struct Pending {
    /// Decisions are only observed: nothing is ever to do.
    observing: bool,
    /// Pairs that turned, the first one first.
    urgent: Walks,
    /// Looks at everything: after a takeover, a doubt, and by the sweep.
    routine: Walks,
    /// Windows for urgent walks since the last one for a routine walk.
    in_a_row: u32,
}

impl Pending {
    pub(super) fn new(mode: Mode) -> Self {
        Self {
            observing: mode == Mode::Observe,
            urgent: Walks::default(),
            routine: Walks::default(),
            in_a_row: 0,
        }
    }

    /// A pair turned: look at it soon, from its beginning.
    pub(super) fn turned(&mut self, pair: &Pair) {
        if self.observing {
            return;
        }
        let over = Over::Pair(pair.clone());
        self.routine.remove(&over);
        self.urgent.push(Walk::new(over, Mono::default()));
    }

    /// Look whether there is anything to do, after what is urgent. A look that is under way goes on. None is needed
    /// while walks over everything have yet to come to holds and nodes: what they have passed is walked again.
    pub(super) fn anything(&mut self, map: &DriverMap) {
        let to_come = |over| {
            let walk = self.routine.get(over);
            walk.is_some_and(|walk| walk.after.is_empty() && walk.rounds == 0)
        };
        if to_come(&Over::Holds) && to_come(&Over::Nodes) {
            self.everything(map);
        } else if !self.observing && !self.routine.contains(&Over::Everything) {
            self.routine
                .push(Walk::new(Over::Everything, Mono::default()));
        }
    }

    /// Look at everything, after what is urgent. A walk that is under way goes on.
    pub(super) fn everything(&mut self, map: &DriverMap) {
        if self.observing {
            return;
        }
        self.routine.remove(&Over::Everything);
        let pairs = map.lost().map(|pair| Over::Pair(pair.clone()));
        for over in pairs.chain([Over::Holds, Over::Nodes]) {
            if !self.urgent.contains(&over) && !self.routine.contains(&over) {
                self.routine.push(Walk::new(over, Mono::default()));
            }
        }
    }

    /// Begins everything again: an operator may have given back nodes that a walk has passed.
    pub(super) fn again(&mut self, map: &DriverMap) {
        for walks in [&mut self.urgent, &mut self.routine] {
            for walk in walks.in_order.values_mut() {
                *walk = Walk::new(walk.over.clone(), Mono::default());
            }
        }
        self.everything(map);
    }

    /// The next walk. Without `may_take` (no tick yet, or a pause) none that takes nodes out.
    pub(super) fn next(&self, map: &DriverMap, may_take: bool, now: Mono) -> Option<&Walk> {
        let may = |walk: &&Walk| {
            walk.from <= now
                && match &walk.over {
                    Over::Pair(pair) => may_take || map.standing(pair) != Some(Standing::Lost),
                    Over::Holds | Over::Nodes | Over::Everything => true,
                }
        };
        let urgent = || self.urgent.in_order.values().find(may);
        let routine = || self.routine.in_order.values().find(may);
        if self.in_a_row >= URGENT_IN_A_ROW {
            routine().or_else(urgent)
        } else {
            urgent().or_else(routine)
        }
    }

    /// The pairs whose walks begin like `walk`, in the same queue, at most `most`: that of `walk` is the first.
    /// And what they should be. None, if it is no walk over a pair that begins.
    pub(super) fn alike(
        &self,
        walk: &Walk,
        map: &DriverMap,
        most: usize,
        now: Mono,
    ) -> (Standing, Vec<Pair>) {
        let to = |pair: &Pair| match map.standing(pair) {
            Some(Standing::Lost) => Standing::Lost,
            Some(Standing::Active) | None => Standing::Active,
        };
        let pair = |walk: &Walk| match &walk.over {
            Over::Pair(pair) => Some(pair.clone()),
            Over::Holds | Over::Nodes | Over::Everything => None,
        };
        let Some(first) = pair(walk).filter(|_| walk.begins(now)) else {
            return (Standing::Active, Vec::new());
        };
        let standing = to(&first);
        let walks = match self.is_routine(&walk.over) {
            true => &self.routine,
            false => &self.urgent,
        };
        let begin = walks.in_order.values().filter(|walk| walk.begins(now));
        let pairs = begin.filter_map(pair).filter(|pair| to(pair) == standing);
        (standing, pairs.take(most).collect())
    }

    /// Whether the walk is one that looks at everything, not one for a pair that turned.
    pub(super) fn is_routine(&self, over: &Over) -> bool {
        !self.urgent.contains(over) && self.routine.contains(over)
    }

    /// A window was done: the walk goes on at its `next`, begins again some time after `now` if rows were
    /// left, or is over. One that changes little may look at more.
    pub(super) fn done(&mut self, over: &Over, done: &WindowDone, nodes: u32, now: Mono) {
        let urgent = self.urgent.contains(over);
        self.in_a_row = if urgent { self.in_a_row + 1 } else { 0 };
        let walks = if urgent {
            &mut self.urgent
        } else {
            &mut self.routine
        };
        let Some(walk) = walks.get_mut(over) else {
            return;
        };
        walk.left_behind |= done.locked > 0;
        match &done.next {
            Some(next) => {
                walk.after.clone_from(next);
                // Where one row is at fault, others near it may be: back to the usual size in steps.
                let narrow = walk.nodes.filter(|narrow| *narrow <= nodes);
                walk.nodes = narrow.map(|narrow| narrow.saturating_mul(2));
                walk.scale = if done.changed * 10 < u64::from(nodes) {
                    (walk.scale * 2).min(MOST_SCALE)
                } else {
                    1
                };
            }
            None if walk.left_behind => {
                let pause = AGAIN * (1 << walk.rounds.min(DOUBLINGS));
                let rounds = walk.rounds + 1;
                *walk = Walk::new(over.clone(), now.plus(pause));
                walk.rounds = rounds;
            }
            None => drop(walks.remove(over)),
        }
    }

    /// These pairs were carried out together, which is one turn.
    pub(super) fn done_together(&mut self, done: &[(Over, WindowDone)], now: Mono) {
        let turns = self.in_a_row + 1;
        for (over, done) in done {
            self.done(over, done, 0, now);
        }
        self.in_a_row = turns;
    }

    /// These pairs were looked at together, which is one turn: those of `work` are to be carried out, for the
    /// others there is nothing to do.
    pub(super) fn looked_together(&mut self, idle: Vec<Pair>, work: &[Pair]) {
        for pair in idle {
            self.routine.remove(&Over::Pair(pair));
        }
        for pair in work {
            self.turned(pair);
        }
        self.in_a_row = 0;
    }

    /// The window failed for good: look at fewer rows, after all others had a turn.
    pub(super) fn narrow(&mut self, over: &Over, nodes: u32) {
        self.move_to_end(over, |walk| walk.nodes = Some(nodes));
    }

    /// The window failed, for now: all others first. It has had its turn.
    pub(super) fn put_back(&mut self, over: &Over) {
        self.in_a_row = if self.is_routine(over) {
            0
        } else {
            self.in_a_row + 1
        };
        self.move_to_end(over, |walk| walk.scale = 1);
    }

    fn move_to_end(&mut self, over: &Over, change: impl Fn(&mut Walk)) {
        for walks in [&mut self.urgent, &mut self.routine] {
            if let Some(mut walk) = walks.remove(over) {
                change(&mut walk);
                walks.push(walk);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.urgent.in_order.len() + self.routine.in_order.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::example::{at, pair};

    fn map() -> DriverMap {
        let lost = ["a", "b"].map(|driver| (pair(driver), Standing::Lost));
        DriverMap::load([], lost.into_iter().chain([(pair("c"), Standing::Active)]))
    }

    fn over(driver: &str) -> Over {
        Over::Pair(pair(driver))
    }

    fn after_a_takeover() -> Pending {
        let mut pending = Pending::new(Mode::Enforce);
        pending.everything(&map());
        pending
    }

    /// What is walked over next, if one window of each walk is its last.
    fn order(pending: &mut Pending, may_take: bool, now: Mono) -> Vec<Over> {
        let mut order = Vec::new();
        while let Some(walk) = pending.next(&map(), may_take, now) {
            let over = walk.over.clone();
            pending.done(&over, &WindowDone::default(), 100, at(0));
            order.push(over);
        }
        order
    }

    #[test]
    fn what_is_next_depends_on_what_turned_and_on_whether_nodes_may_go_out() {
        type Case = (&'static str, fn(&mut Pending), bool, Vec<Over>);
        let (a, b, c) = (over("a"), over("b"), over("c"));
        #[rustfmt::skip]
        let table: Vec<Case> = vec![
            ("lost pairs, then holds, then nodes", |_| {}, true, vec![a.clone(), b.clone(), Over::Holds, Over::Nodes]),
            ("without an own tick, or paused: what gives back", |_| {}, false, vec![Over::Holds, Over::Nodes]),
            ("what turned comes first", |p| p.turned(&pair("c")), true, vec![c.clone(), a.clone(), b.clone(), Over::Holds, Over::Nodes]),
            ("once, however often it turned", |p| { p.turned(&pair("b")); p.turned(&pair("b")); }, true, vec![b.clone(), a.clone(), Over::Holds, Over::Nodes]),
            ("a return goes on while none may go out", |p| { p.turned(&pair("a")); p.turned(&pair("c")); }, false, vec![c.clone(), Over::Holds, Over::Nodes]),
            ("a sweep asks for nothing twice", |p| p.everything(&map()), true, vec![a.clone(), b.clone(), Over::Holds, Over::Nodes]),
            ("one that failed for now: the others first", |p| p.put_back(&over("a")), true, vec![b.clone(), Over::Holds, Over::Nodes, a.clone()]),
        ];
        for (what, then, may_take, expected) in table {
            let mut pending = after_a_takeover();
            then(&mut pending);
            assert_eq!(order(&mut pending, may_take, at(0)), expected, "{what}");
        }
    }

    #[test]
    fn l2_a_sweep_looks_whether_there_is_anything_to_do_before_it_walks_over_everything() {
        let (a, b) = (over("a"), over("b"));
        let mut pending = Pending::new(Mode::Enforce);
        pending.anything(&map());
        pending.anything(&map());
        let look = pending.next(&map(), false, at(0)).unwrap().over.clone();
        assert_eq!((pending.len(), look), (1, Over::Everything));
        pending.everything(&map());
        pending.anything(&map());
        let walks = vec![a.clone(), b, Over::Holds, Over::Nodes];
        assert_eq!(order(&mut pending, true, at(0)), walks);
        // A walk that only comes back to what was locked looks at nothing else.
        let locked = WindowDone {
            locked: 1,
            ..WindowDone::default()
        };
        for over in walks {
            pending.everything(&map());
            pending.done(&over, &locked, 100, at(0));
        }
        pending.anything(&map());
        assert!(order(&mut pending, true, at(9)).contains(&Over::Everything));
        // What is under way goes on, and what turned comes first.
        pending.anything(&map());
        pending.turned(&pair("a"));
        assert_eq!(order(&mut pending, true, at(0)), [a, Over::Everything]);
    }

    #[test]
    fn nothing_is_ever_pending_while_decisions_are_only_observed() {
        let mut pending = Pending::new(Mode::Observe);
        pending.turned(&pair("a"));
        pending.everything(&map());
        pending.anything(&map());
        pending.again(&map());
        assert_eq!(pending.len(), 0);
    }

    #[test]
    fn a_pair_that_turns_again_and_again_leaves_every_fifth_window_to_the_others() {
        let mut pending = after_a_takeover();
        let mut windows = Vec::new();
        for _ in 0..10 {
            pending.turned(&pair("c"));
            let walk = pending.next(&map(), true, at(0)).unwrap().over.clone();
            pending.done(&walk, &WindowDone::default(), 100, at(0));
            windows.push(walk);
        }
        let c = || over("c");
        #[rustfmt::skip]
        assert_eq!(windows, [c(), c(), c(), c(), over("a"), c(), c(), c(), c(), over("b")]);
    }

    #[test]
    fn l4_windows_that_keep_failing_leave_the_others_their_turns() {
        let c = || over("c");
        let mut pending = after_a_takeover();
        pending.turned(&pair("c"));
        let mut windows = Vec::new();
        for _ in 0..10 {
            let walk = pending.next(&map(), true, at(0)).unwrap().over.clone();
            pending.put_back(&walk);
            windows.push(walk);
        }
        #[rustfmt::skip]
        assert_eq!(windows, [c(), c(), c(), c(), over("a"), c(), c(), c(), c(), over("b")]);
    }

    #[test]
    fn a_walk_goes_on_where_it_was_and_grows_where_little_changes() {
        let next = |uuid: &str, changed| WindowDone {
            next: Some(uuid.to_owned()),
            changed,
            ..WindowDone::default()
        };
        let mut pending = after_a_takeover();
        let state = |pending: &Pending| {
            let walk = pending.next(&map(), true, at(0)).unwrap();
            (walk.after.clone(), walk.nodes, walk.scale)
        };
        pending.done(&over("a"), &next("n1", 9), 100, at(0));
        assert_eq!(state(&pending), ("n1".to_owned(), None, 2));
        pending.done(&over("a"), &next("n2", 0), 200, at(0));
        assert_eq!(state(&pending), ("n2".to_owned(), None, 4));
        pending.done(&over("a"), &next("n3", 40), 400, at(0));
        assert_eq!(state(&pending), ("n3".to_owned(), None, 1));
        // A window that fails for good is narrowed, until its row is passed.
        pending.narrow(&over("a"), 1);
        pending.narrow(&over("b"), 1);
        pending.narrow(&Over::Holds, 1);
        pending.narrow(&Over::Nodes, 1);
        assert_eq!(state(&pending), ("n3".to_owned(), Some(1), 1));
        pending.done(&over("a"), &next("n4", 0), 1, at(0));
        assert_eq!(state(&pending), ("n4".to_owned(), Some(2), 2));
        pending.done(&over("a"), &next("n6", 2), 2, at(0));
        assert_eq!(state(&pending), ("n6".to_owned(), Some(4), 1));
        // The usual size is 3.
        pending.done(&over("a"), &next("n9", 3), 3, at(0));
        assert_eq!(state(&pending), ("n9".to_owned(), None, 1));
        // A turn begins it again.
        pending.turned(&pair("a"));
        assert_eq!(state(&pending), (String::new(), None, 1));
    }

    #[test]
    fn a_walk_that_left_locked_rows_behind_begins_again_later() {
        let locked = WindowDone {
            locked: 1,
            next: Some("n1".to_owned()),
            ..WindowDone::default()
        };
        let mut pending = Pending::new(Mode::Enforce);
        pending.turned(&pair("a"));
        pending.done(&over("a"), &locked, 100, at(5));
        let walk = pending.next(&map(), true, at(0)).unwrap();
        assert_eq!((walk.after.as_str(), walk.left_behind), ("n1", true));
        let mut now = 5;
        for (round, pause) in (1..).zip([1, 2, 4, 8, 8]) {
            pending.done(&over("a"), &WindowDone::default(), 100, at(now));
            now += pause;
            assert_eq!(pending.next(&map(), true, at(now - 1)), None);
            let mut expected = Walk::new(over("a"), at(now));
            expected.rounds = round;
            assert_eq!(pending.next(&map(), true, at(now)), Some(&expected));
            pending.done(&over("a"), &locked, 100, at(now));
        }
    }

    #[test]
    fn after_a_pause_every_walk_begins_again() {
        let mut pending = after_a_takeover();
        let next = WindowDone {
            next: Some("n1".to_owned()),
            ..WindowDone::default()
        };
        pending.done(&over("a"), &next, 100, at(0));
        pending.again(&map());
        assert_eq!(
            pending.next(&map(), true, at(0)),
            Some(&Walk::new(over("a"), at(0)))
        );
        assert_eq!(pending.len(), 4);
    }
}
