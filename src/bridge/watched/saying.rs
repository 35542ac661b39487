//! What is to be said about a conductor, and what was: the second half of [`Watched`]. Pure.

use std::time::Duration;

use super::{Presence, Said, Shape, Stamp, Statement, Watched};
use crate::bridge::events;
use crate::bridge::rules::Rules;
use crate::domain::event::Event;
use crate::domain::ids::{ConductorName, Incarnation};
use crate::domain::time::Mono;

/// A sign of life is passed on at most that often: Ironic's conductors give one each 10 s by
/// default, and looks do not come on the millisecond.
const SIGN_EACH: Duration = Duration::from_secs(9);

/// A complete heartbeat comes at least once a minute, whatever the broker and the looks cost.
const REPEAT_ALIVE: Duration = Duration::from_secs(45);

/// What is said of one that is late or gone is said again after a minute, then after twice that,
/// and so on up to an hour: another bridge may have contradicted it, or a database been restored.
const REPEAT_ENDED: Duration = Duration::from_secs(60);
const REPEAT_ENDED_MOST: Duration = Duration::from_secs(3600);

impl Watched {
    /// What is to be said about it now. What was not confirmed is said again with the same id,
    /// before anything else; but not once it has become untrue.
    pub(in crate::bridge) fn due(
        &mut self,
        name: &ConductorName,
        standing: &Presence,
        now: Mono,
        stamp: &Stamp<'_>,
    ) -> Option<Event> {
        let Some(what) = self.truth(standing, stamp.rules) else {
            self.pending = None;
            return None;
        };
        if let Some((event, pending)) = &self.pending {
            if *pending == what {
                return Some(event.clone());
            }
            self.pending = None;
        }
        let event = self.event(name, standing, &what, now, stamp)?;
        self.pending = Some((event.clone(), what));
        Some(event)
    }

    fn truth(&self, standing: &Presence, rules: Rules) -> Option<Statement> {
        match standing {
            Presence::Alive(registered) => Some(Statement::Lives(registered.clone())),
            Presence::Late(_) => Some(Statement::Late(self.late_incarnation(), self.updated_at_ms)),
            Presence::Stopped => Some(Statement::Left {
                incarnation: self.end_incarnation(),
                planned: !rules.restart_grace.is_zero(),
            }),
            Presence::Gone(_) => Some(Statement::Left {
                incarnation: self.end_incarnation(),
                planned: false,
            }),
            Presence::Starting(_) | Presence::Unknown(_) => None,
        }
    }

    /// When its interfaces are gone already, the row's own time, unless a higher number is known:
    /// not earlier than the start that ended, earlier than the next one.
    fn end_incarnation(&self) -> Incarnation {
        let row = Incarnation::new(self.updated_at_ms.unwrap_or_default());
        self.highest.or(row).expect("checked when it was read")
    }

    fn late_incarnation(&self) -> Incarnation {
        let registered = match &self.shape {
            Shape::Online(registered) => registered.as_ref(),
            Shape::Offline(facts) => facts.registered.as_ref(),
            Shape::Missing | Shape::Unreadable(_) => None,
        };
        registered.map_or_else(|| self.end_incarnation(), |it| it.incarnation)
    }

    fn event(
        &self,
        name: &ConductorName,
        standing: &Presence,
        what: &Statement,
        now: Mono,
        stamp: &Stamp<'_>,
    ) -> Option<Event> {
        let same = self.said.as_ref().filter(|said| said.what == *what);
        match what {
            Statement::Lives(registered) => {
                // After a time-out, too: `joined` revives as well as a heartbeat does.
                let Some(said) = same else {
                    return Some(events::joined(name, registered, self.updated_at_ms));
                };
                let new_sign =
                    said.sign_ms != self.updated_at_ms && now.since(said.sign_at) >= SIGN_EACH;
                let due = new_sign || now.since(said.at) >= REPEAT_ALIVE;
                let stamp = if stamp.beats {
                    String::new()
                } else {
                    stamp.text()
                };
                due.then(|| events::lives(name, registered, self.updated_at_ms, &stamp))
            }
            Statement::Late(incarnation, sign_ms) => due_again(same, now)
                .then(|| events::late(name, *incarnation, *sign_ms, &stamp.text())),
            Statement::Left {
                incarnation,
                planned,
            } => {
                let why = match standing {
                    Presence::Gone(why) => why,
                    Presence::Stopped
                    | Presence::Alive(_)
                    | Presence::Starting(_)
                    | Presence::Late(_)
                    | Presence::Unknown(_) => "it stopped",
                };
                let back_within = planned.then_some(stamp.rules.restart_grace);
                due_again(same, now)
                    .then(|| events::left(name, *incarnation, back_within, self.updated_at_ms, why))
            }
        }
    }

    /// The broker has `id`.
    pub(in crate::bridge) fn confirmed(&mut self, event: &Event, now: Mono) {
        let Some((_, what)) = self.pending.take_if(|(pending, _)| pending.id == event.id) else {
            return;
        };
        let before = self.said.as_ref();
        let same = before.filter(|said| said.what == what);
        let sign_ms = event.sent_at_ms.or(self.updated_at_ms);
        let sign_at = before
            .filter(|said| said.sign_ms == sign_ms && same.is_some())
            .map_or(now, |said| said.sign_at);
        self.said = Some(Said {
            times: same.map_or(0, |said| said.times.saturating_add(1)),
            what,
            at: now,
            sign_at,
            sign_ms,
        });
    }

    /// Nothing is left to be said about it: its row is gone, and so it was told.
    pub(in crate::bridge) fn over(&self) -> bool {
        let end = Statement::Left {
            incarnation: self.end_incarnation(),
            planned: false,
        };
        let told = self.said.as_ref().is_some_and(|said| said.what == end);
        self.shape == Shape::Missing && told
    }

    /// Whether it is expected back with its highest number: only a higher one ends that early.
    pub(in crate::bridge) fn expected_back(&self) -> bool {
        let end = Statement::Left {
            incarnation: self.end_incarnation(),
            planned: true,
        };
        let said = self.said.as_ref().map(|said| &said.what);
        let pending = self.pending.as_ref().map(|(_, what)| what);
        said == Some(&end) || pending == Some(&end)
    }

    /// Whether something is said and not confirmed yet.
    pub(in crate::bridge) fn waits(&self) -> bool {
        self.pending.is_some()
    }
}

fn due_again(same: Option<&Said>, now: Mono) -> bool {
    same.is_none_or(|said| {
        let pause = REPEAT_ENDED.saturating_mul(1 << said.times.min(6));
        now.since(said.at) >= pause.min(REPEAT_ENDED_MOST)
    })
}
