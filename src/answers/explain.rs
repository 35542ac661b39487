//! Why is it in or out of service, or why not? Short plain answers for people.
//!
//! Pure: rows in, sentences out. Texts from the database go through [`printable`].

mod ahead;
mod unheeded;
mod words;

pub use unheeded::unheeded;
use words::{capital, group, lasting, names, pair, subject};
pub use words::{counted, date, distance, length, when};

use crate::domain::announcement::BackReason;
use crate::domain::change::{CauseWord, PairState, Verdict};
use crate::domain::conductor::ConductorState;
use crate::domain::event::EventType;
use crate::store::{ConductorView, DecisionView, DriverView, NodeFacts, ServiceState};
use crate::telemetry::printable;

/// Sentences about conductors whose signs do not count, in one answer.
const NAMED: usize = 3;

/// The longest key that a message carries, in bytes.
const LONGEST_KEY: usize = 255;

/// What is said where there would be a number of nodes.
pub const NOT_COUNTED: &str =
    "not counted yet; the replica that decides counts them with its next sweep";

/// Why a node is in or out of service.
#[must_use]
pub fn node(facts: &NodeFacts, now_ms: u64) -> String {
    let mut answer = match &facts.hold {
        Some((since_ms, decision)) => held(facts, *since_ms, decision, now_ms),
        None => not_held(facts, now_ms),
    };
    let gone = facts.pair.iter().flat_map(|pair| &pair.gone);
    let unheard = gone.flat_map(|gone| unheeded(gone, now_ms));
    answer.extend(unheard.take(NAMED));
    if facts.maintenance && !facts.ours {
        answer.push(
            "An operator has set maintenance on it; that mark is theirs: nodewarden never sets or \
             clears it, and schedulers must respect it whatever is said above."
                .to_owned(),
        );
    }
    answer.join(" ")
}

/// Why a pair is in its state; `gone`: its conductors that do not count, latest sign of life first.
#[must_use]
pub fn driver(view: &DriverView, gone: &[&ConductorView], now_ms: u64) -> String {
    let name = capital(pair(&view.driver, &view.conductor_group));
    let mut answer = Vec::new();
    match view.state {
        PairState::Active => answer.push(format!(
            "{name} {}: {} {} it.",
            lasting("active", view.since_ms, now_ms),
            names(&view.conductors),
            match view.conductors.len() {
                1 => "supports",
                _ => "support",
            }
        )),
        PairState::Holding => answer.push(format!("{name} {}", holding(view, now_ms))),
        PairState::Lost => {
            let lost = lasting("LOST", view.since_ms, now_ms);
            answer.push(format!("{name} {lost}."));
            match (&view.decision, gone.first()) {
                (Some(decision), _) => answer.extend(because(decision, now_ms)),
                (None, Some(last)) => answer.push(format!(
                    "The last conductor that supported it was {}.",
                    printable(&last.conductor)
                )),
                (None, None) => {}
            }
            answer.push(
                "Its nodes come back by themselves as soon as a conductor that supports it joins."
                    .to_owned(),
            );
        }
        PairState::Unknown => {
            answer.push(never_had(&name, gone, view.decision.is_some()));
            if let Some(decision) = &view.decision {
                answer.extend(because(decision, now_ms));
            }
        }
    }
    let unheard = gone.iter().flat_map(|gone| unheeded(gone, now_ms));
    answer.extend(unheard.take(NAMED));
    answer.push(match view.counted_at_ms {
        Some(at) => format!(
            "Nodes: {} in service, {} out of service (counted {}).",
            view.nodes_in_service,
            view.nodes_out_of_service,
            distance(at, now_ms)
        ),
        None => format!("Nodes: {NOT_COUNTED}."),
    });
    answer.join(" ")
}

/// Whether one conductor alone keeps the pair active. One in a planned restart operates nothing.
#[must_use]
pub fn nearly_lost(view: &DriverView) -> bool {
    view.state == PairState::Active && view.conductors.len() - view.away.len() == 1
}

