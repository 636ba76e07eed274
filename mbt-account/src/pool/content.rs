//! What a pool shows of itself.

use alloc::collections::BTreeMap;

use mbt_crypto::Address;

use super::{Pool, queue::Pooled};
use crate::RecoveredTransaction;

/// One sender's transactions by nonce.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SenderContent {
    /// Those that can be mined next.
    pub pending: BTreeMap<u64, RecoveredTransaction>,
    /// Those that wait for an earlier nonce or for coin.
    pub queued: BTreeMap<u64, RecoveredTransaction>,
}

/// All transactions by sender and nonce.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PoolContent {
    /// Those that can be mined next.
    pub pending: BTreeMap<Address, BTreeMap<u64, RecoveredTransaction>>,
    /// Those that wait for an earlier nonce or for coin.
    pub queued: BTreeMap<Address, BTreeMap<u64, RecoveredTransaction>>,
}

impl Pool {
    /// Returns all transactions.
    #[must_use]
    pub fn content(&self) -> PoolContent {
        let mut content = PoolContent::default();
        for sender in self.queues.keys() {
            let SenderContent { pending, queued } = self.content_from(sender);
            if !pending.is_empty() {
                content.pending.insert(*sender, pending);
            }
            if !queued.is_empty() {
                content.queued.insert(*sender, queued);
            }
        }
        content
    }

    /// Returns one sender's transactions.
    #[must_use]
    pub fn content_from(&self, sender: &Address) -> SenderContent {
        let shown = |(nonce, entry): (u64, &Pooled)| (nonce, entry.transaction.clone());
        self.queues.get(sender).map_or_else(SenderContent::default, |queue| SenderContent {
            pending: queue.executable_entries().map(shown).collect(),
            queued: queue.queued_entries().map(shown).collect(),
        })
    }
}
