//! Many runs, each from its own seed; at a failure, the seed and the command that repeats it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::mutants::Mutant;
use crate::world::{Tally, World};

/// Some seconds' worth.
const RUNS: u64 = 20;

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
    let world = World::new(seed, mutant, tells);
    // What went wrong is told once, with the seed.
    std::panic::set_hook(Box::new(|_| {}));
    let lived = catch_unwind(AssertUnwindSafe(|| world.live()));
    drop(std::panic::take_hook());
    let failed = lived.err().map(|fault| {
        let text = fault.downcast_ref::<String>().cloned();
        let text = text.or_else(|| fault.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        text.unwrap_or_else(|| "a panic without words".to_owned())
    });
    let (tally, lines) = {
        let oracle = &world.oracle;
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
        let run = run(seed, None, true);
        println!("{}", run.lines.join("\n"));
        println!("{:#?}", run.tally);
        assert_eq!(run.failed, None, "seed {seed}");
        return;
    }
    let runs = number("NODEWARDEN_SIM_RUNS").unwrap_or(RUNS);
    let first = number("NODEWARDEN_SIM_FIRST").unwrap_or(1);
    let mut tally = Tally::new();
    let survey = std::env::var_os("NODEWARDEN_SIM_SURVEY").is_some();
    for seed in first..first + runs {
        let run = run(seed, None, false);
        for (what, times) in run.tally {
            *tally.entry(what).or_default() += times;
        }
        if let (true, Some(failed)) = (survey, &run.failed) {
            println!("seed {seed}: {failed}");
            continue;
        }
        assert_eq!(
            run.failed, None,
            "\nto repeat it: NODEWARDEN_SEED={seed} cargo test --all-features --test sim runs -- --nocapture"
        );
    }
    println!("{runs} runs: {tally:#?}");
}

#[test]
fn each_mutant_fails() {
    for mutant in Mutant::ALL {
        let found = (1..=MUTANTS_FAIL_WITHIN).find_map(|seed| {
            let run = run(seed, Some(mutant), false);
            run.failed.map(|failed| (seed, failed))
        });
        match found {
            Some((seed, failed)) => println!("{mutant:?}: seed {seed}: {failed}"),
            None => panic!("{mutant:?} passes {MUTANTS_FAIL_WITHIN} seeds"),
        }
    }
}
