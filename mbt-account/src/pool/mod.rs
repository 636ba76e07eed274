//! Transactions that wait for a block.

mod best;
mod config;
mod content;
mod error;
mod queue;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use mbt_crypto::{Address, U256};

pub use best::Best;
pub use config::{PoolConfig, PoolHead, SenderState, SystemTransactions, Unprotected};
pub use content::{PoolContent, SenderContent};
pub use error::PoolError;
use queue::{Pooled, Queue, Rank};

use crate::{InvalidTransaction, RecoveredTransaction, TxHash};

/// What became of a transaction that was taken.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Inserted {
    /// The one of the same sender and nonce that it took the place of.
    pub replaced: Option<TxHash>,
    /// Those that left to make room.
    pub evicted: Vec<TxHash>,
    /// Whether it can be mined next; if not, it waits for an earlier nonce or for coin.
    pub pending: bool,
}

/// What following the chain changed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Updated {
    /// Those that left: mined, no longer payable, or above the gas limit.
    pub dropped: Vec<TxHash>,
    /// Those that waited and can now be mined next.
    pub promoted: Vec<TxHash>,
}

/// Transactions that wait for a block, bounded by [`PoolConfig`].
///
/// Each sender's are kept by nonce; those that follow its nonce without a gap and that it can pay
/// for are *pending* (executable), the others *queued*. When the pool is full, the last transaction
/// of the sender whose queue is worth least leaves, so that eviction never opens a gap; a queue is
/// worth its least effective tip, and queued ones are worth less than pending ones.
#[derive(Clone, Debug)]
pub struct Pool {
    config: PoolConfig,
    queues: BTreeMap<Address, Queue>,
    hashes: BTreeMap<TxHash, (Address, u64)>,
    /// Every queue by the worth of its last transaction.
    ranks: BTreeSet<(Rank, Address)>,
    base_fee: U256,
    gas_limit: u64,
    arrivals: u64,
    pending: u64,
    bytes: usize,
}

/// A transaction that left, with what brings its queue back.
struct Removed {
    sender: Address,
    state: SenderState,
    entry: Pooled,
}

impl Pool {
    /// Makes an empty pool.
    #[must_use]
    pub const fn new(config: PoolConfig) -> Self {
        Self {
            config,
            queues: BTreeMap::new(),
            hashes: BTreeMap::new(),
            ranks: BTreeSet::new(),
            base_fee: U256::zero(),
            gas_limit: u64::MAX,
            arrivals: 0,
            pending: 0,
            bytes: 0,
        }
    }

    /// Returns the bounds and prices.
    #[must_use]
    pub const fn config(&self) -> &PoolConfig {
        &self.config
    }

    /// Returns how many transactions are pooled.
    #[must_use]
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Tells whether none is pooled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Returns the encoded bytes of all pooled transactions.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns how many transactions are pending, and how many queued.
    #[must_use]
    pub fn status(&self) -> (usize, usize) {
        let pending = usize::try_from(self.pending).unwrap_or(usize::MAX);
        (pending, self.len().saturating_sub(pending))
    }

    /// Tells whether a transaction is pooled.
    #[must_use]
    pub fn contains(&self, hash: &TxHash) -> bool {
        self.hashes.contains_key(hash)
    }

    /// Returns a pooled transaction.
    #[must_use]
    pub fn get(&self, hash: &TxHash) -> Option<&RecoveredTransaction> {
        let (sender, nonce) = self.hashes.get(hash)?;
        Some(&self.queues.get(sender)?.get(*nonce)?.transaction)
    }

    /// Returns the nonce that a sender's next transaction should have; none when it has no pooled
    /// one.
    #[must_use]
    pub fn pending_nonce(&self, sender: &Address) -> Option<u64> {
        self.queues.get(sender).map(Queue::next_nonce)
    }

    /// Returns the senders of pooled transactions, in the order of addresses.
    pub fn senders(&self) -> impl Iterator<Item = &Address> {
        self.queues.keys()
    }

    /// Returns the pending transactions by sender and nonce.
    pub fn pending(&self) -> impl Iterator<Item = &RecoveredTransaction> {
        let queues = self.queues.values();
        queues.flat_map(|queue| queue.executable_entries().map(|(_, entry)| &entry.transaction))
    }

    /// Returns the pending transactions as a miner should try them.
    #[must_use]
    pub fn best(&self, base_fee: U256) -> Best {
        Best::new(base_fee, self.queues.iter())
    }

