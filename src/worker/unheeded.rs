//! Signs of life that did not count: noted with the batch that they came in, and told to operators.

use std::time::Duration;

use super::batch::{self, Done};
use super::rules::Rules;
use super::term::{Place, Term};
use crate::domain::conductor::Conductor;
use crate::domain::time::Now;
use crate::domain::unheeded::Ignored;
use crate::message::Delivery;
use crate::telemetry;
use crate::wire::Incoming;

/// Conductors that one warning names; the rest is counted.
const NAMED: usize = 5;

/// A message that the database will not take: its conductor is not silent, either.
pub(super) fn not_taken(term: &mut Term, delivery: &Delivery, rules: &Rules, why: &str, now: Now) {
    let item = batch::decode(delivery, rules.publishers.as_ref());
    let name = match item.content {
        Ok(Incoming::Event { event, .. }) => Some(event.conductor),
        Ok(_) | Err(_) => item.named,
    };
    let Some(conductor) = name.and_then(|name| term.map.settled(&name)) else {
        return;
    };
    let deadline = term.hearing.deadline(conductor, rules.reconnect_grace);
    term.unheeded.refused(conductor, deadline, why, now);
    // It does not come again.
    term.unheeded.settle();
}

/// After the commit of `done`: what it noted is stored, and what is ignored is said once a minute.
pub(super) fn told(place: &mut Place, done: &Done, now: Now) {
    let Some(term) = place.deciding() else {
        return;
    };
    term.unheeded.noted(&done.findings.unheeded, now.mono);
    let all = term.unheeded.to_warn(now.mono);
    for (name, ignored) in all.iter().take(NAMED) {
        let Some(known) = term.map.conductor(name) else {
            continue;
        };
        tracing::warn!(
            conductor = telemetry::printable(name.as_str()),
            more = all.len().saturating_sub(NAMED),
            "{}",
            telemetry::printable(&sentence(known, ignored, now.wall_ms))
        );
    }
}

/// Whose signs are ignored, why, for how long, and the way out.
fn sentence(known: &Conductor, ignored: &Ignored, now_ms: u64) -> String {
    let name = &known.name;
    let seconds = now_ms.saturating_sub(ignored.since_ms) / 1000;
    let since = humantime::format_duration(Duration::from_secs(seconds));
    if ignored.incarnation == known.incarnation {
        return format!(
            "conductor {name} goes on sending incarnation {} after its left: its signs are ignored (for {since}, {} \
             so far); only a higher incarnation counts",
            ignored.incarnation, ignored.count
        );
    }
    let way_out = match known.counts_as_active() {
        true => "is another process running under its name, or was its clock set back?".to_owned(),
        false => format!("run `nodewarden conductors forget {name}`"),
    };
    format!(
        "conductor {name} sends incarnation {}, known {}: its signs are ignored (for {since}, {} so far); {way_out}",
        ignored.incarnation, known.incarnation, ignored.count
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::conductor::Life;
    use crate::domain::example::living;
    use crate::domain::ids::Incarnation;
    use crate::domain::time::Mono;

    #[test]
    fn the_way_out_of_ignored_signs_is_said_by_why_they_are_ignored() {
        let example = living(Life::Active, "c1", &["a"]).incarnation.get();
        let until = Mono::default();
        #[rustfmt::skip]
        let table = [
            (Life::Active, example - 1, "is another process running under its name"),
            (Life::Left, example - 1, "run `nodewarden conductors forget c1`"),
            (Life::Left, example, "after its left: its signs are ignored (for 9s, 3 so far); only a higher incarnation counts"),
            (Life::Leaving { until }, example, "after its left"),
        ];
        for (life, incarnation, expected) in table {
            let ignored = Ignored {
                incarnation: Incarnation::new(incarnation).unwrap(),
                count: 3,
                since_ms: 1000,
                last_ms: 10_000,
            };
            let said = sentence(&living(life, "c1", &["a"]), &ignored, 10_000);
            assert!(said.contains(expected), "{said}");
        }
    }
}