/// On whom a nearly lost pair hangs, and what hangs with it.
#[must_use]
pub fn hangs_on(view: &DriverView) -> String {
    let nodes = view.nodes_in_service + view.nodes_out_of_service;
    let (away, present): (Vec<_>, Vec<_>) = view
        .conductors
        .iter()
        .cloned()
        .partition(|name| view.away.contains(name));
    let away = match away.len() {
        0 => String::new(),
        _ => format!(" ({} may be away by a planned restart)", names(&away)),
    };
    format!(
        "Nearly lost: {} depends on conductor {} alone{away}: {}.",
        pair(&view.driver, &view.conductor_group),
        names(&present),
        counted(nodes, "node", "nodes"),
    )
}

/// Why a conductor counts or does not.
#[must_use]
pub fn conductor(view: &ConductorView, now_ms: u64) -> String {
    let name = printable(&view.conductor);
    let since = when(view.since_ms, now_ms);
    let mut answer = Vec::new();
    match view.state {
        ConductorState::Active => {
            answer.push(format!("Conductor {name} has been active since {since}."));
            answer.push(format!("Last heard {}.", when(view.last_sign_at_ms, now_ms)));
            answer.push(match view.heartbeat_timeout_ms {
                Some(timeout) => format!(
                    "It has promised heartbeats and is lost after {} without one.",
                    length(timeout)
                ),
                None => "It has promised no heartbeats, so its silence proves nothing: only an event ends it."
                    .to_owned(),
            });
            answer.extend(ahead::ahead(view));
        }
        ConductorState::Leaving => {
            let until = match view.until_ms {
                Some(until) => format!(" until {}", when(until, now_ms)),
                None => String::new(),
            };
            answer.push(format!(
                "Conductor {name} has been in a planned restart since {since}: it counts as active{until}. It must \
                 join with a higher incarnation before that, or it is lost."
            ));
        }
        ConductorState::TimedOut => answer.push(format!(
            "Conductor {name} has not counted as active since {since}: it was found silent. Last heard {}. Its next \
             heartbeat, or a new joined, brings it back.",
            when(view.last_sign_at_ms, now_ms)
        )),
        ConductorState::Left => answer.push(format!(
            "Conductor {name} has not counted as active since {since}: it left. Only joined with an incarnation above {} \
             brings it back.",
            view.incarnation
        )),
    }
    answer.push(format!(
        "Incarnation {}, {}, {}.",
        view.incarnation,
        group(&view.conductor_group),
        match view.drivers.len() {
            0 => "it names no drivers".to_owned(),
            1 => format!("driver {}", names(&view.drivers)),
            _ => format!("drivers {}", names(&view.drivers)),
        }
    ));
    answer.extend(unheeded(view, now_ms));
    answer.join(" ")
}

fn held(facts: &NodeFacts, since_ms: u64, decision: &DecisionView, now_ms: u64) -> Vec<String> {
    let held_for = pair(&decision.driver, &decision.conductor_group);
    let has_none = match decision.verdict {
        Verdict::Unknown => "never had an active conductor",
        Verdict::Lost | Verdict::Restored => "lost its last active conductor",
    };
    let mut answer = vec![format!(
        "{} has been OUT of service since {}: {held_for} {has_none}.",
        subject(facts),
        when(since_ms, now_ms)
    )];
    answer.extend(because(decision, now_ms));
    if facts.observing {
        answer.push(
            "nodewarden only observes now (decide.mode): `nodewarden release` gives it back."
                .to_owned(),
        );
        return answer;
    }
    let needs_the_same = facts.driver.as_deref() == Some(&decision.driver)
        && facts.conductor_group == decision.conductor_group;
    let now = facts.pair.as_ref().map(|pair| &pair.view);
    answer.push(match (driver_of(facts), now.map(|view| view.state)) {
        (None, _) => "It no longer names a driver: it comes back once it names one that is active."
            .to_owned(),
        (Some(_), Some(PairState::Active | PairState::Holding)) => format!(
            "{} ({}), so it comes back at the next sweep or before.",
            if needs_the_same {
                "That driver is active again"
            } else {
                "The node has been given another driver or group that is active"
            },
            now.map_or_else(String::new, |view| names(&view.conductors)),
        ),
        (Some(driver), Some(PairState::Lost | PairState::Unknown) | None) => {
            let needed = pair(driver, &facts.conductor_group);
            let moved = match needs_the_same {
                true => String::new(),
                false => format!("The node needs {needed} now. "),
            };
            format!(
                "{moved}It comes back by itself as soon as a conductor that supports {needed} joins."
            )
        }
    });
    if facts.mark() != Some(ServiceState::OutOfService) {
        answer.push(foreign_mark(facts));
    }
    answer
}

