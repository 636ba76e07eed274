//! A store of whichever engine.

use std::{fmt, sync::Arc};

use mbt_trie::{
    Column, Durability, Entries, KeyRange, KeyValueRead, KeyValueStore, MemoryStore, StoreError,
    WriteBatch, WriteBuffer,
};

use super::{FjallStore, Location, PostgresStore, RedbStore, StorageEngine};

/// An engine whose snapshots are all of one type.
trait AnyEngine: StorageEngine<Snapshot = StoreSnapshot> {}

impl<S: StorageEngine<Snapshot = StoreSnapshot>> AnyEngine for S {}

/// A snapshot of a [`Store`].
pub struct StoreSnapshot(Box<dyn KeyValueRead>);

/// An engine behind a type that all share.
struct Erased<S>(S);

/// A store of whichever engine. Clones share it.
#[derive(Clone)]
pub struct Store(Arc<dyn AnyEngine>);

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<S: fmt::Debug> fmt::Debug for Erased<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for StoreSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreSnapshot").finish_non_exhaustive()
    }
}

impl Store {
    /// Puts an engine behind this type.
    pub fn new(engine: impl StorageEngine + 'static) -> Self {
        Self(Arc::new(Erased(engine)))
    }

    /// Puts an engine behind a buffer for deferred batches.
    ///
    /// # Errors
    /// [`StoreError`]: the engine has no snapshot to give.
    pub fn buffered(engine: impl StorageEngine + 'static) -> Result<Self, StoreError> {
        Ok(Self::new(WriteBuffer::new(engine)?))
    }

    /// Makes an empty store in memory.
    #[must_use]
    pub fn memory() -> Self {
        Self::new(MemoryStore::new())
    }

    /// Opens a store, making it when it is absent. All but the one in memory hold deferred batches
    /// back in a buffer.
    ///
    /// # Errors
    /// [`StoreError`]: it cannot be read, is something else, or another process uses it.
    pub fn open(location: &Location) -> Result<Self, StoreError> {
        match location {
            Location::Memory => Ok(Self::memory()),
            Location::Redb { file, cache_bytes } => {
                Self::buffered(RedbStore::open(file, *cache_bytes)?)
            }
            Location::Fjall { folder, cache_bytes } => {
                Self::buffered(FjallStore::open(folder, *cache_bytes)?)
            }
            Location::PostgreSql(settings) => Self::buffered(PostgresStore::open(settings)?),
        }
    }
}

/// Passes reads on to the field that is named.
macro_rules! read_through {
    ($type:ty, $($generics:tt)*) => {
        impl<$($generics)*> KeyValueRead for $type {
            fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
                self.0.get(column, key)
            }

            fn multi_get(
                &self,
                column: Column,
                keys: &[&[u8]],
            ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
                self.0.multi_get(column, keys)
            }

            fn iterate(
                &self,
                column: Column,
                range: KeyRange<'_>,
            ) -> Result<Entries<'_>, StoreError> {
                self.0.iterate(column, range)
            }

            fn iterate_back(
                &self,
                column: Column,
                range: KeyRange<'_>,
            ) -> Result<Entries<'_>, StoreError> {
                self.0.iterate_back(column, range)
            }
        }
    };
}

read_through!(Store,);
read_through!(StoreSnapshot,);
read_through!(Erased<S>, S: KeyValueRead);

impl<S: KeyValueStore> KeyValueStore for Erased<S> {
    type Snapshot = StoreSnapshot;

    fn snapshot(&self) -> Result<StoreSnapshot, StoreError> {
        Ok(StoreSnapshot(Box::new(self.0.snapshot()?)))
    }

    fn write(&self, batch: &WriteBatch, durability: Durability) -> Result<(), StoreError> {
        self.0.write(batch, durability)
    }
}

impl KeyValueStore for Store {
    type Snapshot = StoreSnapshot;

    fn snapshot(&self) -> Result<StoreSnapshot, StoreError> {
        self.0.snapshot()
    }

    fn write(&self, batch: &WriteBatch, durability: Durability) -> Result<(), StoreError> {
        self.0.write(batch, durability)
    }
}

impl<S: StorageEngine> StorageEngine for Erased<S> {
    fn columns(&self) -> Result<Vec<Column>, StoreError> {
        self.0.columns()
    }

    fn column_bytes(&self, column: Column) -> Result<Option<u64>, StoreError> {
        self.0.column_bytes(column)
    }

    fn disk_bytes(&self) -> Result<Option<u64>, StoreError> {
        self.0.disk_bytes()
    }
}

impl StorageEngine for Store {
    fn columns(&self) -> Result<Vec<Column>, StoreError> {
        self.0.columns()
    }

    fn column_bytes(&self, column: Column) -> Result<Option<u64>, StoreError> {
        self.0.column_bytes(column)
    }

    fn disk_bytes(&self) -> Result<Option<u64>, StoreError> {
        self.0.disk_bytes()
    }
}
