//! Changes that are not written yet, laid over what is stored.

use alloc::vec::Vec;

use crate::{Column, Entries, KeyRange, KeyValueRead, StoreError, WriteBatch};

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

    /// Sets a key.
    pub fn put(&mut self, column: Column, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.batch.put(column, key, value);
    }

    /// Removes a key.
    pub fn delete(&mut self, column: Column, key: impl Into<Vec<u8>>) {
        self.batch.delete(column, key);
    }

    /// Returns the changes, to be written in one piece.
    #[must_use]
    pub fn into_batch(self) -> WriteBatch {
        self.batch
    }
}

impl<R: KeyValueRead> KeyValueRead for Stage<'_, R> {
    fn get(&self, _column: Column, _key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        todo!()
    }

    fn iterate(&self, _column: Column, _range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        todo!()
    }

    fn iterate_back(
        &self,
        _column: Column,
        _range: KeyRange<'_>,
    ) -> Result<Entries<'_>, StoreError> {
        todo!()
    }
}
