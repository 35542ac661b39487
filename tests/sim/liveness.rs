//! What must happen happens in time (L3, L4): looked at each second, once nothing has been wrong for long
//! enough; and the state of everything after the calm at the end.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use nodewarden::config::Mode;
use nodewarden::domain::change::Standing;
use nodewarden::domain::conductor::Life;
use nodewarden::domain::hearing::slack;
use nodewarden_tests::model::{EventRow, Tables};

use crate::ironic;
use crate::oracle::WAITS;
use crate::replica::WALL;
use crate::world::{Weather, World};

const S: fn(u64) -> Duration = Duration::from_secs;

/// What is kept too long is looked for each so many seconds: it reads all that is kept.
const OLD_EACH: u64 = 5;

/// Rows that it takes to handle an event alone: its own, and those of the round trips of a transaction.
const ALONE: u32 = 12;

/// Looks each second.
pub fn start(world: &Rc<World>) {
    let world = Rc::clone(world);
    let time = world.time.clone();
    time.clone().spawn(0, async move {
        let mut wrong = BTreeMap::new();
        let mut epoch = 0;
        loop {
            time.sleep(S(1)).await;
            look(&world, &mut wrong);
            let before = std::mem::replace(&mut epoch, world.model.look(|tables| tables.one.epoch));
            let quiet = time.now().saturating_sub(healed(&world));
            assert!(
                epoch == before || quiet <= world.plan.margin(),
                "L4: epoch {epoch} is taken although nothing was wrong for {quiet:?}"
            );
        }
    });
}

/// From when on what must happen happens in time.
fn healed(world: &World) -> Duration {
    match world.plan.weather {
        Weather::Fair => world.disturbed.get(),
        // Calls that fail are too many before.
        Weather::Rough => world.disturbed.get().max(world.wild_until),
    }
}

fn look(world: &World, wrong: &mut BTreeMap<String, Duration>) {
    let (now, rules) = (world.time.now(), &world.plan.rules);
    let healed = healed(world);
    if now < healed {
        return;
    }
    let margin = world.plan.margin();
    let quiet = now.saturating_sub(healed);
    let seen = world.oracle.seen();
    for conductor in seen.reference.map.conductors() {
        let (own, timeout) = match (conductor.life, conductor.heartbeat_timeout) {
            (Life::Active, Some(timeout)) => {
                let own = conductor.heard.plus(timeout + slack(timeout));
                (own, timeout)
            }
            // Each takeover puts the end of a restart off by as long as no replica decided.
            (Life::Leaving { until }, timeout) => {
                let stalls = healed.saturating_sub(conductor.heard.0);
                (until.plus(stalls), timeout.unwrap_or_default())
            }
            (Life::Active, None) | (Life::Left | Life::TimedOut, _) => continue,
        };
        let grace = timeout.max(rules.reconnect_grace);
        let due = own.0.max(healed + grace) + margin;
        assert!(
            now <= due,
            "L3: {} is silent since {:?} ({:?}, time-out {timeout:?}), healed {healed:?}, and not lost",
            conductor.name,
            conductor.heard,
            conductor.life,
        );
    }
    if quiet > margin {
        let (count, oldest) = world.broker.waiting_events();
        let waits = oldest.map_or(Duration::ZERO, |since| {
            now.saturating_sub(since.max(healed))
        });
        // A replica may have batches of one; but what stands still is found.
        let alone = (world.plan.latency * ALONE * count).min(margin);
        assert!(
            waits <= margin + alone,
            "L3: {count} events wait, one since {oldest:?}, healed {healed:?}"
        );
    }
    let swept = seen.last_sweep.max(healed);
    let most = rules.sweep_interval + margin;
    assert!(
        now.saturating_sub(swept) <= most,
        "L3: no sweep since {swept:?}, healed {healed:?}"
    );
    let (paused, waits) = world.model.look(|tables| {
        let one = &tables.one;
        (one.pause.is_some(), one.last_announcement - one.announced)
    });
    for (uuid, node) in seen.picture.nodes() {
        let right = match seen.reference.map.standing(&node.pair) {
            // Those that are out may stay so.
            Some(Standing::Lost) => node.out || paused || world.mode() == Mode::Observe,
            Some(Standing::Active) => !node.out,
            None => true,
        };
        if right {
            wrong.remove(uuid);
            continue;
        }
        let since = wrong.entry(uuid.clone()).or_insert(now);
        let since = (*since).max(healed).max(world.meddled.get());
        assert!(
            now.saturating_sub(since) <= most,
            "L3: {uuid} is not as it should be since {since:?}, healed {healed:?}: {node:?}"
        );
    }
    // Whoever decides drops nothing for an hour after its clock was set.
    let trusted = world.model.look(|tables| tables.one.epoch) != world.clock_set_in.get();
    if trusted && now > healed + most * 2 && now.as_secs().is_multiple_of(OLD_EACH) {
        // What could not be dropped twice is put off for ten sweeps, and after a loss nothing is dropped for a while.
        let waits = world.plan.losses.map_or(Duration::ZERO, |_| WAITS);
        let kept = rules.keeping.events + rules.sweep_interval * 12 + margin + waits;
        let kept_ms = WALL + now.saturating_sub(kept).as_millis() as u64;
        let stored = |row: &EventRow| row.received_at_ms;
        let oldest = |tables: &Tables| tables.events.values().map(stored).min();
        let oldest = world.model.look(oldest);
        assert!(
            oldest.is_none_or(|oldest| oldest >= kept_ms),
            "L2: an event of {oldest:?} is kept, healed {healed:?}"
        );
    }
    assert!(
        quiet <= margin || waits <= 100,
        "L3: {waits} announcements wait"
    );
}

/// After the calm: everything is as it should be.
pub fn at_the_end(world: &World) {
    world.oracle.look_at_everything(&world.model);
    let before = world.time.now().saturating_sub(world.plan.margin());
    ironic::at_the_end(world, before);
    let seen = world.oracle.seen();
    let lately = |turned: &Duration| *turned > before;
    for (uuid, node) in seen.picture.nodes() {
        let standing = seen.reference.map.standing(&node.pair);
        if let Some(standing) = standing
            && !seen.turned_at.get(&node.pair).is_some_and(lately)
        {
            assert_eq!(
                node.out,
                standing == Standing::Lost && world.mode() == Mode::Enforce,
                "in the end: {uuid} {node:?}"
            );
        }
    }
    for (name, truth) in &seen.truth {
        let known = seen.reference.map.conductor(name);
        let counts = known.is_some_and(|known| known.counts_as_active());
        let speaks = truth.speaks_since.is_some_and(|since| since < before);
        assert!(
            counts || !speaks,
            "in the end: {name} speaks and does not count: {known:?}"
        );
    }
    let (one, requests) = world.model.look(|tables| {
        let gone = |uuid: &&str| !tables.nodes.contains_key(*uuid);
        let left = tables.held_by().into_keys().filter(gone);
        assert_eq!(left.count(), 0, "in the end: holds of nodes that are gone");
        let open = tables.requests.values();
        let open = open.filter(|one| one.done_at_ms.is_none()).count();
        (tables.one.clone(), open)
    });
    assert_eq!(one.pause, None, "in the end: a pause");
    assert!(
        one.last_announcement - one.announced <= 1 || seen.turned_at.values().any(lately),
        "in the end: announcements wait"
    );
    seen.announced.went_out_up_to(one.announced);
    assert_eq!(requests, 0, "in the end: requests");
}
