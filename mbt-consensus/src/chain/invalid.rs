//! Blocks whose work is good and whose content is not: remembered, so that none is executed twice.

use std::collections::{BTreeMap, VecDeque};

use mbt_trie::KeyValueStore;

use crate::{
    BlockId, Execute, ImportError, InvalidBody, SealedHeader,
    chain::{Chain, execution::Failure},
};

/// Most blocks remembered. Each cost its maker a block's work.
const INVALID_BLOCKS_MAX: usize = 1_024;

/// The last invalid blocks, in memory only: a node that was mended may find them valid.
#[derive(Debug, Default)]
pub(super) struct InvalidBlocks {
    order: VecDeque<BlockId>,
    blocks: BTreeMap<BlockId, SealedHeader>,
}

impl InvalidBlocks {
    pub(super) fn insert(&mut self, block: SealedHeader) {
        let id = block.id;
        if self.blocks.insert(id, block).is_some() {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > INVALID_BLOCKS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.blocks.remove(&oldest);
        }
    }

    pub(super) fn get(&self, id: &BlockId) -> Option<&SealedHeader> {
        self.blocks.get(id)
    }

    pub(super) fn contains(&self, id: &BlockId) -> bool {
        self.blocks.contains_key(id)
    }
}

impl<E: Execute, S: KeyValueStore> Chain<E, S> {
    /// Drops a block whose header commits to a body that no valid block has, and all that stands
    /// on it, so that its body is not wanted any more. A block that is not here, or whose good
    /// body is, stays as it is.
    pub fn mark_invalid(&mut self, proof: &InvalidBody) {
        let id = proof.id();
        if self.tree.get(&id).is_some_and(|entry| !entry.has_body()) {
            self.drop_invalid(&id);
        }
    }

    /// Remembers a block that is invalid, forgets all that stands on it, and names who is at
    /// fault.
    pub(super) fn fail(&mut self, culprit: &SealedHeader, failure: Failure) -> ImportError {
        match failure {
            Failure::State(error) => error.into(),
            Failure::Invalid(reason) => {
                self.invalid.insert(culprit.clone());
                self.drop_invalid(&culprit.id);
                reason.into()
            }
        }
    }

    fn drop_invalid(&mut self, id: &BlockId) {
        let removed = self.tree.remove(id);
        for block in &removed {
            self.invalid.insert(block.clone());
        }
        self.garbage.extend(removed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Header;

    fn block(number: u64) -> SealedHeader {
        let header = Header { number, ..Header::default() };
        SealedHeader { id: header.id(), header: header.into(), total_work: 0.into() }
    }

    #[test]
    fn the_oldest_is_forgotten_at_the_bound() {
        let blocks: Vec<_> = (0..).take(INVALID_BLOCKS_MAX + 1).map(block).collect();
        let mut invalid = InvalidBlocks::default();
        for block in &blocks {
            invalid.insert(block.clone());
            invalid.insert(block.clone());
        }
        assert!(!invalid.contains(&blocks[0].id));
        assert!(blocks[1..].iter().all(|block| invalid.contains(&block.id)));
        assert_eq!(invalid.order.len(), invalid.blocks.len());
    }
}
