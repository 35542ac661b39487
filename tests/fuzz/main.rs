//! Fuzzing, by seed: nearly good inputs of the decoder, of `nodes import` and of the settings, and what
//! must be true of each outcome, beside that there is one.
//!
//! A run is bounded by a number of inputs: `NODEWARDEN_FUZZ=10000000` for another one, from
//! `NODEWARDEN_FUZZ_SEED` on. A failure prints the seed of its input; with that seed and
//! `NODEWARDEN_FUZZ=1` it fails again at once. `NODEWARDEN_FUZZ_KEEP=1` adds inputs that lead to an
//! outcome of a new kind to `corpus/`.

mod bytes;
mod corpus;
mod decoder;
mod import;
mod packed;
mod random;
mod settings;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Instant;

use random::Random;

/// What takes inputs, and what must be true of what it makes of them.
trait Target {
    type Input: std::fmt::Debug;

    fn name(&self) -> &'static str;

    /// A new input.
    fn input(&self, random: &mut Random) -> Self::Input;

    /// What of an input is worth keeping.
    fn kept(&self, input: &Self::Input) -> Vec<u8>;

    /// Panics if the outcome is wrong; returns which kind of outcome it is.
    fn judge(&self, random: &mut Random, input: &Self::Input) -> String;

    /// How outcomes begin that so many inputs as a default run has must lead to: what is good, and refusals.
    fn must_occur(&self) -> &'static [&'static str];
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is no number: {text}")),
    )
}

/// The most memory that this process has had, in MiB; `None`: the machine does not say.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? / 1024)
}

/// Inputs are small: whoever needs more than this for one lets its sender choose how much.
const MEMORY_MIB: u64 = 512;

fn fuzz(target: &impl Target, default: u64) {
    let inputs = number("NODEWARDEN_FUZZ").unwrap_or(default);
    let first = number("NODEWARDEN_FUZZ_SEED").unwrap_or(1);
    let keep = number("NODEWARDEN_FUZZ_KEEP").is_some();
    let (name, began) = (target.name(), Instant::now());
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    for seed in first..first + inputs {
        let mut random = Random::new(seed);
        let input = target.input(&mut random);
        let judged = catch_unwind(AssertUnwindSafe(|| target.judge(&mut random, &input)));
        let outcome = judged.unwrap_or_else(|why| {
            eprintln!(
                "{name}: fails with NODEWARDEN_FUZZ_SEED={seed} NODEWARDEN_FUZZ=1: {input:?}"
            );
            resume_unwind(why)
        });
        if keep && !outcomes.contains_key(&outcome) {
            corpus::keep(name, &outcome, &target.kept(&input));
        }
        *outcomes.entry(outcome).or_default() += 1;
    }
    let memory = peak_memory();
    println!(
        "{name}: {inputs} inputs from seed {first}, {} kinds of outcome, 0 failures, {:.0} s, {memory:?} MiB at most",
        outcomes.len(),
        began.elapsed().as_secs_f64(),
    );
    assert!(memory.is_none_or(|mib| mib < MEMORY_MIB), "{memory:?} MiB");
    if inputs >= default {
        let never = |begin: &&str| !outcomes.keys().any(|outcome| outcome.starts_with(begin));
        let never: Vec<&str> = target.must_occur().iter().copied().filter(never).collect();
        assert!(never.is_empty(), "{name}: never {never:?}: {outcomes:?}");
    }
}

#[test]
fn whatever_is_delivered_is_decoded_or_refused_with_a_reason() {
    fuzz(&decoder::Decoder::new(), 50_000);
}

#[test]
fn a_file_of_nodes_is_read_whole_or_refused_by_line() {
    fuzz(&import::Import::new(), 5_000);
}

#[test]
fn settings_are_read_or_refused_without_a_word_of_their_secrets() {
    fuzz(&settings::SettingsFile::new(), 2_000);
}
