//! The engine that keeps everything in memory.

use alloc::{boxed::Box, collections::BTreeMap, sync::Arc, vec::Vec};
use core::ops::Bound;
use std::sync::{PoisonError, RwLock};

use rpds::RedBlackTreeMapSync;

use super::{
    Column, Direction, Durability, Entries, KeyRange, KeyValueRead, KeyValueStore, StoreError,
    WriteBatch, is_empty_range, page,
};

/// Columns of persistent maps: a clone costs a pointer each and shares all entries.
#[derive(Debug)]
pub(super) struct Columns<V>(BTreeMap<Column, RedBlackTreeMapSync<Box<[u8]>, V>>);

impl<V> Clone for Columns<V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<V> Default for Columns<V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<V> Columns<V> {
    pub(super) fn get(&self, column: Column, key: &[u8]) -> Option<&V> {
        self.0.get(&column)?.get(key)
    }

    pub(super) fn insert(&mut self, column: Column, key: &[u8], value: V) {
        let map = self.0.entry(column).or_insert_with(RedBlackTreeMapSync::new_sync);
        map.insert_mut(key.into(), value);
    }

    fn remove(&mut self, column: Column, key: &[u8]) {
        if let Some(map) = self.0.get_mut(&column) {
            map.remove_mut(key);
        }
    }

    pub(super) fn range(
        &self,
        column: Column,
        range: KeyRange<'_>,
    ) -> impl DoubleEndedIterator<Item = (&[u8], &V)> + use<'_, V> {
        let map = self.0.get(&column).filter(|_| !is_empty_range(&range));
        let range: (Bound<Box<[u8]>>, _) = (range.0.map(Box::from), range.1.map(Box::from));
        map.map(|map| map.range::<Box<[u8]>, _>(range))
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.as_ref(), value))
    }

    fn names(&self) -> Vec<Column> {
        self.0.keys().copied().collect()
    }

    /// Visits all entries by column and key.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Column, &[u8], &V)> {
        self.0
            .iter()
            .flat_map(|(column, map)| map.iter().map(|(key, value)| (*column, key.as_ref(), value)))
    }
}

/// Keeps everything in memory, and nothing after the process. Clones share their content; a
/// snapshot costs the copy of a pointer.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Arc<RwLock<MemorySnapshot>>);

impl MemoryStore {
    /// Makes an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the columns that were ever written to.
    #[must_use]
    pub fn columns(&self) -> Vec<Column> {
        self.now().0.names()
    }

    fn now(&self) -> MemorySnapshot {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl KeyValueRead for MemoryStore {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(column, key)
    }

    fn iterate(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        page::walk(self.now(), column, range, Direction::Ascending)
    }

    fn iterate_back(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        page::walk(self.now(), column, range, Direction::Descending)
    }
}

impl KeyValueStore for MemoryStore {
    type Snapshot = MemorySnapshot;

    fn snapshot(&self) -> Result<MemorySnapshot, StoreError> {
        Ok(self.now())
    }

    fn write(&self, batch: &WriteBatch, _durability: Durability) -> Result<(), StoreError> {
        let mut content = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let columns = Arc::make_mut(&mut content.0);
        for (column, key, value) in batch.iter() {
            match value {
                Some(value) => columns.insert(column, key, value.into()),
                None => columns.remove(column, key),
            }
        }
        Ok(())
    }
}

/// A [`MemoryStore`] at one moment.
#[derive(Clone, Debug, Default)]
pub struct MemorySnapshot(Arc<Columns<Box<[u8]>>>);

impl KeyValueRead for MemorySnapshot {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.get(column, key).map(|value| value.to_vec()))
    }

    fn iterate(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        Ok(Box::new(self.0.range(column, range).map(copy)))
    }

    fn iterate_back(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        Ok(Box::new(self.0.range(column, range).rev().map(copy)))
    }
}

#[expect(clippy::unnecessary_wraps, reason = "entries of other engines can fail")]
fn copy<V: AsRef<[u8]>>((key, value): (&[u8], &V)) -> Result<(Vec<u8>, Vec<u8>), StoreError> {
    Ok((key.to_vec(), value.as_ref().to_vec()))
}
