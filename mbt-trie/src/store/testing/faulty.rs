//! A store that fails on purpose.

use alloc::{boxed::Box, format, string::String, sync::Arc, vec::Vec};
use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::{
    Column, Durability, Entries, KeyRange, KeyValueRead, KeyValueStore, StoreError, WriteBatch,
};

/// Fails one operation when told, and passes the others on.
#[derive(Clone, Debug)]
pub struct FaultyStore<S> {
    inner: S,
    /// Operations left before the one that fails; none fails at `usize::MAX`.
    left: Arc<AtomicUsize>,
}

impl<S> FaultyStore<S> {
    /// Wraps a store; nothing fails yet.
    pub fn new(inner: S) -> Self {
        Self { inner, left: Arc::new(AtomicUsize::new(usize::MAX)) }
    }

    /// Lets `operations` reads, snapshots and writes succeed and the next fail, once.
    pub fn fail_after(&self, operations: usize) {
        self.left.store(operations, Ordering::SeqCst);
    }

    /// Calls off the failure, and tells whether it was still to come.
    pub fn heal(&self) -> bool {
        self.left.swap(usize::MAX, Ordering::SeqCst) != usize::MAX
    }

    /// Returns the store inside.
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    fn count(&self, operation: &'static str) -> Result<(), StoreError> {
        let tick = |left: usize| match left {
            usize::MAX => None,
            0 => Some(usize::MAX),
            more => Some(more - 1),
        };
        match self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, tick) {
            Ok(0) => {
                let text: String = format!("{operation} was told to fail");
                let source = Arc::new(io::Error::other(text));
                Err(StoreError::Engine { operation, source })
            }
            _ => Ok(()),
        }
    }
}

impl<S: KeyValueRead> KeyValueRead for FaultyStore<S> {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.count("read")?;
        self.inner.get(column, key)
    }

    fn iterate(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        self.count("iterate")?;
        let entries = self.inner.iterate(column, range)?;
        Ok(Box::new(entries.map(|entry| self.count("iterate").and(entry))))
    }

    fn iterate_back(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        self.count("iterate")?;
        let entries = self.inner.iterate_back(column, range)?;
        Ok(Box::new(entries.map(|entry| self.count("iterate").and(entry))))
    }
}

impl<S: KeyValueStore> KeyValueStore for FaultyStore<S> {
    type Snapshot = FaultyStore<S::Snapshot>;

    fn snapshot(&self) -> Result<Self::Snapshot, StoreError> {
        self.count("snapshot")?;
        Ok(FaultyStore { inner: self.inner.snapshot()?, left: Arc::clone(&self.left) })
    }

    fn write(&self, batch: &WriteBatch, durability: Durability) -> Result<(), StoreError> {
        self.count("write")?;
        self.inner.write(batch, durability)
    }
}
