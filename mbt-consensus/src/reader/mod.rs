//! Reads of the chain, from consistent snapshots, while the writer goes on.

mod context;
mod locator;

use std::sync::Arc;

use mbt_account::{Receipt, RecoveredTransaction, TxHash};
use mbt_crypto::{Address, H256, U256};
use mbt_trie::{AccountProof, Historic, KeyValueRead, KeyValueStore, StateError, StoreError};

pub(crate) use self::locator::locator_numbers;
pub use self::{
    context::{OwnedContext, SnapshotAncestors},
    locator::LOCATOR_MAX,
};
pub use crate::table::PlacedReceipt;
use crate::{Block, BlockId, Body, ChainConfig, SealedHeader, config::SAFE_DEPTH, table};

/// Takes snapshots of a chain. Cheap to clone, for any thread.
#[derive(Debug)]
pub struct ChainReader<S> {
    config: Arc<ChainConfig>,
    store: Arc<S>,
}

impl<S> Clone for ChainReader<S> {
    fn clone(&self) -> Self {
        Self { config: Arc::clone(&self.config), store: Arc::clone(&self.store) }
    }
}

impl<S: KeyValueStore> ChainReader<S> {
    pub(crate) const fn new(config: Arc<ChainConfig>, store: Arc<S>) -> Self {
        Self { config, store }
    }

    /// Reads a chain that nobody writes, such as one that is looked at by a tool.
    pub fn open(config: ChainConfig, store: S) -> Self {
        Self::new(Arc::new(config), Arc::new(store))
    }

    /// Returns the chain's rules.
    #[must_use]
    pub fn config(&self) -> &ChainConfig {
        &self.config
    }

    /// Takes a snapshot: chain and state as they are now, between two blocks.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn snapshot(&self) -> Result<ChainSnapshot<S::Snapshot>, StoreError> {
        ChainSnapshot::new(Arc::clone(&self.config), self.store.snapshot()?)
    }
}

/// The chain at one moment. Everything it returns belongs to the same head.
#[derive(Debug)]
pub struct ChainSnapshot<R> {
    config: Arc<ChainConfig>,
    read: R,
    head: SealedHeader,
    genesis_id: BlockId,
}

impl<R: KeyValueRead> ChainSnapshot<R> {
    fn new(config: Arc<ChainConfig>, read: R) -> Result<Self, StoreError> {
        const MISSING: StoreError =
            StoreError::Corrupt { column: table::META, what: "no head or no genesis" };
        let id = table::head(&read)?.ok_or(MISSING)?;
        let head = table::header_by_id(&read, &id)?.ok_or(MISSING)?;
        let genesis_id = table::genesis(&read)?.ok_or(MISSING)?;
        Ok(Self { config, read, head, genesis_id })
    }

    /// Returns the chain's rules.
    #[must_use]
    pub fn config(&self) -> &ChainConfig {
        &self.config
    }

    /// Returns the raw store, for what is not offered here.
    #[must_use]
    pub const fn store(&self) -> &R {
        &self.read
    }

    /// Returns the head.
    #[must_use]
    pub const fn head(&self) -> &SealedHeader {
        &self.head
    }

    /// Returns the number of the block called safe: 12 below the head, or genesis.
    #[must_use]
    pub fn safe(&self) -> u64 {
        self.head.number.saturating_sub(SAFE_DEPTH)
    }

    /// Returns the number of the block called finalized: `max_reorg` below the head, or genesis.
    #[must_use]
    pub fn finalized(&self) -> u64 {
        self.head.number.saturating_sub(self.config.max_reorg)
    }

    /// Returns the id of the genesis block.
    #[must_use]
    pub const fn genesis_id(&self) -> BlockId {
        self.genesis_id
    }

