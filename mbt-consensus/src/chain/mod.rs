//! The chain of a node: the single writer of its store.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

mod build;
mod error;
mod execution;
mod headers;
mod import;
mod invalid;
mod open;
mod ranges;
mod reorg;
mod tree;

use std::{collections::VecDeque, sync::Arc};

use mbt_crypto::{Address, H256};
use mbt_trie::{Durability, KeyValueStore, ResidentState, StoreError};

use crate::{
    BlockId, ChainConfig, ChainReader, Execute, Header, LotId, SealedHeader,
    reader::locator_numbers, rules::asert::Anchor, table,
};
use {build::Built, execution::Ancestry, invalid::InvalidBlocks, ranges::Ranges, tree::Tree};

pub use error::{
    AcceptError, BuildError, HeaderError, ImportError, InvalidBlock, InvalidHeader, OpenError,
};

/// Most headers that are kept ahead of the head.
pub const HEADERS_AHEAD_MAX: u64 = 16_384;

/// Most headers that are kept on side branches.
pub const SIDE_HEADERS_MAX: usize = 4_096;

/// Most executed blocks whose headers are kept in memory, and the deepest fork.
pub(crate) const HISTORY_IN_MEMORY_MAX: u64 = 16_384;

/// How the head moved.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct HeadChange {
    /// Blocks that left the chain, highest first. Their transactions belong back in the pool.
    pub retired: Vec<BlockId>,
    /// Blocks that joined it, lowest first. The last is the head.
    pub adopted: Vec<BlockId>,
}

/// What became of a block that was taken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Imported {
    /// The head moved.
    Head(HeadChange),
    /// It is kept on a side branch, or until the bodies before it come.
    Side,
    /// It was here already.
    Known,
}

/// What became of headers that were taken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HeadersImported {
    /// New ones.
    pub added: usize,
    /// Ones that were here already.
    pub known: usize,
    /// The header with the greatest total work, afterwards.
    pub best: SealedHeader,
}

/// Whether the node still looks for the chain, so that the depth rule does not bind.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SyncPhase {
    /// First sync: the greatest work is taken, however deep.
    Initial,
    /// The rule binds unless the head is older than `2 * max_reorg` intervals.
    #[default]
    InSync,
}

/// What a miner asks of the next block.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BuildRequest {
    /// Chain time. Raised to the head's when it is below.
    pub timestamp: u64,
    /// Who is paid.
    pub miner: Address,
    /// At most 32 bytes.
    pub extra_data: Vec<u8>,
    /// The lot to name. Lots are not active yet: none.
    pub lot: Option<LotId>,
}

/// A chain of blocks: imports headers and blocks, executes, picks the branch with the greatest
/// total work, builds blocks. Purely synchronous; time is an argument, storage a trait.
#[derive(Debug)]
pub struct Chain<E, S> {
    config: Arc<ChainConfig>,
    executor: E,
    store: Arc<S>,
    state: ResidentState,
    anchor: Anchor,
    head: SealedHeader,
    tree: Tree,
    ranges: Ranges,
    invalid: InvalidBlocks,
    /// Blocks built on the head, by the hash that is sealed.
    built: VecDeque<(H256, Built)>,
    /// Blocks that left the tree and are deleted with the next batch.
    garbage: Vec<SealedHeader>,
    phase: SyncPhase,
}

impl<E: Execute, S: KeyValueStore> Chain<E, S> {
    /// Returns the rules.
    #[must_use]
    pub fn config(&self) -> &ChainConfig {
        &self.config
    }

    /// Returns the machine.
    pub const fn executor(&self) -> &E {
        &self.executor
    }

    /// Returns the executed block with the greatest total work that the rules allow.
    #[must_use]
    pub const fn head(&self) -> &SealedHeader {
        &self.head
    }

    /// Returns the header with the greatest total work that the rules allow; its body or those of
    /// its ancestors may be missing.
    #[must_use]
    pub const fn best_header(&self) -> &SealedHeader {
        self.tree.best()
    }

    /// Returns ids along the best header chain, dense near its end and sparse below, for a peer
    /// to find where its chain and this one part.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn locator(&self) -> Result<Vec<BlockId>, StoreError> {
        let ancestry = self.ancestry(self.tree.best());
        let numbers = locator_numbers(self.tree.best().number);
        numbers.into_iter().map(|number| ancestry.id_at_or_below(number)).collect()
    }

    /// Tells whether a block's header is here.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn contains_header(&self, id: &BlockId) -> Result<bool, StoreError> {
        Ok(self.tree.get(id).is_some() || self.executed(id)?.is_some())
    }

    /// Returns the header of a block of the executed chain. What else is in the store and not in
    /// the tree is about to be deleted.
    fn executed(&self, id: &BlockId) -> Result<Option<SealedHeader>, StoreError> {
        let Some(header) = table::header_by_id(&*self.store, id)? else { return Ok(None) };
        let canonical = table::canonical(&*self.store, header.number)?;
        Ok(Some(header).filter(|_| canonical == Some(*id)))
    }

    /// Makes a reader for other threads.
    #[must_use]
    pub fn reader(&self) -> ChainReader<S> {
        ChainReader::new(Arc::clone(&self.config), Arc::clone(&self.store))
    }

    /// Says whether the node still looks for the chain. Chains open as [`SyncPhase::InSync`].
    pub const fn set_sync_phase(&mut self, phase: SyncPhase) {
        self.phase = phase;
    }

    /// Returns the next blocks along the best header chain whose bodies are missing.
    #[must_use]
    pub fn wanted_bodies(&self, max: usize) -> Vec<(BlockId, Header)> {
        let wanted = self.tree.wanted().take(max);
        wanted.map(|sealed| (sealed.id, Header::clone(&sealed.header))).collect()
    }

    /// Makes everything written so far survive a crash.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn flush(&mut self) -> Result<(), StoreError> {
        let batch = self.new_batch();
        self.write(&batch, Durability::Durable)
    }

    /// Returns the end of a heavier branch that the depth rule keeps out, for the operator.
    #[must_use]
    pub fn refused_reorg(&self) -> Option<&SealedHeader> {
        self.tree.refused()
    }
}
