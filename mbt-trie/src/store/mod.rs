//! What the state asks of a storage engine. Engines are plug-ins; the memory one is here, the
//! others live with the node.

mod batch;
#[cfg(feature = "std")]
mod buffer;
#[cfg(feature = "std")]
mod memory;
mod merge;
#[cfg(feature = "std")]
mod page;
mod stage;
#[cfg(feature = "testing")]
pub mod testing;

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::{fmt, ops::Bound};

pub use batch::WriteBatch;
#[cfg(feature = "std")]
pub use buffer::{BUFFER_BYTES, BufferSnapshot, WriteBuffer};
#[cfg(feature = "std")]
pub use memory::{MemorySnapshot, MemoryStore};
pub use stage::Stage;

/// A named group of keys: a table of the engine. Names are part of the format on disk.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Column(pub &'static str);

#[cfg(feature = "std")]
impl Column {
    /// Makes a column of a name that is known only when the program runs, as of a store that is
    /// copied. The name is kept for good, once: for few of them.
    #[must_use]
    pub fn named(name: &str) -> Self {
        use alloc::{collections::BTreeSet, string::String};
        use std::sync::{Mutex, PoisonError};
        static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
        let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = names.get(name) {
            return Self(name);
        }
        let name: &'static str = String::from(name).leak();
        names.insert(name);
        Self(name)
    }
}

/// When a batch must survive a crash of process and machine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Durability {
    /// With the next durable batch, or when the engine likes. After a crash the store holds a
    /// prefix of the batches that were written.
    Deferred,
    /// Before the write returns.
    Durable,
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
    /// What is stored under a key is not what was written.
    #[error("store is corrupt: {what} in column {} under key {}", column.0, Hex(key))]
    CorruptEntry {
        /// Where.
        column: Column,
        /// The key. Of a trie node it is the owner's address, if it has one, the length of the
        /// path and the path.
        key: Vec<u8>,
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

/// Shows bytes as hexadecimal digits.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Bounds on keys.
pub type KeyRange<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

/// Keys and values in order.
pub type Entries<'a> = Box<dyn Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>> + 'a>;

/// Read access to a store, to a snapshot of it, or to a [`Stage`](crate::Stage).
pub trait KeyValueRead: Send + Sync {
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

impl<R: KeyValueRead + ?Sized> KeyValueRead for &R {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        (**self).get(column, key)
    }

    fn multi_get(
        &self,
        column: Column,
        keys: &[&[u8]],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        (**self).multi_get(column, keys)
    }

    fn iterate(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        (**self).iterate(column, range)
    }

    fn iterate_back(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        (**self).iterate_back(column, range)
    }
}

impl<R: KeyValueRead + ?Sized> KeyValueRead for Arc<R> {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        (**self).get(column, key)
    }

    fn multi_get(
        &self,
        column: Column,
        keys: &[&[u8]],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        (**self).multi_get(column, keys)
    }

    fn iterate(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        (**self).iterate(column, range)
    }

    fn iterate_back(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        (**self).iterate_back(column, range)
    }
}

/// A storage engine: atomic batches, snapshots, ordered iteration. One writer, many readers.
pub trait KeyValueStore: KeyValueRead + fmt::Debug {
    /// The store as it was at one moment, whatever is written later.
    type Snapshot: KeyValueRead + 'static;

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

/// Which way a column is walked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Direction {
    Ascending,
    Descending,
}

/// Tells whether no key can lie in the range; ordered maps refuse to walk such a one.
fn is_empty_range(range: &KeyRange<'_>) -> bool {
    match range {
        (Bound::Included(start), Bound::Included(end)) => start > end,
        (
            Bound::Included(start) | Bound::Excluded(start),
            Bound::Included(end) | Bound::Excluded(end),
        ) => start >= end,
        _ => false,
    }
}
