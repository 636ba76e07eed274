//! What every engine has.

use std::{error::Error, sync::Arc};

use mbt_trie::{Column, KeyRange, KeyValueStore, MemoryStore, StoreError, WriteBuffer};

/// What the node kit asks of an engine on top of [`KeyValueStore`].
pub trait StorageEngine: KeyValueStore {
    /// Returns the columns that were ever written to.
    ///
    /// # Errors
    /// [`StoreError`].
    fn columns(&self) -> Result<Vec<Column>, StoreError>;

    /// Returns the bytes that a column occupies on disk; none where an engine cannot tell.
    ///
    /// # Errors
    /// [`StoreError`].
    fn column_bytes(&self, column: Column) -> Result<Option<u64>, StoreError>;

    /// Returns the bytes that everything occupies on disk; none in memory.
    ///
    /// # Errors
    /// [`StoreError`].
    fn disk_bytes(&self) -> Result<Option<u64>, StoreError>;
}

impl StorageEngine for MemoryStore {
    fn columns(&self) -> Result<Vec<Column>, StoreError> {
        Ok(Self::columns(self))
    }

    fn column_bytes(&self, _column: Column) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }

    fn disk_bytes(&self) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }
}

/// What is held back goes to the engine first, so that it counts.
impl<S: StorageEngine> StorageEngine for WriteBuffer<S> {
    fn columns(&self) -> Result<Vec<Column>, StoreError> {
        self.flush()?;
        self.engine().columns()
    }

    fn column_bytes(&self, column: Column) -> Result<Option<u64>, StoreError> {
        self.flush()?;
        self.engine().column_bytes(column)
    }

    fn disk_bytes(&self) -> Result<Option<u64>, StoreError> {
        self.flush()?;
        self.engine().disk_bytes()
    }
}

/// Says what an engine was asked when it failed.
pub(super) fn failed<E: Error + Send + Sync + 'static>(
    operation: &'static str,
) -> impl FnOnce(E) -> StoreError {
    move |error| StoreError::Engine { operation, source: Arc::new(error) }
}

/// Tells whether no key can lie in the range; engines refuse ranges that end before they begin.
pub(super) fn is_empty((start, end): KeyRange<'_>) -> bool {
    use std::ops::Bound::{Excluded, Included, Unbounded};
    match (start, end) {
        (Unbounded, _) | (_, Unbounded) => false,
        (Included(start), Included(end)) => start > end,
        (Included(start) | Excluded(start), Included(end) | Excluded(end)) => start >= end,
    }
}
