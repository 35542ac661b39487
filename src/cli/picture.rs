//! What `status` shows: the page for people, and the object for machines.

use std::fmt::Write;

use serde_json::{Value, json};

use super::heard::{hearing, unproven};
use super::output;
use crate::answers::explain::{self, counted, distance, length, when};
use crate::answers::shapes::{Driver, Paused};
use crate::clock::millis;
use crate::config::{InventoryKind, Mode};
use crate::domain::change::PairState;
use crate::store::{ConductorView, DriverView, Gone, Observed, Overview, Pause, SubscriberView};
use crate::telemetry::printable;

/// Pairs that are explained one by one; the rest is counted.
const EXPLAINED: usize = 20;

/// How far back the page tells what was only observed: a week of watching before it is armed.
pub const OBSERVED_DAYS: u64 = 7;

/// What people see of each pair, conductor and subscriber.
const DRIVERS: &[&str] = &[
    "DRIVER",
    "GROUP",
    "STATE",
    "SINCE",
    "IN",
    "OUT",
    "CONDUCTORS",
];
const CONDUCTORS: &[&str] = &[
    "CONDUCTOR",
    "INCARNATION",
    "GROUP",
    "STATE",
    "SINCE",
    "LAST HEARD",
    "DRIVERS",
];
const SUBSCRIBERS: &[&str] = &["SUBSCRIBER", "APPLIED", "BEHIND", "SINCE", "LAST HEARD"];

/// Pairs that only nodes name are known from the last sweep.
pub(super) const NEXT_SWEEP: &str =
    "the replica that decides finds pairs of nodes at its next sweep";

/// The default group has no name.
pub(super) fn shown(group: &str) -> &str {
    if group.is_empty() { "(default)" } else { group }
}

/// Its state; one that hangs on a single conductor is marked.
fn state(view: &DriverView) -> String {
    if explain::nearly_lost(view) {
        format!("{} (only 1)", view.state)
    } else {
        view.state.to_string()
    }
}

/// A number of its nodes.
fn nodes(view: &DriverView, number: u64) -> String {
    match view.counted_at_ms {
        Some(_) => number.to_string(),
        None => "-".to_owned(),
    }
}

/// The first of `all` as points below `title`, and how many more there are, with the `command` that tells
/// about one of them; nothing if there is none.
fn points<T>(title: &str, all: &[T], told: impl Fn(&T) -> String, command: &str) -> String {
    if all.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{title}\n");
    for one in all.iter().take(EXPLAINED) {
        let _ = writeln!(text, "{}", output::wrapped(&format!("- {}", told(one)), 2));
    }
    if all.len() > EXPLAINED {
        let more = all.len() - EXPLAINED;
        let _ = writeln!(text, "- and {more} more: `{command}`");
    }
    text
}

/// The pause, on lines of its own.
fn paused(pause: &Pause, now: u64) -> String {
    let until = match pause.until_ms() {
        Some(until) => format!("about {}", when(until, now)),
        None => "`nodewarden resume`".to_owned(),
    };
    let line = format!(
        "PAUSED:        since {} by {}, until {until}: {}. No node is taken out of service; \
         `nodewarden resume` ends it.",
        when(pause.paused_at_ms, now),
        printable(&pause.who),
        printable(&pause.reason).trim_end_matches('.')
    );
    output::wrapped(&line, 15)
}

/// Everything that is shown.
pub struct Picture {
    pub overview: Overview,
    pub drivers: Vec<DriverView>,
    pub conductors: Vec<ConductorView>,
    pub subscribers: Vec<SubscriberView>,
    /// What was only observed lately, if that is what is done.
    pub observed: Option<Observed>,
    pub inventory: InventoryKind,
    pub now_ms: u64,
    /// A replica that decides commits at least that often.
    pub commits_within_ms: u64,
}

