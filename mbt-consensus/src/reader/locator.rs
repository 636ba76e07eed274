//! Finding the last block that two chains share.

use mbt_trie::{KeyValueRead, StoreError};

use super::ChainSnapshot;
use crate::{BlockId, SealedHeader, table};

/// Most entries of a locator that are looked at.
pub const LOCATOR_MAX: usize = 64;

impl<R: KeyValueRead> ChainSnapshot<R> {
    /// Returns ids for a peer to find the last block that both have: the head's and the ten below,
    /// then ever sparser, then genesis.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn locator(&self) -> Result<Vec<BlockId>, StoreError> {
        let mut ids = Vec::new();
        for number in locator_numbers(self.head.number) {
            ids.extend(self.id_at(number)?);
        }
        Ok(ids)
    }

    /// Returns the headers behind the first id of `locator` that is on the chain, at most `max`.
    /// None of the first 64 on the chain: from genesis.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn headers_after(
        &self,
        locator: &[BlockId],
        max: usize,
    ) -> Result<Vec<SealedHeader>, StoreError> {
        let mut from = 0;
        for id in locator.iter().take(LOCATOR_MAX) {
            if self.is_canonical(id)? {
                from = table::number_of(&self.read, id)?.unwrap_or(0);
                break;
            }
        }
        let mut headers = Vec::new();
        let mut number = from.saturating_add(1);
        while headers.len() < max && number <= self.head.number {
            headers.extend(self.header_at(number)?);
            number = number.saturating_add(1);
        }
        Ok(headers)
    }
}

/// Numbers of a locator from `number` down: eleven dense, then each step twice the last, then 0.
pub(crate) fn locator_numbers(number: u64) -> Vec<u64> {
    let (mut numbers, mut next, mut step) = (Vec::new(), number, 1_u64);
    while next > 0 {
        numbers.push(next);
        if numbers.len() > 10 {
            step = step.saturating_mul(2);
        }
        next = next.saturating_sub(step);
    }
    numbers.push(0);
    numbers
}
