//! Senders of all transactions that come in, each signature checked once.

use std::sync::Arc;

use mbt_account::{
    RecoveredTransaction, SenderBatch, SenderCache, SenderStatistics, SignedTransaction,
};
use mbt_consensus::{Block, Body, Header};
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
    /// When a signature is high or names nobody.
    pub fn join(&self, header: Header, body: &Body) -> Result<Block, InvalidSignature> {
        let transactions = self.recover_each(body.transactions.iter().cloned());
        Ok(Block { header, transactions: transactions.into_iter().collect::<Result<_, _>>()? })
    }

    /// Finds the senders of a block among many that are caught up with: they are not kept, for they
    /// would drive out those of transactions that are still to come.
    ///
    /// # Errors
    /// When a signature is high or names nobody.
    pub fn join_past(&self, header: Header, body: &Body) -> Result<Block, InvalidSignature> {
        let batch = self.look_up(body.transactions.iter().cloned()).recover();
        self.0.lock().count(&batch);
        let transactions = batch.into_results().into_iter().collect::<Result<_, _>>()?;
        Ok(Block { header, transactions })
    }

    fn look_up(
        &self,
        transactions: impl IntoIterator<Item = Arc<SignedTransaction>>,
    ) -> SenderBatch {
        self.0.lock().look_up(transactions)
    }
}