impl Picture {
    /// For machines.
    pub fn json(self) -> Value {
        let seems_alive = self.overview.holder.is_some() && self.silent_for().is_none();
        let would_go_out: u64 = self.drivers.iter().map(DriverView::would_go_out).sum();
        let observed = self.observed.map(|observed| {
            json!({
                "would_go_out_now": would_go_out,
                "days": OBSERVED_DAYS,
                "losses": observed.losses,
                "nodes_out": observed.nodes_out,
                "returns": observed.returns,
                "nodes_back": observed.nodes_back,
            })
        });
        let overview = self.overview;
        let gone = Gone::among(&self.conductors);
        let drivers = self.drivers.into_iter();
        let drivers: Vec<_> = drivers
            .map(|view| Driver::new(view, &gone, self.now_ms))
            .collect();
        json!({
            "stream": overview.stream,
            "began": overview.began.as_ref().map(|began| json!({
                "at_ms": began.at_ms,
                "lost_commits": began.loss.commits(),
                "lost_first_seq": began.loss.seqs().map(|seqs| seqs.0),
                "lost_last_seq": began.loss.seqs().map(|seqs| seqs.1),
                "previous_stream": began.loss.found.stream,
            })),
            "epoch": overview.epoch,
            "seq": overview.seq,
            "active": {
                "holder": overview.holder,
                "since_ms": overview.taken_at_ms,
                "last_commit_at_ms": overview.committed_at_ms,
                "seems_alive": seems_alive,
            },
            "hearing": overview.hearing.as_ref().map(|note| json!({
                "silence_proves_nothing_since_ms": note.unproven_since_ms.filter(|_| !unproven(note, self.now_ms).is_zero()),
                "for_ms": millis(unproven(note, self.now_ms)),
                "deaf": note.deaf,
                "troubles": note.troubles,
                "noted_at_ms": note.noted_at_ms,
            })),
            "paused": overview.pause.as_ref().map(Paused::from),
            "mode": overview.mode.map(Mode::as_str),
            "observed": observed,
            "announcements": {
                "made": overview.last_announcement,
                "confirmed": overview.announced,
                "oldest_waiting_since_ms": overview.outbox_oldest_ms,
            },
            "nodes": overview.counted_at_ms.map(|_| overview.nodes),
            "nodes_out_of_service": overview.counted_at_ms.map(|_| overview.nodes_out_of_service),
            "counted_at_ms": overview.counted_at_ms,
            "drivers": drivers,
            "conductors": self.conductors,
            "subscribers": self.subscribers,
        })
    }

    /// For people.
    pub fn text(&self) -> String {
        [
            self.head(),
            self.drivers_table(),
            self.conductors_table(),
            self.subscribers_table(),
            self.unheeded(),
            self.reasons(),
            self.nearly_lost(),
        ]
        .concat()
    }

    /// How long no replica has committed, if that is longer than it should be.
    fn silent_for(&self) -> Option<u64> {
        let last = self.overview.committed_at_ms?;
        Some(self.now_ms.saturating_sub(last)).filter(|silence| *silence > self.commits_within_ms)
    }

    fn head(&self) -> String {
        let overview = &self.overview;
        let now = self.now_ms;
        let mut lines = Vec::new();
        lines.push(match (&overview.holder, overview.taken_at_ms) {
            (Some(holder), Some(at)) => format!(
                "Active:        {} with epoch {} since {}",
                printable(holder),
                overview.epoch,
                when(at, now)
            ),
            (None, Some(_)) => format!(
                "Active:        none; the last active replica, with epoch {}, has stopped",
                overview.epoch
            ),
            _ => "Active:        none; no replica has decided anything yet: start `nodewarden run`"
                .to_owned(),
        });
        if let Some(silence) = self.silent_for() {
            lines.push(format!(
                "               WARNING: no replica has committed anything for {}; is one running?",
                length(silence)
            ));
        }
        if let Some(note) = &overview.hearing {
            lines.extend(hearing(note, now));
        }
        if let Some(pause) = &overview.pause {
            lines.push(paused(pause, now));
        }
        if let Some(observed) = &self.observed {
            lines.push(self.observing(observed));
        }
        let inside = overview.nodes.saturating_sub(overview.nodes_out_of_service);
        lines.push(match overview.counted_at_ms {
            Some(at) => format!(
                "Nodes:         {inside} in service, {} out of service because of nodewarden (counted {})",
                overview.nodes_out_of_service,
                distance(at, now)
            ),
            None => format!("Nodes:         {}", explain::NOT_COUNTED),
        });
        let waiting = overview
            .last_announcement
            .saturating_sub(overview.announced);
        lines.push(match overview.outbox_oldest_ms {
            Some(oldest) => format!(
                "Announcements: {} confirmed by the broker, {waiting} waiting, the oldest from {}",
                overview.announced,
                distance(oldest, now)
            ),
            None if overview.announced == 0 => "Announcements: none was made yet".to_owned(),
            None => format!(
                "Announcements: all {} confirmed by the broker",
                overview.announced
            ),
        });
        lines.push(format!(
            "Stream:        {} at seq {}",
            printable(&overview.stream),
            overview.seq
        ));
        if let Some(began) = &overview.began {
            let line = format!(
                "               It began {} because the database had lost {}",
                when(began.at_ms, now),
                began.loss
            );
            lines.push(output::wrapped(&line, 15));
        }
        lines.join("\n") + "\n"
    }