    /// Takes a transaction in. `sender` is what the state at `head` holds for who signed it.
    ///
    /// # Errors
    /// See [`PoolError`].
    pub fn insert(
        &mut self,
        transaction: RecoveredTransaction,
        sender: SenderState,
        head: &PoolHead,
    ) -> Result<Inserted, PoolError> {
        if self.contains(&transaction.hash()) {
            return Err(PoolError::AlreadyKnown);
        }
        self.check(&transaction, head)?;
        self.follow(head.base_fee);
        let (address, nonce) = (transaction.sender(), transaction.nonce);
        if self.queues.get(&address).is_some_and(|queue| queue.state() != sender) {
            self.refresh(address, sender, head.gas_limit, &mut Updated::default());
        }
        let cost = self.check_queue(&transaction, sender)?;
        let mut evicted = Vec::new();
        if let Some(queue) = self.queues.get(&address)
            && queue.len() >= self.config.per_sender_max
            && queue.get(nonce).is_none()
            && let Some(tail) = queue.tail_nonce()
        {
            evicted.extend(self.take(address, tail));
        }
        self.arrivals = self.arrivals.saturating_add(1);
        let hash = transaction.hash();
        let entry = Pooled::new(transaction, self.arrivals, cost);
        let replaced = self.put(Removed { sender: address, state: sender, entry });
        if let Err(error) = self.make_room(hash, &mut evicted) {
            for removed in replaced.into_iter().chain(evicted.into_iter().rev()) {
                self.put(removed);
            }
            return Err(error);
        }
        Ok(Inserted {
            replaced: replaced.map(|removed| removed.entry.transaction.hash()),
            evicted: evicted.iter().map(|removed| removed.entry.transaction.hash()).collect(),
            pending: self.queues.get(&address).is_some_and(|queue| queue.is_executable(nonce)),
        })
    }

    /// Follows the chain to a new head. `accounts` are those whose nonce or balance may have
    /// changed; those without pooled transactions are passed over.
    pub fn update(
        &mut self,
        head: &PoolHead,
        accounts: impl IntoIterator<Item = (Address, SenderState)>,
    ) -> Updated {
        let mut updated = Updated::default();
        self.follow(head.base_fee);
        if head.gas_limit < self.gas_limit {
            let all: Vec<_> = self.queues.iter().map(|(a, queue)| (*a, queue.state())).collect();
            for (address, state) in all {
                self.refresh(address, state, head.gas_limit, &mut updated);
            }
        }
        self.gas_limit = head.gas_limit;
        for (address, state) in accounts {
            if self.queues.contains_key(&address) {
                self.refresh(address, state, head.gas_limit, &mut updated);
            }
        }
        updated
    }

    /// Takes a transaction out. Its sender's later ones become queued.
    pub fn remove(&mut self, hash: &TxHash) -> Option<RecoveredTransaction> {
        let (sender, nonce) = *self.hashes.get(hash)?;
        self.take(sender, nonce).map(|removed| removed.entry.transaction)
    }

    /// Checks all that needs no knowledge of the sender.
    fn check(&self, transaction: &RecoveredTransaction, head: &PoolHead) -> Result<(), PoolError> {
        if let Some(system) = transaction.system_type()
            && self.config.system == SystemTransactions::Refuse
        {
            return Err(InvalidTransaction::TypeNotSupported(system.tx_type()).into());
        }
        let (size, max) = (transaction.encoded_length(), self.config.transaction_bytes_max);
        if size > max {
            return Err(PoolError::Oversized { size, max });
        }
        match transaction.chain_id() {
            Some(have) if have != head.chain_id => {
                return Err(PoolError::WrongChain { have, want: head.chain_id });
            }
            None if self.config.unprotected == Unprotected::Refuse => {
                return Err(PoolError::Unprotected);
            }
            _ => {}
        }
        if transaction.gas_limit > head.gas_limit {
            return Err(InvalidTransaction::ExceedsBlockGasLimit.into());
        }
        transaction.check()?;
        let (tip, min) = (transaction.max_priority_fee_per_gas(), self.config.tip_min);
        if tip < min {
            return Err(PoolError::TipTooLow { tip, min });
        }
        let (cap, min) = (transaction.max_fee_per_gas(), self.config.fee_cap_min);
        if cap < min {
            return Err(PoolError::FeeCapTooLow { cap, min });
        }
        Ok(())
    }

    /// Checks a transaction against its sender and the sender's others, and returns its cost.
    fn check_queue(
        &self,
        transaction: &RecoveredTransaction,
        sender: SenderState,
    ) -> Result<U256, PoolError> {
        let (nonce, next, balance) = (transaction.nonce, sender.nonce, sender.balance);
        if nonce < next {
            return Err(InvalidTransaction::NonceTooLow { next, nonce }.into());
        }
        // No balance covers a cost that overflows.
        let cost = transaction.max_cost().unwrap_or(U256::MAX);
        if cost > balance {
            return Err(InvalidTransaction::InsufficientFunds { balance, cost }.into());
        }
        let Some(queue) = self.queues.get(&transaction.sender()) else {
            return Ok(cost);
        };
        if let Some(old) = queue.get(nonce) {
            if !self.replaces(transaction, &old.transaction) {
                return Err(PoolError::ReplacementUnderpriced);
            }
        } else if queue.len() >= self.config.per_sender_max && queue.tail_nonce() < Some(nonce) {
            return Err(PoolError::SenderFull { pooled: queue.len() });
        }
        let queued = queue.spent_without(nonce);
        let payable = queued.checked_add(cost).is_some_and(|total| total <= balance);
        if !payable {
            return Err(PoolError::Overdraft { balance, queued, cost });
        }
        Ok(cost)
    }

