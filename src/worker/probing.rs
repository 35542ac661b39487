//! The conductors' own way, proved: a probe goes out with each tick, and only one that is
//! remembered says anything when it comes back. Where the way is gone, it is made again (L4).

use std::time::Duration;

use super::end::End;
use super::identity::Identity;
use super::ports::{Clock, Queue};
use super::term::{Place, Term};
use crate::domain::hearing::Deafness;
use crate::domain::time::Mono;
use crate::telemetry;
use crate::wire::Probe;

/// The pause before the way is made again once more: within the five seconds in which it must be back.
const REPAIR_AGAIN: Duration = Duration::from_secs(4);

pub(super) async fn send<Q: Queue, C: Clock>(
    place: &mut Place,
    queue: &mut Q,
    clock: &C,
    us: &Identity,
) -> Result<(), End> {
    let Some(term) = place.term_mut() else {
        return Ok(());
    };
    let probe = Probe {
        stream: us.stream.clone(),
        session: us.session.clone(),
        nonce: clock.id(),
    };
    let body = probe.encode();
    term.probing.sent(probe.nonce, clock.now().mono);
    Ok(queue.send_probe(body).await?)
}

/// Learns what became of them: a returned one makes deaf at once, and the way is made again, as it
/// is each `sweep_interval` anyway.
pub(super) async fn look<Q: Queue, C: Clock>(
    place: &mut Place,
    queue: &mut Q,
    clock: &C,
    sweep_interval: Duration,
) -> Result<(), End> {
    let Some(term) = place.term_mut() else {
        return Ok(());
    };
    if let Some(why) = queue.returned_probe()? {
        telemetry::PROBES_ODD.count_as("returned", 1);
        returned(term, why, clock.now().mono);
    }
    let now = clock.now().mono;
    telemetry::deaf(term.probing.deaf_for(term.hearing.silence(now)));
    say(term, now);
    let pause = match term.hearing.deafness(now) {
        Some(Deafness::NoWay) => REPAIR_AGAIN,
        Some(Deafness::NoTick) | None => sweep_interval,
    };
    let probing = &mut term.probing;
    let due = probing.repair_at_once || now.since(probing.last_repair) >= pause;
    // Behind a slow broker a part may take as long as an own tick may: while all is well, one is heard in between.
    let deaf = term.hearing.deafness(now).is_some();
    let heard = term.hearing.tick_age(now) <= now.since(probing.last_part);
    let goes_on = probing.repairing && (deaf || heard);
    if !(due && !probing.repairing || goes_on) || queue.blocked() {
        return Ok(());
    }
    if !probing.repairing {
        (probing.last_repair, probing.repair_at_once) = (now, false);
    }
    probing.repairing = queue.repair().await?;
    probing.last_part = clock.now().mono;
    Ok(())
}

fn returned(term: &mut Term, why: String, now: Mono) {
    term.probing.repair_at_once |= term.probing.returned.is_none();
    term.probing.returned = Some(why);
    term.hearing.no_way(now);
}

/// A line when deafness begins that has lasted too long to pass unsaid, and one when it is over.
fn say(term: &mut Term, now: Mono) {
    let hears = term.hearing.unproven(now, Duration::ZERO).is_zero();
    let why = deafness(term, now).map(|why| telemetry::printable(&why));
    match line(term.probing.said_deaf, why.is_some(), hears) {
        Some(Line::Begins) => tracing::error!(why, "silence proves nothing: this replica is deaf"),
        Some(Line::Ends) => tracing::info!("this replica hears again"),
        None => return,
    }
    term.probing.said_deaf = !term.probing.said_deaf;
}

/// What there is to say of deafness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Begins,
    Ends,
}

/// `said`: that it began. `deaf`: too long to pass unsaid. Its reason may come and go meanwhile: it is over once
/// something is heard.
fn line(said: bool, deaf: bool, hears: bool) -> Option<Line> {
    match (said, deaf, hears) {
        (false, true, _) => Some(Line::Begins),
        (true, false, true) => Some(Line::Ends),
        _ => None,
    }
}

/// Why silence proves nothing, in words, if that has lasted too long to pass unsaid.
pub(super) fn deafness(term: &Term, now: Mono) -> Option<String> {
    let why = match term.hearing.deafness(now)? {
        Deafness::NoWay => {
            let why = term.probing.returned.as_deref();
            let why = why.unwrap_or("no probe comes back through their exchange");
            format!("conductors' events do not reach this replica: {why}")
        }
        Deafness::NoTick => "our own ticks do not come back in time".to_owned(),
    };
    Some(format!("{why}; no silent conductor is found meanwhile"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deafness_is_said_once_when_it_begins_and_once_when_something_is_heard() {
        for (what, said, deaf, hears, expected) in [
            ("all is well", false, false, true, None),
            ("a short gap", false, false, false, None),
            ("it has lasted", false, true, false, Some(Line::Begins)),
            ("it goes on", true, true, false, None),
            (
                "its reason is gone, and nothing heard",
                true,
                false,
                false,
                None,
            ),
            ("ticks alone come back", true, true, true, None),
            ("it is over", true, false, true, Some(Line::Ends)),
        ] {
            assert_eq!(line(said, deaf, hears), expected, "{what}");
        }
    }
}
