//! Senders that were recovered before, so that no signature is checked twice.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};
use core::mem;

use mbt_crypto::{Address, InvalidSignature, RecoveryPolicy, recover_each};

use crate::{RecoveredTransaction, SignedTransaction, TxHash};

/// How often a [`SenderCache`] saved the check of a signature.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SenderStatistics {
    /// Signatures that were checked.
    pub recovered: u64,
    /// Senders that were known already.
    pub reused: u64,
}

/// Senders by transaction, bounded.
///
/// The hash covers the signature, so an entry is true for ever, and only low signatures get in.
/// Entries live in two generations: when the young one is full it becomes the old one, and the old
/// one is forgotten. What is asked for becomes young again.
///
/// Recovery takes long and the cache is shared, so it is done in three steps, of which only the
/// first and the last need the cache: [`SenderCache::look_up`], [`SenderBatch::recover`] and
/// [`SenderCache::remember`].
#[derive(Clone, Debug)]
pub struct SenderCache {
    generation_max: usize,
    young: BTreeMap<TxHash, Address>,
    old: BTreeMap<TxHash, Address>,
    statistics: SenderStatistics,
}

/// Transactions of which some senders are known.
#[derive(Clone, Debug)]
pub struct SenderBatch(Vec<(Arc<SignedTransaction>, Option<Address>)>);

/// A batch whose signatures were checked, where nothing was known of the sender.
#[derive(Clone, Debug)]
pub struct RecoveredBatch {
    results: Vec<Result<RecoveredTransaction, InvalidSignature>>,
    statistics: SenderStatistics,
}

impl SenderCache {
    /// Makes an empty cache of at most twice `generation_max` entries.
    #[must_use]
    pub const fn new(generation_max: usize) -> Self {
        Self {
            generation_max,
            young: BTreeMap::new(),
            old: BTreeMap::new(),
            statistics: SenderStatistics { recovered: 0, reused: 0 },
        }
    }

    /// Returns how many senders are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.len().saturating_add(self.old.len())
    }

    /// Tells whether no sender is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.young.is_empty() && self.old.is_empty()
    }

    /// Returns what was counted so far.
    #[must_use]
    pub const fn statistics(&self) -> SenderStatistics {
        self.statistics
    }

    /// Looks up who sent transactions.
    #[must_use]
    pub fn look_up(
        &mut self,
        transactions: impl IntoIterator<Item = Arc<SignedTransaction>>,
    ) -> SenderBatch {
        let with_sender = transactions.into_iter().map(|transaction| {
            let sender = self.sender(&transaction.hash());
            (transaction, sender)
        });
        SenderBatch(with_sender.collect())
    }

    /// Counts what a batch took, without keeping its senders: those of old blocks are not asked for
    /// again, and would only drive out others.
    pub fn count(&mut self, batch: &RecoveredBatch) {
        let SenderStatistics { recovered, reused } = batch.statistics;
        self.statistics.recovered = self.statistics.recovered.saturating_add(recovered);
        self.statistics.reused = self.statistics.reused.saturating_add(reused);
    }

    /// Keeps the senders of a batch, and counts what it took.
    pub fn remember(&mut self, batch: &RecoveredBatch) {
        self.count(batch);
        for transaction in batch.results.iter().flatten() {
            self.insert(transaction.hash(), transaction.sender());
        }
    }

    fn sender(&mut self, hash: &TxHash) -> Option<Address> {
        if let Some(sender) = self.young.get(hash) {
            return Some(*sender);
        }
        let sender = self.old.remove(hash)?;
        self.insert(*hash, sender);
        Some(sender)
    }

    fn insert(&mut self, hash: TxHash, sender: Address) {
        if self.generation_max == 0 {
            return;
        }
        if self.young.len() >= self.generation_max && !self.young.contains_key(&hash) {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(hash, sender);
    }
}