    /// Tells whether tip and fee cap are enough above those of the transaction to be replaced.
    fn replaces(&self, new: &RecoveredTransaction, old: &RecoveredTransaction) -> bool {
        let percent = self.config.replacement_percent.saturating_add(100);
        [
            (new.max_fee_per_gas(), old.max_fee_per_gas()),
            (new.max_priority_fee_per_gas(), old.max_priority_fee_per_gas()),
        ]
        .into_iter()
        .all(|(new, old)| {
            let least = old.checked_mul(percent.into()).map(|product| product / 100);
            new > old && least.is_some_and(|least| new >= least)
        })
    }

    /// Evicts the cheapest until the bounds hold, and fails when that would be `newcomer`, which is
    /// then out.
    fn make_room(&mut self, newcomer: TxHash, evicted: &mut Vec<Removed>) -> Result<(), PoolError> {
        while self.len() > self.config.count_max || self.bytes > self.config.bytes_max {
            let Some((rank, sender)) = self.ranks.first().copied() else { break };
            let tail = self.queues.get(&sender).and_then(Queue::tail_nonce);
            let Some(removed) = tail.and_then(|nonce| self.take(sender, nonce)) else { break };
            if removed.entry.transaction.hash() != newcomer {
                evicted.push(removed);
                continue;
            }
            return Err(match self.ranks.first() {
                Some((next, _)) if next.executable && !rank.executable => {
                    PoolError::FutureReplacesPending
                }
                Some((next, _)) if next.floor > rank.floor => PoolError::Underpriced,
                _ => PoolError::Full,
            });
        }
        Ok(())
    }

    /// Weighs every queue again when the base fee has moved.
    fn follow(&mut self, base_fee: U256) {
        if base_fee == self.base_fee {
            return;
        }
        self.base_fee = base_fee;
        self.ranks.clear();
        for (sender, queue) in &mut self.queues {
            queue.set_floors(0, base_fee);
            self.ranks.extend(queue.rank().map(|rank| (rank, *sender)));
        }
    }

    fn refresh(
        &mut self,
        sender: Address,
        state: SenderState,
        gas_limit: u64,
        updated: &mut Updated,
    ) {
        let base_fee = self.base_fee;
        self.edit(sender, state, |queue, hashes| {
            let before = queue.next_nonce();
            for entry in queue.refresh(state, gas_limit, base_fee) {
                hashes.remove(&entry.transaction.hash());
                updated.dropped.push(entry.transaction.hash());
            }
            let promoted = queue.executable_entries().filter(|(nonce, _)| *nonce >= before);
            updated.promoted.extend(promoted.map(|(_, entry)| entry.transaction.hash()));
        });
    }

    /// Puts an entry into its sender's queue and returns the one it replaces.
    fn put(&mut self, added: Removed) -> Option<Removed> {
        let base_fee = self.base_fee;
        let Removed { sender, state, entry } = added;
        self.edit(sender, state, |queue, hashes| {
            let transaction = &entry.transaction;
            hashes.insert(transaction.hash(), (sender, transaction.nonce));
            let old = queue.put(entry, base_fee)?;
            hashes.remove(&old.transaction.hash());
            Some(Removed { sender, state, entry: old })
        })
    }

    fn take(&mut self, sender: Address, nonce: u64) -> Option<Removed> {
        let base_fee = self.base_fee;
        let state = self.queues.get(&sender)?.state();
        self.edit(sender, state, |queue, hashes| {
            let entry = queue.take(nonce, base_fee)?;
            hashes.remove(&entry.transaction.hash());
            Some(Removed { sender, state, entry })
        })
    }

    /// Changes one sender's queue and keeps counts and ranks in step with it.
    fn edit<T>(
        &mut self,
        sender: Address,
        state: SenderState,
        change: impl FnOnce(&mut Queue, &mut BTreeMap<TxHash, (Address, u64)>) -> T,
    ) -> T {
        let queue = self.queues.entry(sender).or_insert_with(|| Queue::new(state));
        let (rank, pending, bytes) = (queue.rank(), queue.executable(), queue.bytes());
        let result = change(queue, &mut self.hashes);
        self.pending = self.pending.saturating_sub(pending).saturating_add(queue.executable());
        self.bytes = self.bytes.saturating_sub(bytes).saturating_add(queue.bytes());
        let new_rank = queue.rank();
        if queue.is_empty() {
            self.queues.remove(&sender);
        }
        if new_rank != rank {
            if let Some(rank) = rank {
                self.ranks.remove(&(rank, sender));
            }
            self.ranks.extend(new_rank.map(|rank| (rank, sender)));
        }
        result
    }
}
