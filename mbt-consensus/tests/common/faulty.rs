//! A store that remembers its batches and fails when told.

use std::sync::{Arc, Mutex};

use mbt_trie::{
    Column, Durability, Entries, KeyRange, KeyValueRead, KeyValueStore, MemoryStore, StoreError,
    WriteBatch,
};

#[derive(Clone, Debug, Default)]
pub struct FaultyStore {
    pub inner: MemoryStore,
    pub batches: Arc<Mutex<Vec<WriteBatch>>>,
    /// Writes that succeed before one fails; none fails without a number.
    pub fail_after: Arc<Mutex<Option<usize>>>,
}

impl FaultyStore {
    /// A store after a crash that lost all but the first `count` batches.
    pub fn after_crash(batches: &[WriteBatch]) -> MemoryStore {
        let store = MemoryStore::default();
        for batch in batches {
            store.write(batch, Durability::Durable).unwrap();
        }
        store
    }
}

impl KeyValueRead for FaultyStore {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.get(column, key)
    }

    fn iterate(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        self.inner.iterate(column, range)
    }

    fn iterate_back(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        self.inner.iterate_back(column, range)
    }
}

impl KeyValueStore for FaultyStore {
    type Snapshot = <MemoryStore as KeyValueStore>::Snapshot;

    fn snapshot(&self) -> Result<Self::Snapshot, StoreError> {
        self.inner.snapshot()
    }

    fn write(&self, batch: &WriteBatch, durability: Durability) -> Result<(), StoreError> {
        let mut fail_after = self.fail_after.lock().unwrap();
        if let Some(left) = fail_after.as_mut() {
            if *left == 0 {
                *fail_after = None;
                let source = Arc::new(std::io::Error::other("disk on fire"));
                return Err(StoreError::Engine { operation: "write", source });
            }
            *left -= 1;
        }
        self.batches.lock().unwrap().push(batch.clone());
        self.inner.write(batch, durability)
    }
}
