//! Reads of the chain, from consistent snapshots, while the writer goes on.

use std::sync::Arc;

use mbt_account::{Receipt, TxHash};
use mbt_crypto::{Address, H256, U256};
use mbt_trie::{AccountProof, Historic, KeyValueRead, KeyValueStore, StateError, StoreError};

use crate::{
    Ancestors, Block, BlockContext, BlockId, Body, ChainConfig, Header, SealedHeader,
    config::SAFE_DEPTH,
    rules::{next_base_fee, next_gas_limit},
    table,
};

/// Most entries of a locator that are looked at.
pub const LOCATOR_MAX: usize = 64;

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

    /// Returns ids for a peer to find the last block that both have: the head's and the ten below,
    /// then ever sparser, then genesis.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn locator(&self) -> Result<Vec<BlockId>, StoreError> {
        let mut ids = Vec::new();
        for number in locator_numbers(self.head.number) {
            ids.extend(self.id_at(number)?);
        }
        Ok(ids)
    }

    /// Returns the headers behind the first id of `locator` that is on the chain, at most `max`.
    /// None of the first 64 on the chain: from genesis.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn headers_after(
        &self,
        locator: &[BlockId],
        max: usize,
    ) -> Result<Vec<SealedHeader>, StoreError> {
        let mut from = 0;
        for id in locator.iter().take(LOCATOR_MAX) {
            if self.is_canonical(id)? {
                from = table::number_of(&self.read, id)?.unwrap_or(0);
                break;
            }
        }
        let mut headers = Vec::new();
        let mut number = from.saturating_add(1);
        while headers.len() < max && number <= self.head.number {
            headers.extend(self.header_at(number)?);
            number = number.saturating_add(1);
        }
        Ok(headers)
    }

    /// Returns ids of the blocks below `number`, for `BLOCKHASH` in a block of that number.
    #[must_use]
    pub const fn ancestors(&self, number: u64) -> SnapshotAncestors<'_, R> {
        SnapshotAncestors { snapshot: self, below: number }
    }

    /// Returns what a block of the chain gave its transactions to see, for repeating them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn block_context(&self, number: u64) -> Result<Option<OwnedContext<'_, R>>, StoreError> {
        let header = self.header_at(number)?;
        Ok(header.map(|header| OwnedContext {
            chain_id: self.config.chain_id,
            header: header.header,
            ancestors: self.ancestors(number),
        }))
    }

    /// Returns what the block after the head will give its transactions to see, as far as that is
    /// known. `timestamp` is raised to the head's.
    #[must_use]
    pub fn next_context(&self, timestamp: u64, miner: Address) -> OwnedContext<'_, R> {
        let head = &self.head;
        let number = head.number.saturating_add(1);
        let header = Header {
            parent_hash: head.id,
            number,
            timestamp: timestamp.max(head.timestamp),
            miner,
            gas_limit: next_gas_limit(head.gas_limit, self.config.gas_limit_target),
            base_fee: next_base_fee(head),
            ..Header::default()
        };
        OwnedContext {
            chain_id: self.config.chain_id,
            header: header.into(),
            ancestors: self.ancestors(number),
        }
    }
}

/// Numbers of a locator from `number` down: eleven dense, then each step twice the last, then 0.
pub(crate) fn locator_numbers(number: u64) -> Vec<u64> {
    let (mut numbers, mut next, mut step) = (Vec::new(), number, 1_u64);
    while next > 0 {
        numbers.push(next);
        if numbers.len() > 10 {
            step = step.saturating_mul(2);
        }
        next = next.saturating_sub(step);
    }
    numbers.push(0);
    numbers
}

/// Ids of the chain's blocks below a number.
#[derive(Debug)]
pub struct SnapshotAncestors<'a, R> {
    snapshot: &'a ChainSnapshot<R>,
    below: u64,
}

impl<R: KeyValueRead> Ancestors for SnapshotAncestors<'_, R> {
    fn id(&self, number: u64) -> Result<Option<BlockId>, StoreError> {
        if number < self.below { self.snapshot.id_at(number) } else { Ok(None) }
    }
}

/// Holds what a [`BlockContext`] borrows.
#[derive(Debug)]
pub struct OwnedContext<'a, R> {
    chain_id: u64,
    header: Arc<Header>,
    ancestors: SnapshotAncestors<'a, R>,
}

impl<R: KeyValueRead> OwnedContext<'_, R> {
    /// Returns the context, to be given to the machine.
    #[must_use]
    pub fn context(&self) -> BlockContext<'_> {
        BlockContext::new(self.chain_id, &self.header, &self.ancestors)
    }

    /// Returns the block's header; of the block after the head, the fields that are known.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }
}