impl SenderBatch {
    /// Recovers the senders that are not known, under this system's policy; in parallel with
    /// feature `parallel`.
    #[must_use]
    pub fn recover(self) -> RecoveredBatch {
        let known = self.0.iter().filter(|(_, sender)| sender.is_some()).count();
        let statistics = SenderStatistics {
            recovered: self.0.len().saturating_sub(known) as u64,
            reused: known as u64,
        };
        let unknown = self.0.iter().filter(|(_, sender)| sender.is_none());
        let unknown: Vec<_> = unknown.map(|(transaction, _)| Arc::clone(transaction)).collect();
        let signed = |transaction: &Arc<SignedTransaction>| {
            (transaction.signing_hash(), *transaction.signature())
        };
        let mut found = recover_each(&unknown, RecoveryPolicy::LowS, signed).into_iter();
        let join = |(transaction, sender): (_, Option<Address>)| {
            let sender = sender.map_or_else(|| found.next(), |sender| Some(Ok(sender)))?;
            Some(sender.map(|sender| RecoveredTransaction::new_unchecked(transaction, sender)))
        };
        RecoveredBatch { results: self.0.into_iter().filter_map(join).collect(), statistics }
    }
}

impl RecoveredBatch {
    /// Returns the transactions in their order, each with its sender or why it has none.
    #[must_use]
    pub fn into_results(self) -> Vec<Result<RecoveredTransaction, InvalidSignature>> {
        self.results
    }
}

#[cfg(test)]
mod tests {
    use alloc::{vec, vec::Vec};

    use mbt_crypto::{SecretKey, Signature};

    use super::*;
    use crate::{Kind, Transaction};

    fn signed(nonce: u64) -> Arc<SignedTransaction> {
        let kind = Kind::Legacy { chain_id: Some(7), gas_price: 1.into() };
        let (gas_limit, value) = (21_000, 0.into());
        let transaction = Transaction { kind, nonce, gas_limit, to: None, value, input: vec![] };
        Arc::new(transaction.sign(&SecretKey::from_bytes([9; 32]).unwrap()))
    }

    fn pass(cache: &mut SenderCache, nonces: &[u64]) {
        let batch = cache.look_up(nonces.iter().map(|nonce| signed(*nonce))).recover();
        cache.remember(&batch);
        for (result, nonce) in batch.into_results().into_iter().zip(nonces) {
            assert_eq!(result, SignedTransaction::clone(&signed(*nonce)).recover());
        }
    }

    #[test]
    fn known_senders_are_not_recovered_again() {
        let mut cache = SenderCache::new(10);
        pass(&mut cache, &[0, 1, 2]);
        pass(&mut cache, &[2, 3, 0]);
        assert_eq!(cache.statistics(), SenderStatistics { recovered: 4, reused: 2 });
        assert_eq!(cache.len(), 4);
    }

    #[test]
    fn two_generations_bound_the_cache_and_what_is_asked_for_stays() {
        let mut cache = SenderCache::new(3);
        for nonce in 1..50 {
            // The first is asked for again and again.
            pass(&mut cache, &[0, nonce]);
            assert!(cache.len() <= 6, "{}", cache.len());
        }
        assert_eq!(cache.statistics().recovered, 50);
        let unkept = cache.look_up([signed(1)]).recover();
        cache.count(&unkept);
        pass(&mut cache, &[1]);
        assert_eq!(cache.statistics().recovered, 52);
    }

    #[test]
    fn signatures_of_nobody_are_not_kept() {
        let mut cache = SenderCache::new(3);
        let nobody = SignedTransaction::new(Transaction::clone(&signed(0)), Signature::default());
        let batch = cache.look_up([signed(1), Arc::new(nobody)]).recover();
        cache.remember(&batch);
        let senders: Vec<bool> = batch.into_results().iter().map(Result::is_ok).collect();
        assert_eq!((senders, cache.len()), (vec![true, false], 1));
        assert!(SenderCache::new(0).is_empty());
    }
}
