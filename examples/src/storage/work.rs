//! Work on a whole store that a crash may interrupt: until it is done, the store is nobody's chain.

use mbt_trie::{Column, Durability, KeyValueRead, KeyValueStore, StoreError, WriteBatch};

use super::StorageEngine;

const WORK: Column = Column("store-work");
const UNFINISHED: &[u8] = b"unfinished";

/// Bytes of one batch, about.
const BATCH_BYTES: usize = 4 << 20;

/// Returns what was begun and not finished.
///
/// # Errors
/// [`StoreError`].
pub fn unfinished(read: &impl KeyValueRead) -> Result<Option<String>, StoreError> {
    let text = read.get(WORK, UNFINISHED)?;
    Ok(text.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Tells whether nothing is stored.
///
/// # Errors
/// [`StoreError`].
pub fn is_empty(store: &impl StorageEngine) -> Result<bool, StoreError> {
    for column in store.columns()? {
        if store.iterate(column, ALL)?.next().transpose()?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Notes that something is begun.
pub(super) fn begin(store: &impl KeyValueStore, what: &str) -> Result<(), StoreError> {
    let mut batch = WriteBatch::new();
    batch.put(WORK, UNFINISHED, what);
    store.write(&batch, Durability::Durable)
}

/// Notes that everything is done, in the batch that makes it so.
pub(super) fn end(batch: &mut WriteBatch) {
    batch.delete(WORK, UNFINISHED);
}

/// Tells whether a column is the store's own.
pub(super) fn is_own(column: Column) -> bool {
    column == WORK
}

/// Every key.
pub(super) const ALL: mbt_trie::KeyRange<'static> =
    (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded);

/// Removes everything but the note of what was begun.
pub(super) fn clear(store: &impl StorageEngine) -> Result<(), StoreError> {
    for column in store.columns()?.into_iter().filter(|column| !is_own(*column)) {
        let mut writer = Batches::new(store);
        for entry in store.iterate(column, ALL)? {
            writer.delete(column, entry?.0)?;
        }
        writer.flush()?;
    }
    Ok(())
}

/// Writes changes in batches of bounded size.
pub(super) struct Batches<'a, S> {
    store: &'a S,
    batch: WriteBatch,
    bytes: usize,
}

impl<'a, S: KeyValueStore> Batches<'a, S> {
    pub(super) const fn new(store: &'a S) -> Self {
        Self { store, batch: WriteBatch::new(), bytes: 0 }
    }

    pub(super) fn put(
        &mut self,
        column: Column,
        key: Vec<u8>,
        value: Vec<u8>,
    ) -> Result<(), StoreError> {
        self.bytes = self.bytes.saturating_add(key.len()).saturating_add(value.len());
        self.batch.put(column, key, value);
        self.flush_if_full()
    }

    pub(super) fn delete(&mut self, column: Column, key: Vec<u8>) -> Result<(), StoreError> {
        self.bytes = self.bytes.saturating_add(key.len());
        self.batch.delete(column, key);
        self.flush_if_full()
    }

    fn flush_if_full(&mut self) -> Result<(), StoreError> {
        if self.bytes < BATCH_BYTES { Ok(()) } else { self.flush() }
    }

    pub(super) fn flush(&mut self) -> Result<(), StoreError> {
        self.bytes = 0;
        self.store.write(&std::mem::take(&mut self.batch), Durability::Deferred)
    }
}
