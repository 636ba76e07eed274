//! What this node has to tell its peers: its users' transactions, and blocks.

use std::collections::{BTreeSet, VecDeque};

use mbt_account::RecoveredTransaction;
use mbt_consensus::BlockId;

use super::gossip::TransactionBundle;
use crate::node::NodeHandle;

/// Most transactions that wait to be sent. The rest is found in the pool by peers that ask.
const TRANSACTIONS_WAITING_MAX: usize = 32_768;

/// Most bundles sent at once.
const BUNDLES_AT_ONCE: usize = 16;

/// Most announced blocks remembered.
const ANNOUNCED_MAX: usize = 256;

/// Transactions that wait to be sent, and blocks that were.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<RecoveredTransaction>,
    announced: BTreeSet<BlockId>,
    announced_order: VecDeque<BlockId>,
}

impl Outbox {
    pub(super) fn add(&mut self, transaction: RecoveredTransaction) {
        if self.waiting.len() < TRANSACTIONS_WAITING_MAX {
            self.waiting.push_back(transaction);
        }
    }

    /// Takes the bundles to send now.
    pub(super) fn bundles(&mut self) -> Vec<TransactionBundle> {
        let most = BUNDLES_AT_ONCE.saturating_mul(super::BUNDLE_MAX).min(self.waiting.len());
        TransactionBundle::pack(self.waiting.drain(..most))
    }

    /// Notes that a block is known to the peers. Tells whether it was not before.
    pub(super) fn announce(&mut self, id: BlockId) -> bool {
        let new = self.announced.insert(id);
        if new {
            self.announced_order.push_back(id);
        }
        if self.announced_order.len() > ANNOUNCED_MAX
            && let Some(oldest) = self.announced_order.pop_front()
        {
            self.announced.remove(&oldest);
        }
        new
    }
}

/// Returns the pool's transactions that can be executed, at most `max`.
pub(super) fn pending(node: &NodeHandle, max: usize) -> Vec<RecoveredTransaction> {
    node.pool().lock().pending().take(max).cloned().collect()
}
