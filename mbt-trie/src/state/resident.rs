//! The state of the head block with its tries in memory.

use mbt_crypto::H256;

use super::{State, StateDiff, StateError, plan::Tries};
use crate::{History, KeyValueRead, Stage};

/// Memory that a [`ResidentState`] gives to trie nodes unless told otherwise.
pub const RESIDENT_BYTES: usize = 256 << 20;

/// A [`State`] that keeps trie nodes from block to block, for a single writer.
///
/// It never holds more than a copy of what a stage shows: each commit looks up the state's root in
/// its stage, and goes on from the nodes of the last commit that led to that root. So a stage may
/// be dropped or a block taken back, and another block be made on the same parent, without reading
/// the nodes again; of a state that it does not know, all nodes are read.
#[derive(Clone, Debug)]
pub struct ResidentState {
    state: State,
    tries: Tries,
}

impl ResidentState {
    /// Makes a state that keeps so much history, and nodes in about [`RESIDENT_BYTES`] of memory.
    #[must_use]
    pub fn new(history: History) -> Self {
        Self::with_bytes_max(history, RESIDENT_BYTES)
    }

    /// Makes a state that keeps nodes in about `bytes_max` of memory, and beyond that what one
    /// commit needs.
    #[must_use]
    pub fn with_bytes_max(history: History, bytes_max: usize) -> Self {
        Self { state: State::new(history), tries: Tries::new(bytes_max) }
    }

    /// Returns the rules by which history is kept, and the way to take blocks back.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Does what [`State::commit`] does.
    ///
    /// # Errors
    /// [`StateError`]; then the stage is as before.
    pub fn commit<R: KeyValueRead>(
        &mut self,
        stage: &mut Stage<'_, R>,
        number: u64,
        diff: &StateDiff,
    ) -> Result<H256, StateError> {
        self.state.commit_with(&mut self.tries, stage, number, diff)
    }

    /// Does what [`State::rollback`] does.
    ///
    /// # Errors
    /// [`StateError`]; then the stage is as before.
    pub fn rollback<R: KeyValueRead>(
        &self,
        stage: &mut Stage<'_, R>,
        number: u64,
    ) -> Result<(), StateError> {
        self.state.rollback(stage, number)
    }

    /// Returns the bytes of memory that trie nodes take, about.
    #[must_use]
    pub fn resident_bytes(&self) -> usize {
        self.tries.used()
    }
}
