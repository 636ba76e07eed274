//! Senders of all transactions that come in, each signature checked once.

use std::sync::Arc;

use mbt_account::{
    RecoveredTransaction, SenderBatch, SenderCache, SenderStatistics, SignedTransaction,
};
use mbt_consensus::{Block, BodyError, Header, RawBlock};
use mbt_crypto::InvalidSignature;
use parking_lot::Mutex;

/// Entries of one of the cache's two generations: more than the pool holds.
const GENERATION_MAX: usize = 65_536;

/// The one place where a node recovers senders, whatever way a transaction comes: JSON-RPC, gossip,
/// a peer's pool or a block. All threads share it; signatures are checked outside its lock.
#[derive(Debug)]
pub struct Senders(Mutex<SenderCache>);

impl Senders {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(SenderCache::new(GENERATION_MAX)))
    }

    /// Returns how many signatures were checked, and how many did not need to be.
    #[must_use]
    pub fn statistics(&self) -> SenderStatistics {
        self.0.lock().statistics()
    }

    /// Finds a transaction's sender.
    ///
    /// # Errors
    /// When the signature is high or names nobody.
    pub fn recover(
        &self,
        transaction: SignedTransaction,
    ) -> Result<RecoveredTransaction, InvalidSignature> {
        // One transaction has one result.
        self.recover_each([Arc::new(transaction)]).swap_remove(0)
    }

    /// Finds the senders of transactions, in their order, on all processors.
    #[must_use]
    pub fn recover_each(
        &self,
        transactions: impl IntoIterator<Item = Arc<SignedTransaction>>,
    ) -> Vec<Result<RecoveredTransaction, InvalidSignature>> {
        let batch = self.look_up(transactions).recover();
        self.0.lock().remember(&batch);
        batch.into_results()
    }

    /// Finds the senders of a new block, which may hold transactions that are known here, and that
    /// peers may still pass on.
    ///
    /// # Errors
    /// [`BodyError`].
    pub fn join(&self, block: RawBlock) -> Result<Block, BodyError> {
        block.recover_with(|transactions| {
            self.recover_each(transactions.iter().cloned()).into_iter().collect()
        })
    }

    /// Makes a block of a header and the bytes that should be its body, among many that are caught
    /// up with: the senders are not kept, for they would drive out those of transactions that are
    /// still to come.
    ///
    /// # Errors
    /// [`BodyError`].
    pub fn join_past(&self, header: Header, body: &[u8]) -> Result<Block, BodyError> {
        Block::join_with(header, body, |transactions| {
            let batch = self.look_up(transactions.iter().cloned()).recover();
            self.0.lock().count(&batch);
            batch.into_results().into_iter().collect()
        })
    }

    fn look_up(
        &self,
        transactions: impl IntoIterator<Item = Arc<SignedTransaction>>,
    ) -> SenderBatch {
        self.0.lock().look_up(transactions)
    }
}