    /// What would have happened, and would now.
    fn observing(&self, observed: &Observed) -> String {
        let now: u64 = self.drivers.iter().map(DriverView::would_go_out).sum();
        let counted_now = match self.inventory {
            InventoryKind::Native => counted(now, "node", "nodes"),
            // Which of Ironic's nodes are free is seen only when they are taken.
            InventoryKind::Ironic => format!(
                "those of {} that Ironic has free",
                counted(now, "node", "nodes")
            ),
        };
        let held = match self.overview.nodes_out_of_service {
            0 => String::new(),
            1 => {
                " 1 is still out from before: `nodewarden release --all` gives it back.".to_owned()
            }
            held => format!(
                " {held} are still out from before: `nodewarden release --all` gives them back."
            ),
        };
        let line = format!(
            "OBSERVING:     decide.mode is \"observe\": no node is touched, nothing is announced. Armed now, it would \
             take {counted_now} out. In the last {OBSERVED_DAYS} days {} would have taken {} out, and {} would have given {} \
             back.{held}",
            counted(observed.losses, "loss", "losses"),
            counted(observed.nodes_out, "node", "nodes"),
            counted(observed.returns, "return", "returns"),
            observed.nodes_back
        );
        output::wrapped(&line, 15)
    }

    fn drivers_table(&self) -> String {
        if self.drivers.is_empty() {
            let none = format!("No pair of a driver and a group is known yet; {NEXT_SWEEP}.");
            return format!("\n{}\n", output::wrapped(&none, 0));
        }
        let rows = self.drivers.iter().map(|view| {
            vec![
                view.driver.clone(),
                shown(&view.conductor_group).to_owned(),
                state(view),
                self.distance(view.since_ms),
                nodes(view, view.nodes_in_service),
                nodes(view, view.nodes_out_of_service),
                if view.conductors.is_empty() {
                    "-".to_owned()
                } else {
                    view.conductors.join(", ")
                },
            ]
        });
        format!("\n{}", output::table(DRIVERS, rows))
    }

    /// How far away a time is, where it is known.
    fn distance(&self, at_ms: Option<u64>) -> String {
        at_ms.map_or_else(|| "-".to_owned(), |at| distance(at, self.now_ms))
    }

    fn conductors_table(&self) -> String {
        if self.conductors.is_empty() {
            return "\nNo conductor is known yet.\n".to_owned();
        }
        let rows = self.conductors.iter().map(|view| {
            vec![
                view.conductor.clone(),
                view.incarnation.to_string(),
                shown(&view.conductor_group).to_owned(),
                view.state.to_string(),
                distance(view.since_ms, self.now_ms),
                distance(view.last_sign_at_ms, self.now_ms),
                view.drivers.join(", "),
            ]
        });
        format!("\n{}", output::table(CONDUCTORS, rows))
    }

    /// How far subscribers are, if any says so.
    fn subscribers_table(&self) -> String {
        if self.subscribers.is_empty() {
            return String::new();
        }
        let rows = self.subscribers.iter().map(|view| {
            let ours = view.stream == self.overview.stream;
            let (applied, behind) = match ours {
                true => (view.seq.to_string(), view.behind.to_string()),
                false => ("-".to_owned(), "another stream".to_owned()),
            };
            vec![
                view.subscriber.clone(),
                applied,
                behind,
                self.distance(view.waiting_since_ms),
                distance(view.heard_at_ms, self.now_ms),
            ]
        });
        format!("\n{}", output::table(SUBSCRIBERS, rows))
    }

    /// Signs of life that came and did not count.
    fn unheeded(&self) -> String {
        let all = self.conductors.iter();
        let all = all.flat_map(|view| explain::unheeded(view, self.now_ms));
        points(
            "Signs of life that do not count:",
            &all.collect::<Vec<_>>(),
            String::clone,
            "nodewarden explain conductor NAME",
        )
    }

    /// Every pair that is not simply active, explained.
    fn reasons(&self) -> String {
        let drivers = self.drivers.iter();
        let held_back = drivers.filter(|view| view.state != PairState::Active);
        let gone = Gone::among(&self.conductors);
        points(
            "Pairs to look at, and why:",
            &held_back.collect::<Vec<_>>(),
            |view| explain::driver(view, gone.of(view), self.now_ms),
            "nodewarden explain driver NAME --group GROUP",
        )
    }

    /// Pairs that one more failure takes away, those with most nodes first; one that no node needs
    /// harms nothing.
    fn nearly_lost(&self) -> String {
        let nodes = |view: &DriverView| view.nodes_in_service + view.nodes_out_of_service;
        let mut pairs: Vec<_> = self
            .drivers
            .iter()
            .filter(|view| explain::nearly_lost(view) && nodes(view) > 0)
            .collect();
        pairs.sort_by_key(|view| std::cmp::Reverse(nodes(view)));
        let mut text = String::new();
        for (place, view) in pairs.iter().take(EXPLAINED).enumerate() {
            let line = output::wrapped(&explain::hangs_on(view), 2);
            let _ = writeln!(text, "{}{line}", if place == 0 { "\n" } else { "" });
        }
        if pairs.len() > EXPLAINED {
            let _ = writeln!(
                text,
                "Also nearly lost: {} more, marked \"1 left\" above",
                pairs.len() - EXPLAINED
            );
        }
        text
    }
}
