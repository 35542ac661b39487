//! [`Dice`]: all the chance of a run, from its seed alone.

use std::ops::Range;
use std::time::Duration;

/// A stream of random numbers (SplitMix64: small, and good enough to choose among schedules).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        // Seeds of neighbours must not give streams alike.
        let mut dice = Self(seed ^ 0x9e37_79b9_7f4a_7c15);
        dice.next();
        dice
    }

    /// A stream of its own, so that what one part draws changes no other part.
    pub fn fork(&mut self) -> Self {
        Self::new(self.next())
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Evenly from 0 up to 1.
    pub fn part(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Whether something happens that does so with this probability.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.part() < probability
    }

    pub fn number(&mut self, range: Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }

    pub fn index(&mut self, length: usize) -> usize {
        (self.next() % length as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.index(of.len())]
    }

    /// Evenly between two numbers of milliseconds.
    pub fn ms(&mut self, range: Range<u64>) -> Duration {
        let micros = self.number(range.start * 1000..range.end * 1000);
        Duration::from_micros(micros)
    }

    /// Of things that come by chance, on the average each `mean`: when the next one does.
    pub fn until_next(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(-(1.0 - self.part()).ln())
    }

    /// Evenly in its order of magnitude, between two numbers of microseconds.
    pub fn magnitude(&mut self, range: Range<u64>) -> Duration {
        let (low, high) = ((range.start as f64).ln(), (range.end as f64).ln());
        let micros = (low + (high - low) * self.part()).exp();
        Duration::from_micros(micros as u64)
    }
}
