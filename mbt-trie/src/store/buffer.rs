//! A buffer in front of an engine, so that small batches cost no write each.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::fmt;
use std::sync::{Mutex, PoisonError, RwLock};

use super::{
    Column, Direction, Durability, Entries, KeyRange, KeyValueRead, KeyValueStore, StoreError,
    WriteBatch, memory::Columns, merge::merge, page,
};

/// Bytes that a [`WriteBuffer`] holds back unless told otherwise.
pub const BUFFER_BYTES: usize = 32 << 20;

/// Counted for an entry on top of its key and value.
const ENTRY_BYTES: usize = 160;

/// Holds deferred batches in memory and hands them to the engine in one durable write: at the next
/// durable batch, at a bound on bytes, or at [`WriteBuffer::flush`].
///
/// Reads and snapshots see what is held back. After a crash the engine holds a prefix of the
/// batches written. When the engine fails, the batch at hand is refused and what was held back
/// stays. Nothing is flushed on drop, because nobody could be told of a failure. The buffer must be
/// the engine's only writer.
pub struct WriteBuffer<S: KeyValueStore> {
    engine: S,
    bytes_max: usize,
    /// Held while writing, so that there is one writer at a time and readers do not wait for it.
    writer: Mutex<()>,
    now: RwLock<BufferSnapshot<S::Snapshot>>,
}

/// A [`WriteBuffer`] at one moment: the engine's snapshot and the changes held back on top of it.
pub struct BufferSnapshot<R> {
    base: Arc<R>,
    pending: Arc<Pending>,
}

#[derive(Clone, Debug, Default)]
struct Pending {
    changes: Columns<Option<Box<[u8]>>>,
    bytes: usize,
}

impl Pending {
    fn apply(&mut self, batch: &WriteBatch) {
        for (column, key, value) in batch.iter() {
            let length = |value: &[u8]| value.len();
            let added = value.map_or(0, length);
            match self.changes.get(column, key) {
                Some(old) => {
                    self.bytes = self.bytes.saturating_sub(old.as_deref().map_or(0, length));
                }
                None => self.bytes = self.bytes.saturating_add(key.len() + ENTRY_BYTES),
            }
            self.bytes = self.bytes.saturating_add(added);
            self.changes.insert(column, key, value.map(Box::from));
        }
    }

    fn to_batch(&self) -> WriteBatch {
        let mut batch = WriteBatch::new();
        for (column, key, value) in self.changes.iter() {
            match value {
                Some(value) => batch.put(column, key, value.to_vec()),
                None => batch.delete(column, key),
            }
        }
        batch
    }
}

impl<S: KeyValueStore> WriteBuffer<S> {
    /// Puts a buffer of [`BUFFER_BYTES`] in front of `engine`.
    ///
    /// # Errors
    /// [`StoreError`]: the engine has no snapshot to give.
    pub fn new(engine: S) -> Result<Self, StoreError> {
        Self::with_bytes_max(engine, BUFFER_BYTES)
    }

    /// Puts a buffer of `bytes_max` in front of `engine`. With 0 every batch goes through.
    ///
    /// # Errors
    /// As [`WriteBuffer::new`].
    pub fn with_bytes_max(engine: S, bytes_max: usize) -> Result<Self, StoreError> {
        let base = Arc::new(engine.snapshot()?);
        let now = RwLock::new(BufferSnapshot { base, pending: Arc::default() });
        Ok(Self { engine, bytes_max, writer: Mutex::new(()), now })
    }

    /// Returns the engine.
    pub const fn engine(&self) -> &S {
        &self.engine
    }

    /// Returns about how many bytes are held back.
    pub fn pending_bytes(&self) -> usize {
        self.read().pending.bytes
    }

    /// Hands everything that is held back to the engine, durably.
    ///
    /// # Errors
    /// [`StoreError`]: the engine failed, and everything is still held back.
    pub fn flush(&self) -> Result<(), StoreError> {
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let pending = self.read().pending;
        if pending.bytes == 0 {
            return Ok(());
        }
        self.engine.write(&pending.to_batch(), Durability::Durable)?;
        self.rebase(pending);
        Ok(())
    }

    fn read(&self) -> BufferSnapshot<S::Snapshot> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows readers the engine as it is after `written` went to it. Without a snapshot of that,
    /// the old one with `written` on top reads the same.
    fn rebase(&self, written: Arc<Pending>) {
        let fresh = self.engine.snapshot().map(Arc::new);
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        *now = match fresh {
            Ok(base) => BufferSnapshot { base, pending: Arc::default() },
            Err(_) => BufferSnapshot { base: Arc::clone(&now.base), pending: written },
        };
    }
}

impl<S: KeyValueStore> KeyValueRead for WriteBuffer<S> {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.read().get(column, key)
    }

    fn iterate(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        page::walk(self.read(), column, range, Direction::Ascending)
    }

    fn iterate_back(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        page::walk(self.read(), column, range, Direction::Descending)
    }
}

impl<S: KeyValueStore> KeyValueStore for WriteBuffer<S> {
    type Snapshot = BufferSnapshot<S::Snapshot>;

    fn snapshot(&self) -> Result<Self::Snapshot, StoreError> {
        Ok(self.read())
    }

    fn write(&self, batch: &WriteBatch, durability: Durability) -> Result<(), StoreError> {
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pending = Pending::clone(&self.read().pending);
        pending.apply(batch);
        if durability == Durability::Durable || pending.bytes > self.bytes_max {
            self.engine.write(&pending.to_batch(), Durability::Durable)?;
            self.rebase(Arc::new(pending));
        } else {
            let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
            now.pending = Arc::new(pending);
        }
        Ok(())
    }
}

impl<S: KeyValueStore> fmt::Debug for WriteBuffer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteBuffer")
            .field("engine", &self.engine)
            .field("bytes_max", &self.bytes_max)
            .field("pending_bytes", &self.pending_bytes())
            .finish_non_exhaustive()
    }
}

impl<R> Clone for BufferSnapshot<R> {
    fn clone(&self) -> Self {
        Self { base: Arc::clone(&self.base), pending: Arc::clone(&self.pending) }
    }
}

impl<R> fmt::Debug for BufferSnapshot<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferSnapshot")
            .field("pending_bytes", &self.pending.bytes)
            .finish_non_exhaustive()
    }
}

impl<R> BufferSnapshot<R> {
    fn changes(
        &self,
        column: Column,
        range: KeyRange<'_>,
    ) -> impl DoubleEndedIterator<Item = (&[u8], Option<&[u8]>)> + use<'_, R> {
        self.pending.changes.range(column, range).map(|(key, value)| (key, value.as_deref()))
    }
}

impl<R: KeyValueRead> KeyValueRead for BufferSnapshot<R> {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.pending.changes.get(column, key) {
            Some(value) => Ok(value.as_deref().map(<[u8]>::to_vec)),
            None => self.base.get(column, key),
        }
    }

    fn iterate(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        let base = self.base.iterate(column, range)?;
        Ok(merge(base, self.changes(column, range), Direction::Ascending))
    }

    fn iterate_back(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        let base = self.base.iterate_back(column, range)?;
        Ok(merge(base, self.changes(column, range).rev(), Direction::Descending))
    }
}
