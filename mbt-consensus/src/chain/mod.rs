//! The chain of a node: the single writer of its store.

mod error;

use std::sync::Arc;

use mbt_crypto::Address;
use mbt_trie::{Durability, KeyValueStore, StoreError};

use crate::{
    Block, BlockId, Candidates, ChainConfig, ChainReader, Execute, Genesis, Header, LotId,
    SealedHeader,
};

pub use error::{
    AcceptError, BuildError, HeaderError, ImportError, InvalidBlock, InvalidHeader, OpenError,
};

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
    head: SealedHeader,
}

impl<E: Execute, S: KeyValueStore> Chain<E, S> {
    /// Opens the chain in `store`: an empty store gets the genesis block, another resumes at its
    /// head without executing anything.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(
        config: ChainConfig,
        genesis: &Genesis,
        executor: E,
        store: S,
    ) -> Result<Self, OpenError> {
        let _ = (config, genesis, executor, store);
        todo!()
    }

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

    /// Returns the header with the greatest total work; its bodies may be missing.
    #[must_use]
    pub fn best_header(&self) -> &SealedHeader {
        todo!()
    }

    /// Returns ids along the best header chain, dense near its end and sparse below, for a peer
    /// to find where its chain and this one part.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn locator(&self) -> Result<Vec<BlockId>, StoreError> {
        todo!()
    }

    /// Tells whether a block's header is here.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn contains_header(&self, id: &BlockId) -> Result<bool, StoreError> {
        let _ = id;
        todo!()
    }

    /// Makes a reader for other threads.
    #[must_use]
    pub fn reader(&self) -> ChainReader<S> {
        todo!()
    }

    /// Says whether the node still looks for the chain. Chains open as [`SyncPhase::InSync`].
    pub fn set_sync_phase(&mut self, phase: SyncPhase) {
        let _ = phase;
        todo!()
    }

    /// Takes headers ahead of their bodies, parents first.
    ///
    /// # Errors
    /// [`HeaderError`]: the first header that is refused. Those before it are kept.
    pub fn import_headers(
        &mut self,
        now: u64,
        headers: &[Header],
    ) -> Result<HeadersImported, HeaderError> {
        let _ = (now, headers);
        todo!()
    }

    /// Takes a block, and moves the head when a better branch is complete with it.
    ///
    /// # Errors
    /// [`ImportError`].
    pub fn import(
        &mut self,
        now: u64,
        block: Block,
        durability: Durability,
    ) -> Result<Imported, ImportError> {
        let _ = (now, block, durability);
        todo!()
    }

    /// Returns the next blocks along the best header chain whose bodies are missing.
    #[must_use]
    pub fn wanted_bodies(&self, max: usize) -> Vec<(BlockId, Header)> {
        let _ = max;
        todo!()
    }

    /// Builds a block on the head, with nonce 0: sealing is the miner's. The execution is kept, so
    /// that importing the sealed block does not execute it again.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn build(
        &mut self,
        request: &BuildRequest,
        candidates: &mut dyn Candidates,
    ) -> Result<Block, BuildError> {
        let _ = (request, candidates);
        todo!()
    }

    /// Makes everything written so far survive a crash.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn flush(&mut self) -> Result<(), StoreError> {
        todo!()
    }

    /// Returns the end of a heavier branch that the depth rule keeps out, for the operator.
    #[must_use]
    pub fn refused_reorg(&self) -> Option<&SealedHeader> {
        todo!()
    }

    /// Takes a branch that the depth rule keeps out.
    ///
    /// # Errors
    /// [`AcceptError`].
    pub fn accept_reorg(&mut self, id: &BlockId) -> Result<HeadChange, AcceptError> {
        let _ = id;
        todo!()
    }
}
