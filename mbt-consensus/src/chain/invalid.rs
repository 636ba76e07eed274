//! Blocks whose work is good and whose content is not: remembered, so that none is executed twice.

use std::collections::{BTreeSet, VecDeque};

use crate::BlockId;

/// Most blocks remembered. Each cost its maker a block's work.
const INVALID_BLOCKS_MAX: usize = 1_024;

/// The last invalid blocks.
#[derive(Debug, Default)]
pub(super) struct InvalidBlocks {
    order: VecDeque<BlockId>,
    ids: BTreeSet<BlockId>,
}

impl InvalidBlocks {
    pub(super) fn insert(&mut self, id: BlockId) {
        if !self.ids.insert(id) {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > INVALID_BLOCKS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }

    pub(super) fn contains(&self, id: &BlockId) -> bool {
        self.ids.contains(id)
    }
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking"
)]
mod tests {
    use mbt_crypto::keccak256;

    use super::*;

    #[test]
    fn the_oldest_is_forgotten_at_the_bound() {
        let ids: Vec<_> =
            (0..=INVALID_BLOCKS_MAX).map(|n| BlockId(keccak256(n.to_be_bytes()))).collect();
        let mut invalid = InvalidBlocks::default();
        for id in &ids {
            invalid.insert(*id);
            invalid.insert(*id);
        }
        assert!(!invalid.contains(&ids[0]));
        assert!(ids[1..].iter().all(|id| invalid.contains(id)));
        assert_eq!(invalid.order.len(), invalid.ids.len());
    }
}
