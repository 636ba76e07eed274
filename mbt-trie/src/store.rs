//! What the state asks of a storage engine. Engines are plug-ins; the memory one is here, the
//! others live with the node.

use alloc::{boxed::Box, collections::BTreeMap, sync::Arc, vec::Vec};
use core::{fmt, ops::Bound};

/// A named group of keys: a table of the engine. Names are part of the format on disk.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Column(pub &'static str);

/// When a batch must survive a crash of process and machine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Durability {
    /// With the next durable batch, or when the engine likes. After a crash the store holds a
    /// prefix of the batches that were written.
    Deferred,
    /// Before the write returns.
    Durable,
}

/// Changes that are applied all or none. Later changes of a key replace earlier ones.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct WriteBatch(BTreeMap<(Column, Vec<u8>), Option<Vec<u8>>>);

impl WriteBatch {
    /// Makes an empty batch.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Sets a key.
    pub fn put(&mut self, column: Column, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.0.insert((column, key.into()), Some(value.into()));
    }

    /// Removes a key; one that is absent stays absent.
    pub fn delete(&mut self, column: Column, key: impl Into<Vec<u8>>) {
        self.0.insert((column, key.into()), None);
    }

    /// Tells whether nothing is changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the number of keys changed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Visits the changes by column and key: a value is set, `None` is removed.
    pub fn iter(&self) -> impl Iterator<Item = (Column, &[u8], Option<&[u8]>)> {
        self.0.iter().map(|((column, key), value)| (*column, key.as_slice(), value.as_deref()))
    }
}

/// Why a store did not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// What is stored is not what was written.
    #[error("store is corrupt: {what} in column {}", column.0)]
    Corrupt {
        /// Where.
        column: Column,
        /// What was found.
        what: &'static str,
    },
    /// The engine failed.
    #[error("storage engine failed to {operation}: {source}")]
    Engine {
        /// What was asked of it.
        operation: &'static str,
        /// Its own words.
        source: Arc<dyn core::error::Error + Send + Sync>,
    },
}

/// Bounds on keys.
pub type KeyRange<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

/// Keys and values in order.
pub type Entries<'a> = Box<dyn Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>> + 'a>;

/// Read access to a store, to a snapshot of it, or to a [`Stage`](crate::Stage).
pub trait KeyValueRead {
    /// Returns the value of a key.
    ///
    /// # Errors
    /// [`StoreError`]: the engine failed.
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Returns the values of many keys, in their order.
    ///
    /// # Errors
    /// [`StoreError`]: the engine failed.
    fn multi_get(
        &self,
        column: Column,
        keys: &[&[u8]],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        keys.iter().map(|key| self.get(column, key)).collect()
    }

    /// Visits entries by ascending key.
    ///
    /// # Errors
    /// [`StoreError`]: the engine failed.
    fn iterate(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError>;

    /// Visits entries by descending key.
    ///
    /// # Errors
    /// [`StoreError`]: the engine failed.
    fn iterate_back(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError>;
}

/// A storage engine: atomic batches, snapshots, ordered iteration. One writer, many readers.
pub trait KeyValueStore: KeyValueRead + fmt::Debug + Send + Sync {
    /// The store as it was at one moment, whatever is written later.
    type Snapshot: KeyValueRead + Send + Sync + 'static;

    /// Takes a snapshot: cheap, and never blocked by a writer for long.
    ///
    /// # Errors
    /// [`StoreError`]: the engine failed.
    fn snapshot(&self) -> Result<Self::Snapshot, StoreError>;

    /// Applies a batch, all or none.
    ///
    /// # Errors
    /// [`StoreError`]: the engine failed, and nothing was applied.
    fn write(&self, batch: &WriteBatch, durability: Durability) -> Result<(), StoreError>;
}
