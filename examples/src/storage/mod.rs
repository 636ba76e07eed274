//! Where a node keeps its chain: engines behind [`KeyValueStore`], chosen by the configuration, and
//! the folder they live in.

mod folder;
mod redb_engine;

use std::{path::Path, sync::Arc};

use mbt_trie::{
    Column, Durability, Entries, KeyRange, KeyValueRead, KeyValueStore, MemoryStore, StoreError,
    WriteBatch, WriteBuffer,
};

pub use folder::{DataFolder, FolderError};
pub use redb_engine::{RedbSnapshot, RedbStore, TableSize};

/// A store of whichever engine. Clones share it.
#[derive(Clone, Debug)]
pub enum Store {
    /// Kept in memory, gone with the process.
    Memory(MemoryStore),
    /// One file, through a buffer for deferred batches.
    Redb(Arc<WriteBuffer<RedbStore>>),
}

/// A snapshot of a [`Store`].
#[derive(Debug)]
pub enum StoreSnapshot {
    /// Of memory.
    Memory(<MemoryStore as KeyValueStore>::Snapshot),
    /// Of a file and its buffer.
    Redb(<WriteBuffer<RedbStore> as KeyValueStore>::Snapshot),
}

impl Store {
    /// Makes an empty store in memory.
    #[must_use]
    pub fn memory() -> Self {
        Self::Memory(MemoryStore::default())
    }

    /// Opens the file at `path`, making it when it is absent.
    ///
    /// # Errors
    /// [`StoreError`]: it cannot be read, or is not such a file.
    pub fn redb(path: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        let engine = RedbStore::open(path, cache_bytes)?;
        Ok(Self::Redb(Arc::new(WriteBuffer::new(engine)?)))
    }
}

impl KeyValueRead for Store {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self {
            Self::Memory(store) => store.get(column, key),
            Self::Redb(store) => store.get(column, key),
        }
    }

    fn multi_get(
        &self,
        column: Column,
        keys: &[&[u8]],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        match self {
            Self::Memory(store) => store.multi_get(column, keys),
            Self::Redb(store) => store.multi_get(column, keys),
        }
    }

    fn iterate(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        match self {
            Self::Memory(store) => store.iterate(column, range),
            Self::Redb(store) => store.iterate(column, range),
        }
    }

    fn iterate_back(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        match self {
            Self::Memory(store) => store.iterate_back(column, range),
            Self::Redb(store) => store.iterate_back(column, range),
        }
    }
}

impl KeyValueStore for Store {
    type Snapshot = StoreSnapshot;

    fn snapshot(&self) -> Result<StoreSnapshot, StoreError> {
        match self {
            Self::Memory(store) => store.snapshot().map(StoreSnapshot::Memory),
            Self::Redb(store) => store.snapshot().map(StoreSnapshot::Redb),
        }
    }

    fn write(&self, batch: &WriteBatch, durability: Durability) -> Result<(), StoreError> {
        match self {
            Self::Memory(store) => store.write(batch, durability),
            Self::Redb(store) => store.write(batch, durability),
        }
    }
}

impl KeyValueRead for StoreSnapshot {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self {
            Self::Memory(snapshot) => snapshot.get(column, key),
            Self::Redb(snapshot) => snapshot.get(column, key),
        }
    }

    fn multi_get(
        &self,
        column: Column,
        keys: &[&[u8]],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        match self {
            Self::Memory(snapshot) => snapshot.multi_get(column, keys),
            Self::Redb(snapshot) => snapshot.multi_get(column, keys),
        }
    }

    fn iterate(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        match self {
            Self::Memory(snapshot) => snapshot.iterate(column, range),
            Self::Redb(snapshot) => snapshot.iterate(column, range),
        }
    }

    fn iterate_back(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        match self {
            Self::Memory(snapshot) => snapshot.iterate_back(column, range),
            Self::Redb(snapshot) => snapshot.iterate_back(column, range),
        }
    }
}
