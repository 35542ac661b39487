//! A model check of fence, acknowledgement, announcement and tick: every order of steps of a few
//! replicas and events, with every crash, cut, pause, doubt and redelivery within stated bounds.
//!
//! [`world`] is what there is, [`steps`] what can happen, [`laws`] what must hold, [`mutant`] what can
//! be taken away. Larger bounds: `NODEWARDEN_DESIGN_LARGE=1`.

mod laws;
mod mutant;
mod steps;
mod world;

use std::collections::HashMap;
use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model};

use laws::{ACKNOWLEDGED, ACTIVE, ANNOUNCED, DISTURBED, DONE, EARLY, FENCED, ONCE, SILENCE};
use mutant::Mutant;
use steps::Design;
use world::{Event, FIRST, Faults, SECOND, World};

/// Out, back, and out again.
const EVENTS: [Event; 4] = [
    Event::Left(FIRST),
    Event::Left(SECOND),
    Event::Joined(FIRST),
    Event::Left(FIRST),
];

const NONE: Faults = Faults {
    crashes: 0,
    cuts: 0,
    doubts: 0,
};
const CRASH: Faults = Faults { crashes: 1, ..NONE };
const CUT: Faults = Faults { cuts: 1, ..NONE };
const DOUBT: Faults = Faults { doubts: 1, ..NONE };
const CRASH_AND_DOUBT: Faults = Faults {
    crashes: 1,
    ..DOUBT
};
const CUT_AND_DOUBT: Faults = Faults { cuts: 1, ..DOUBT };

/// So many replicas and events, all of which wait when the first replica starts.
fn design(replicas: usize, events: usize, faults: Faults) -> Design {
    Design {
        replicas,
        events: EVENTS[..events].to_vec(),
        late: 0,
        faults,
        batch: 2,
        silence: false,
        mutant: None,
    }
}

/// Checks all states of `design`, and says how many there are.
fn check(what: &str, design: Design) {
    let began = Instant::now();
    let checker = design
        .checker()
        .symmetry_fn(World::representative)
        .threads(2)
        .spawn_dfs()
        .join();
    println!(
        "{what}: {} states, {} steps, at most {} in a row, {:.1} s",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        began.elapsed().as_secs_f64(),
    );
    checker.assert_properties();
}

#[test]
fn the_laws_hold_in_each_order_of_steps_with_one_fault_or_two() {
    for (what, events, late, faults) in [
        ("no fault", 4, 4, NONE),
        ("a crash", 3, 3, CRASH),
        ("a commit without a reply", 3, 3, DOUBT),
        (
            "a crash and a commit without a reply",
            3,
            1,
            CRASH_AND_DOUBT,
        ),
        ("a replica that is cut off and goes on", 2, 1, CUT),
        ("cut off, and a commit without a reply", 2, 0, CUT_AND_DOUBT),
    ] {
        let design = design(2, events, faults);
        check(what, Design { late, ..design });
    }
}

#[test]
fn the_laws_hold_for_three_replicas() {
    check("three, a crash and a doubt", design(3, 2, CRASH_AND_DOUBT));
    check("three, one is cut off", design(3, 1, CUT));
}

#[test]
fn i7_silence_is_judged_in_no_order_of_steps_about_what_lives() {
    for (what, faults) in [
        ("silence, no fault", NONE),
        ("silence, a crash", CRASH),
        ("silence, a commit without a reply", DOUBT),
    ] {
        let design = design(2, 1, faults);
        check(
            what,
            Design {
                silence: true,
                ..design
            },
        );
    }
}

/// The larger bounds take several minutes and gigabytes; `cargo test --release` is four times as fast.
#[test]
fn the_laws_hold_under_faults_of_all_kinds_within_the_bounds_that_are_asked_for() {
    let all = Faults {
        crashes: 1,
        cuts: 1,
        doubts: 1,
    };
    let late = |late, design| Design { late, ..design };
    let silence = |design| Design {
        silence: true,
        ..design
    };
    if std::env::var_os("NODEWARDEN_DESIGN_LARGE").is_none() {
        check("one of each, one event", design(2, 1, all));
        return;
    }
    check("one of each", design(2, 2, all));
    check("cut off, a doubt", design(2, 3, CUT_AND_DOUBT));
    check(
        "two crashes",
        late(3, design(3, 3, Faults { crashes: 2, ..NONE })),
    );
    check(
        "two doubts",
        late(3, design(2, 4, Faults { doubts: 2, ..NONE })),
    );
    check("cut off, events at any time", late(3, design(2, 3, CUT)));
    check("three, cut off", design(3, 2, CUT));
    check("silence, cut off", silence(design(2, 1, CUT)));
}

#[test]
fn each_part_of_the_design_is_needed() {
    let silence = Design {
        silence: true,
        ..design(2, 0, NONE)
    };
    let three = Design {
        batch: 3,
        ..design(2, 3, DOUBT)
    };
    let mutants = [
        (Mutant::NoFence, design(2, 1, CUT), FENCED),
        (Mutant::FenceByReading, design(2, 1, CUT), FENCED),
        (Mutant::EpochAtConnect, design(2, 1, NONE), DISTURBED),
        (Mutant::EpochTakenAgain, design(2, 1, CUT), ONCE),
        (Mutant::AckBeforeCommit, design(2, 1, CRASH), ACKNOWLEDGED),
        (Mutant::AnnounceBeforeCommit, design(2, 2, CRASH), ANNOUNCED),
        (Mutant::SilenceByAnyTick, silence, SILENCE),
        (Mutant::TickBeforeCommit, three, EARLY),
        (Mutant::CancelInsteadOfClose, design(2, 3, CRASH), ONCE),
        (Mutant::EventsForgotten, design(2, 1, CRASH), ONCE),
        (Mutant::RepeatsUnfenced, design(2, 2, CUT), DONE),
        (Mutant::MemoryKeptInDoubt, design(2, 1, DOUBT), ACTIVE),
        (Mutant::DoubtTakenForDone, design(2, 1, DOUBT), DONE),
    ];
    for (mutant, design, fails) in mutants {
        let checker = Design {
            mutant: Some(mutant),
            ..design
        }
        .checker()
        .finish_when(HasDiscoveries::AnyOf([fails].into()))
        .spawn_bfs()
        .join();
        let counterexample = checker.discovery(fails);
        let steps = counterexample.map(|path| path.into_actions());
        println!("{mutant:?}: {steps:?}");
        assert!(steps.is_some(), "{mutant:?} passes: {fails}");
    }
}

/// Whether some steps from `world` on lead back to it, or to one that is on the way to it.
fn circles(design: &Design, world: World, ended: &mut HashMap<World, bool>) -> bool {
    let mut steps = Vec::new();
    design.possible(&world, &mut steps);
    ended.insert(world.clone(), false);
    for step in steps {
        let Some(next) = design.after(&world, step) else {
            continue;
        };
        let circles = match ended.get(&next) {
            Some(ended) => !ended,
            None => circles(design, next, ended),
        };
        if circles {
            return true;
        }
    }
    ended.insert(world, true);
    false
}

#[test]
fn no_steps_go_round_so_that_each_run_comes_to_an_end() {
    let silence = Design {
        silence: true,
        ..design(2, 0, CRASH)
    };
    for design in [design(2, 2, CRASH_AND_DOUBT), design(2, 1, CUT), silence] {
        let mut ended = HashMap::new();
        assert!(!circles(&design, design.init(), &mut ended));
        println!("no circle in {} states", ended.len());
    }
}
