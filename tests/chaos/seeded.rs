//! [`Seeded`]: what a run leaves to chance, all from one number.

use std::time::Duration;

/// Numbers that a seed and a name fix (splitmix64).
pub struct Seeded(u64);

impl Seeded {
    /// Another name gives other numbers, so that parts of a run do not depend on each other.
    pub fn new(seed: u64, name: &str) -> Self {
        let mut seeded = Self(seed);
        for byte in name.bytes() {
            seeded.0 = seeded.number() ^ u64::from(byte);
        }
        seeded
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).expect("a small number");
        usize::try_from(self.number() % bound).expect("a small number")
    }

    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    /// A pause of `from` to `to` milliseconds.
    pub fn ms(&mut self, from: usize, to: usize) -> Duration {
        let ms = from + self.below(to - from + 1);
        Duration::from_millis(u64::try_from(ms).expect("a small number"))
    }
}
