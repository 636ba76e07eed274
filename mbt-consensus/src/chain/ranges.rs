//! The Merkle mountain ranges that end in recent blocks.

use std::collections::{BTreeMap, VecDeque};

use mbt_trie::{KeyValueRead, StoreError};

use crate::{
    BlockId, SealedHeader,
    chain::{Ancestry, tree::Tree},
    rules::ancestors::Range,
    table,
};

/// Ranges kept: enough for the branches that grow at a time.
const RANGES_MAX: usize = 32;

/// A cache of ranges. What falls out of it is read back from the store.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    order: VecDeque<BlockId>,
    ranges: BTreeMap<BlockId, Range>,
}

impl Ranges {
    /// Returns the range over all blocks up to and with `last`.
    pub(super) fn up_to(
        &mut self,
        tree: &Tree,
        store: &impl KeyValueRead,
        last: &SealedHeader,
    ) -> Result<&Range, StoreError> {
        if !self.ranges.contains_key(&last.id) {
            let ancestry = Ancestry { tree, store, tip: last.id, number: last.number };
            let range = Range::restore(last.number, |number, level| {
                let id = ancestry.id_at_or_below(number)?;
                store.get(table::ANCESTORS, &table::ancestor_key(number, &id, level))
            })?;
            self.keep(last.id, range);
        }
        self.ranges.get(&last.id).ok_or(Range::MISSING)
    }

    /// Keeps a range that ends in a block.
    pub(super) fn keep(&mut self, last: BlockId, range: Range) {
        if self.ranges.insert(last, range).is_none() {
            self.order.push_back(last);
        }
        if self.order.len() > RANGES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.ranges.remove(&oldest);
        }
    }
}
