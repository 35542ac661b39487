//! What must happen happens in time (L3, L4): looked at each second, once nothing has been wrong for long
//! enough; and the state of everything after the calm at the end.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use nodewarden::domain::change::Standing;
use nodewarden::domain::conductor::Life;
use nodewarden::domain::hearing::slack;

use crate::picture::Picture;
use crate::replica::WALL;
use crate::world::World;

const S: fn(u64) -> Duration = Duration::from_secs;

/// What a busy replica may take besides what it waits for: some thousand rows, and all that there is to
/// write if every conductor is lost at once.
fn margin(world: &World) -> Duration {
    let rows = 1000 + 10 * world.plan.conductors as u32;
    S(10) + world.plan.latency * rows
}

/// Looks each second.
pub fn start(world: &Rc<World>) {
    let world = Rc::clone(world);
    let time = world.time.clone();
    time.clone().spawn(0, async move {
        let mut wrong = BTreeMap::new();
        loop {
            time.sleep(S(1)).await;
            look(&world, &mut wrong);
        }
    });
}

fn look(world: &World, wrong: &mut BTreeMap<String, Duration>) {
    let (now, rules) = (world.time.now(), &world.plan.rules);
    let healed = world.disturbed.get();
    let margin = margin(world);
    let quiet = now.saturating_sub(healed);
    let mut seen = world.oracle.seen();
    for conductor in seen.reference.map.conductors() {
        let (own, timeout) = match (conductor.life, conductor.heartbeat_timeout) {
            (Life::Active, Some(timeout)) => {
                let own = conductor.heard.plus(timeout + slack(timeout));
                (own, timeout)
            }
            (Life::Leaving { until }, timeout) => (until, timeout.unwrap_or_default()),
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
        let oldest = world.broker.oldest_event();
        let waits = oldest.map_or(Duration::ZERO, |since| {
            now.saturating_sub(since.max(healed))
        });
        assert!(
            waits <= margin,
            "L3: an event waits since {oldest:?}, healed {healed:?}"
        );
    }
    let swept = seen.last_sweep.max(healed);
    let most = rules.sweep_interval + margin;
    assert!(
        now.saturating_sub(swept) <= most,
        "L3: no sweep since {swept:?}, healed {healed:?}"
    );
    seen.picture = Picture::of(&world.model, seen.picture.last_announcement);
    let picture = &seen.picture;
    for (uuid, node) in &picture.nodes {
        let right = match seen.reference.map.standing(&node.pair) {
            Some(Standing::Lost) => node.out || picture.paused,
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
    let kept = now.saturating_sub(rules.keeping.events + rules.sweep_interval * 2 + margin);
    if let Some(oldest) = picture.oldest_event_ms.filter(|_| now > healed + most * 2) {
        let kept_ms = WALL + kept.as_millis() as u64;
        assert!(
            oldest >= kept_ms,
            "L2: an event of {oldest} is kept, healed {healed:?}"
        );
    }
    let waits = picture.last_announcement - picture.announced;
    assert!(
        quiet <= margin || waits <= 100,
        "L3: {waits} announcements wait"
    );
}

/// After the calm: everything is as it should be.
pub fn at_the_end(world: &World) {
    let seen = world.oracle.seen();
    let picture = Picture::of(&world.model, u64::MAX);
    assert!(!picture.paused);
    for (uuid, node) in &picture.nodes {
        let standing = seen.reference.map.standing(&node.pair);
        if let Some(standing) = standing {
            assert_eq!(
                node.out,
                standing == Standing::Lost,
                "in the end: {uuid} {node:?}"
            );
        }
    }
    let left = picture
        .holds
        .iter()
        .filter(|uuid| !picture.nodes.contains_key(*uuid));
    assert_eq!(left.count(), 0, "in the end: holds of nodes that are gone");
    assert!(
        picture.last_announcement - picture.announced <= 1,
        "in the end: announcements wait"
    );
    for number in 1..=picture.announced {
        assert!(
            seen.heard.contains(&number) || seen.passed_by.contains(&number),
            "in the end: {number} was never announced"
        );
    }
    assert_eq!(picture.requests, 0, "in the end: requests");
}