    /// Returns the id of the block of a number; none above the head.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn id_at(&self, number: u64) -> Result<Option<BlockId>, StoreError> {
        if number == self.head.number {
            return Ok(Some(self.head.id));
        }
        table::canonical(&self.read, number)
    }

    /// Tells whether a block is on the chain that ends in the head.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn is_canonical(&self, id: &BlockId) -> Result<bool, StoreError> {
        match table::number_of(&self.read, id)? {
            Some(number) => Ok(self.id_at(number)? == Some(*id)),
            None => Ok(false),
        }
    }

    /// Returns a header by its id, on whatever branch.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn header(&self, id: &BlockId) -> Result<Option<SealedHeader>, StoreError> {
        if *id == self.head.id {
            return Ok(Some(self.head.clone()));
        }
        table::header_by_id(&self.read, id)
    }

    /// Returns the header of a number; none above the head.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn header_at(&self, number: u64) -> Result<Option<SealedHeader>, StoreError> {
        if number == self.head.number {
            return Ok(Some(self.head.clone()));
        }
        match self.id_at(number)? {
            Some(id) => table::header(&self.read, number, &id),
            None => Ok(None),
        }
    }

    /// Returns a body by its block's id, on whatever branch.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn body(&self, id: &BlockId) -> Result<Option<Body>, StoreError> {
        let block = self.block(id)?;
        Ok(block.map(|block| Body {
            transactions: block.transactions.iter().map(|t| Arc::clone(t.signed())).collect(),
        }))
    }

    /// Returns a body's RLP as it is stored and sent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn body_bytes(&self, id: &BlockId) -> Result<Option<Vec<u8>>, StoreError> {
        match table::number_of(&self.read, id)? {
            Some(number) => table::body_bytes(&self.read, number, id),
            None => Ok(None),
        }
    }

    /// Returns a block with its senders, on whatever branch.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn block(&self, id: &BlockId) -> Result<Option<Block>, StoreError> {
        let Some(header) = self.header(id)? else { return Ok(None) };
        let transactions = table::transactions(&self.read, header.number, id)?;
        Ok(transactions.map(|transactions| Block {
            header: Arc::unwrap_or_clone(header.header),
            transactions,
        }))
    }

    /// Returns the receipts of a block that is, or was, on the chain; none of one that was never
    /// executed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn receipts(&self, id: &BlockId) -> Result<Option<Vec<Receipt>>, StoreError> {
        match table::number_of(&self.read, id)? {
            Some(number) => table::receipts(&self.read, number, id),
            None => Ok(None),
        }
    }

    /// Returns one receipt of [`ChainSnapshot::receipts`], and decodes no other.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn receipt_at(
        &self,
        id: &BlockId,
        index: usize,
    ) -> Result<Option<PlacedReceipt>, StoreError> {
        match table::number_of(&self.read, id)? {
            Some(number) => table::receipt_at(&self.read, number, id, index),
            None => Ok(None),
        }
    }

    /// Returns one transaction of a block with its sender, on whatever branch, and decodes no
    /// other.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn transaction_at(
        &self,
        id: &BlockId,
        index: usize,
    ) -> Result<Option<RecoveredTransaction>, StoreError> {
        match table::number_of(&self.read, id)? {
            Some(number) => table::transaction_at(&self.read, number, id, index),
            None => Ok(None),
        }
    }

    /// Returns where a transaction of the chain stands: its block's id and number, and its place
    /// in the block.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn transaction(&self, hash: &TxHash) -> Result<Option<(BlockId, u64, usize)>, StoreError> {
        let Some((number, index)) = table::transaction(&self.read, hash)? else { return Ok(None) };
        Ok(self.id_at(number)?.map(|id| (id, number, index)))
    }

    /// Returns the sum of nominal work from genesis up to a block.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn total_work(&self, id: &BlockId) -> Result<Option<U256>, StoreError> {
        Ok(self.header(id)?.map(|header| header.total_work))
    }

    /// Returns the state after a block of the chain.
    ///
    /// # Errors
    /// [`StateError::NotKept`] when it is older than the history kept, or above the head.
    pub fn state_at(&self, number: u64) -> Result<Historic<&R>, StateError> {
        Historic::new(&self.read, self.head.number, number)
    }

    /// Proves an account and some of its slots after a block of the chain.
    ///
    /// # Errors
    /// As [`ChainSnapshot::state_at`].
    pub fn prove(
        &self,
        number: u64,
        address: &Address,
        slots: &[H256],
    ) -> Result<AccountProof, StateError> {
        self.state_at(number)?.prove(address, slots)
    }
}