fn foreign_mark(facts: &NodeFacts) -> String {
    format!(
        "The table says {:?}, which nodewarden did not write: the next sweep corrects it.",
        printable(&facts.service_state)
    )
}

/// The driver that a node names; an empty one is none.
fn driver_of(facts: &NodeFacts) -> Option<&str> {
    facts.driver.as_deref().filter(|driver| !driver.is_empty())
}

fn not_held(facts: &NodeFacts, now_ms: u64) -> Vec<String> {
    let subject = subject(facts);
    let Some(driver) = driver_of(facts) else {
        return vec![format!(
            "{subject} is in service as far as nodewarden can tell: it names no driver, so there is nothing to decide."
        )];
    };
    let name = pair(driver, &facts.conductor_group);
    let view = facts.pair.as_ref().map(|pair| &pair.view);
    let mut answer = match view.map(|view| (view.state, view)) {
        Some((PairState::Active, view)) => vec![format!(
            "{subject} is in service: {name} is active through {}.",
            names(&view.conductors)
        )],
        Some((PairState::Holding, view)) => vec![format!(
            "{subject} is in service: {name} {}",
            holding(view, now_ms)
        )],
        Some((state, view)) if state == PairState::Lost || view.decision.is_some() => {
            let decision = view.decision.as_ref().map(|decision| decision.number);
            let stays = left_alone(facts, decision, &name);
            let about_to = match stays {
                None if !facts.observing && facts.pause.is_none() => " and about to go out",
                _ => "",
            };
            let mut answer = vec![format!(
                "{subject} is still in service{about_to}: {name} {}.",
                lasting("without an active conductor", view.since_ms, now_ms)
            )];
            if let Some(decision) = &view.decision {
                answer.extend(because(decision, now_ms));
            }
            answer.push(stays.unwrap_or_else(|| kept_in(facts)));
            answer
        }
        Some((PairState::Lost | PairState::Unknown, _)) | None => {
            let gone: Vec<_> = facts.pair.iter().flat_map(|pair| &pair.gone).collect();
            vec![format!(
                "{subject} is in service. {}",
                never_had(&capital(name), &gone, false)
            )]
        }
    };
    if let Some((reason, at)) = &facts.last_back {
        answer.push(format!(
            "It came back at {}: {}.",
            when(*at, now_ms),
            came_back(*reason)
        ));
    }
    let lost = view.is_some_and(|view| view.would_go_out() > 0);
    if !lost && facts.mark() != Some(ServiceState::InService) {
        answer.push(foreign_mark(facts));
    }
    answer
}

/// Why a node is not taken out although its pair is lost by this decision.
fn left_alone(facts: &NodeFacts, decision: Option<u64>, pair: &str) -> Option<String> {
    if decision.is_some() && facts.lifted == decision {
        return Some(
            "Somebody lifted the mark of this decision from it, so the same decision does not take it again."
                .to_owned(),
        );
    }
    match facts.free {
        _ if facts.uuid.is_empty() => {
            Some("nodewarden leaves it alone: its uuid is empty. Give the row a uuid.".to_owned())
        }
        true => None,
        false if facts.uuid.len() > LONGEST_KEY => Some(format!(
            "nodewarden leaves it alone: its uuid is longer than {LONGEST_KEY} bytes."
        )),
        false => Some(format!(
            "nodewarden leaves it alone: of Ironic's nodes only those go out that are available, without instance, \
             reservation and maintenance. Once it is so, and {pair} is still lost, it goes out."
        )),
    }
}

