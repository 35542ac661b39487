//! Many runs, each from its own seed; at a failure, the seed and the command that repeats it.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Once;

use crate::mutants::Mutant;
use crate::world::{Tally, World};

/// Some seconds' worth.
const RUNS: u64 = 100;

/// All that can happen does in so many.
const MANY: u64 = 2000;

const REPEAT: &str = "to repeat it:";
const COMMAND: &str = "cargo test --all-features --test sim runs -- --nocapture";

/// Runs that fail before it is enough.
const FAILURES: u32 = 10;

/// What does not happen in so many runs is not tested by them.
const MUST_HAPPEN: [&str; 16] = [
    "announced again",
    "calls that failed",
    "decisions",
    "events that came again",
    "faults of all kinds",
    "fenced",
    "forgotten",
    "nodes back",
    "nodes out",
    "overdue restarts",
    "pauses",
    "replies that were lost",
    "rows dropped",
    "silences",
    "sweeps",
    "takeovers",
];

/// What is rarer.
const MUST_HAPPEN_IN_MANY: [&str; 5] = [
    "databases that went back",
    "decided again",
    "only observed",
    "streams that began",
    "unknown",
];

/// How a failed `assert_eq!` begins, before its own words.
const EQUAL: &str = "assertion `left == right` failed: ";

/// A mutant that lives longer shows a hole in the proof.
const MUTANTS_FAIL_WITHIN: u64 = 60;

/// What became of a run.
pub struct Run {
    pub tally: Tally,
    pub failed: Option<String>,
    pub lines: Vec<String>,
}

/// The run of a seed.
pub fn run(seed: u64, mutant: Option<Mutant>, tells: bool) -> Run {
    outcome(&World::new(seed, mutant, false, tells))
}

fn outcome(world: &Rc<World>) -> Run {
    let lived = quietly(|| world.live());
    let failed = lived.err().map(|fault| {
        let text = fault.downcast_ref::<String>().cloned();
        let text = text.or_else(|| fault.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        text.unwrap_or_else(|| "a panic without words".to_owned())
    });
    let (tally, lines) = {
        let oracle = &world.oracle;
        oracle.count("simulated seconds", world.time.now().as_secs());
        oracle.count("steps", world.time.steps());
        let tally = std::mem::take(&mut oracle.seen().tally);
        (tally, oracle.lines())
    };
    world.time.end_all();
    Run {
        tally,
        failed,
        lines,
    }
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// What goes wrong is told once, with the seed: not by the panic itself.
fn quietly(work: impl FnOnce()) -> std::thread::Result<()> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let tell = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |fault| {
            if !QUIET.get() {
                tell(fault);
            }
        }));
    });
    QUIET.set(true);
    let lived = catch_unwind(AssertUnwindSafe(work));
    QUIET.set(false);
    lived
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is a number, not {text}")),
    )
}

#[test]
fn runs_from_many_seeds_go_as_they_must() {
    if let Some(seed) = number("NODEWARDEN_SEED") {
        let run = run(seed, meant_mutant(), true);
        println!("{}", run.lines.join("\n"));
        println!("{:#?}", run.tally);
        assert_eq!(run.failed, None, "seed {seed}");
        return;
    }
    let runs = number("NODEWARDEN_SIM_RUNS").unwrap_or(RUNS);
    let first = number("NODEWARDEN_SIM_FIRST").unwrap_or(1);
    let mut tally = Tally::new();
    let mut failed = 0;
    for seed in first..first + runs {
        let run = run(seed, None, false);
        for (what, times) in run.tally {
            *tally.entry(what).or_default() += times;
        }
        if let Some(fault) = run.failed {
            failed += 1;
            println!("{fault}\n{REPEAT} NODEWARDEN_SEED={seed} {COMMAND}");
        }
        if failed == FAILURES {
            break;
        }
    }
    println!("{runs} runs from seed {first} on, {failed} failed: {tally:?}");
    assert_eq!(failed, 0, "runs failed, as told above");
    let in_many = MUST_HAPPEN_IN_MANY.iter().filter(|_| runs >= MANY);
    let must = MUST_HAPPEN.iter().filter(|_| runs >= RUNS).chain(in_many);
    for what in must {
        let times = tally.get(what).copied().unwrap_or_default();
        assert!(times > 0, "in {runs} runs there were no {what}");
    }
}

#[test]
fn each_mutant_fails_by_what_it_breaks_and_the_same_run_passes_without_it() {
    let only = meant_mutant();
    let within = number("NODEWARDEN_SIM_MUTANT_SEEDS").unwrap_or(MUTANTS_FAIL_WITHIN);
    let meant = |mutant: Mutant| only.is_none_or(|only| only == mutant);
    // Each has seeds of its own; those of many runs are not meant for it.
    let from = only.and(number("NODEWARDEN_SIM_FIRST"));
    for (mutant, first, by) in Mutant::ALL.into_iter().filter(|row| meant(row.0)) {
        let first = from.unwrap_or(first);
        let caught = |seed: u64| {
            let failed = run(seed, Some(mutant), false).failed?;
            println!("{mutant:?}: seed {seed}: {failed}");
            let words = failed.strip_prefix(EQUAL).unwrap_or(&failed);
            words.starts_with(by).then_some(seed)
        };
        // Whatever else changes, changes what a seed leads to.
        let seed = (first..first + within).find_map(caught);
        let seed = seed.unwrap_or_else(|| {
            panic!("no {by:?} for {mutant:?} in {within} seeds from {first} on")
        });
        let healthy = outcome(&World::new(seed, Some(mutant), true, false));
        assert_eq!(healthy.failed, None, "seed {seed} without {mutant:?}");
    }
}

/// The mutant that the environment names.
fn meant_mutant() -> Option<Mutant> {
    let name = std::env::var("NODEWARDEN_SIM_MUTANT").ok()?;
    Some(Mutant::named(&name).unwrap_or_else(|| panic!("no mutant is called {name}")))
}
