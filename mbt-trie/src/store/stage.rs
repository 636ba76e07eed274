//! Changes that are not written yet, laid over what is stored.

use alloc::vec::Vec;

use super::{
    Column, Direction, Entries, KeyRange, KeyValueRead, StoreError, WriteBatch, merge::merge,
};

/// A reader's base with changes on top. Reads see the changes; the base does not. Dropping it
/// forgets them, so an operation that fails half-way changes nothing.
#[derive(Debug)]
pub struct Stage<'a, R> {
    base: &'a R,
    batch: WriteBatch,
}

impl<'a, R: KeyValueRead> Stage<'a, R> {
    /// Lays an empty stage over `base`.
    pub const fn new(base: &'a R) -> Self {
        Self { base, batch: WriteBatch::new() }
    }

    /// As [`Stage::new`], where it reads better.
    pub const fn over(base: &'a R) -> Self {
        Self::new(base)
    }

    /// Lays changes that were made earlier over `base`.
    pub const fn with_batch(base: &'a R, batch: WriteBatch) -> Self {
        Self { base, batch }
    }

    /// Sets a key.
    pub fn put(&mut self, column: Column, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.batch.put(column, key, value);
    }

    /// Removes a key.
    pub fn delete(&mut self, column: Column, key: impl Into<Vec<u8>>) {
        self.batch.delete(column, key);
    }

    /// Makes the changes of a batch.
    pub fn apply(&mut self, batch: WriteBatch) {
        self.batch.extend(batch);
    }

    /// Returns the changes.
    #[must_use]
    pub const fn batch(&self) -> &WriteBatch {
        &self.batch
    }

    /// Returns the changes, for more of them.
    pub const fn batch_mut(&mut self) -> &mut WriteBatch {
        &mut self.batch
    }

    /// Returns the changes, to be written in one piece.
    #[must_use]
    pub fn into_batch(self) -> WriteBatch {
        self.batch
    }
}

impl<R: KeyValueRead> KeyValueRead for Stage<'_, R> {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.batch.change(column, key) {
            Some(value) => Ok(value.map(<[u8]>::to_vec)),
            None => self.base.get(column, key),
        }
    }

    fn iterate(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        let changes = self.batch.range(column, range);
        Ok(merge(self.base.iterate(column, range)?, changes, Direction::Ascending))
    }

    fn iterate_back(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        let changes = self.batch.range(column, range).rev();
        Ok(merge(self.base.iterate_back(column, range)?, changes, Direction::Descending))
    }
}
