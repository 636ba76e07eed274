//! Random choices that a seed repeats.

use alloc::vec::Vec;

/// A small generator (xorshift), so that a seed names a run.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        // Neighbouring seeds lead to runs that have nothing in common.
        let mixed = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut random = Self(mixed.max(1));
        random.next();
        random
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(super) fn key(&mut self) -> Vec<u8> {
        let length = self.below(4);
        (0..length).map(|_| u8::try_from(self.below(5)).unwrap()).collect()
    }
}