/// Why a node of a lost pair is in service.
fn kept_in(facts: &NodeFacts) -> String {
    match &facts.pause {
        _ if facts.observing => {
            "nodewarden only observes (decide.mode): it would be out of service otherwise."
                .to_owned()
        }
        Some(pause) => format!(
            "A pause keeps it in service ({}: {}); `nodewarden resume` ends it.",
            printable(&pause.who),
            printable(&pause.reason)
        ),
        None => "nodewarden has not reached the node yet: it goes out at the next sweep or before. If it stays, the \
             log of the replica that decides names what keeps its row from being written."
            .to_owned(),
    }
}

/// The cause, the decision, when and who.
fn because(decision: &DecisionView, now_ms: u64) -> Vec<String> {
    let mut answer = Vec::new();
    let who = decision
        .cause_conductor
        .as_deref()
        .map_or_else(|| "a conductor".to_owned(), printable);
    let did = match (decision.cause, decision.cause_event) {
        (CauseWord::Silence, _) => "sent no heartbeat for longer than its timeout".to_owned(),
        (CauseWord::RestartOverdue, _) => {
            "did not come back from its planned restart in time".to_owned()
        }
        (_, Some(EventType::Left)) => "left".to_owned(),
        (_, Some(EventType::HeartbeatTimeout)) => "was reported as silent".to_owned(),
        (_, Some(EventType::Joined | EventType::Heartbeat)) => {
            "stated another group or other drivers, without this one".to_owned()
        }
        (CauseWord::Event | CauseWord::NeverSeen, None) => "ended it by an event".to_owned(),
    };
    let event = match &decision.cause_event_id {
        Some(id) => format!(" (event {})", printable(id)),
        None => String::new(),
    };
    match decision.verdict {
        Verdict::Unknown => {}
        Verdict::Restored => answer.push(format!("{who} brought it back{event}.")),
        Verdict::Lost => answer.push(format!("Its last conductor, {who}, {did}{event}.")),
    }
    answer.push(format!(
        "Decision {} by epoch {} at {}.",
        printable(&decision.decision_id),
        decision.epoch,
        when(decision.decided_at_ms, now_ms)
    ));
    if decision.verdict == Verdict::Lost {
        answer.push(match decision.last_good_at_ms {
            Some(at) => format!("Last real sign of life of the pair: {}.", when(at, now_ms)),
            None => "No sign of life of the pair is recorded.".to_owned(),
        });
    }
    answer
}

/// Which conductors are away on promise, until when, and what then.
fn holding(view: &DriverView, now_ms: u64) -> String {
    let until = match view.until_ms {
        Some(until) => format!("until {}", when(until, now_ms)),
        None => "for a while".to_owned(),
    };
    format!(
        "counts as active only by a planned restart: {} may be away {until}. If no conductor that \
         supports it has joined by then, its nodes go out of service.",
        names(&view.conductors),
    )
}

fn never_had(name: &str, gone: &[&ConductorView], decided: bool) -> String {
    let known = match gone.first() {
        Some(last) => format!(
            " ({} names it and does not count as active)",
            printable(&last.conductor)
        ),
        None => String::new(),
    };
    let then = if decided {
        "its nodes go out of service (decide.unknown_driver), and come back as soon as one joins"
    } else {
        "that is reported, and takes no node out of service"
    };
    format!(
        "{name} never had an active conductor{known}: {then}. If the name is a mistake, correct it at the node."
    )
}

fn came_back(reason: BackReason) -> &'static str {
    match reason {
        BackReason::DriverRestored => "its driver had an active conductor again",
        BackReason::NodeChanged => {
            "it needed another driver or group, which was active, or somebody lifted nodewarden's mark"
        }
        BackReason::NodeRemoved => "it had been removed, and was registered again later",
        BackReason::Released => "an operator released it",
    }
}

#[cfg(test)]
mod tests;
