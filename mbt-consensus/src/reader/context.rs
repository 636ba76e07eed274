//! What a block's transactions see of the chain.

use std::sync::Arc;

use mbt_crypto::Address;
use mbt_trie::{KeyValueRead, StoreError};

use super::ChainSnapshot;
use crate::{
    Ancestors, BlockContext, BlockId, Header,
    rules::{next_base_fee, next_gas_limit},
};

impl<R: KeyValueRead> ChainSnapshot<R> {
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
