//! The simplest engine that survives a crash: a journal of batches, replayed when it is opened.

use alloc::{sync::Arc, vec::Vec};
use std::{
    io,
    sync::{Mutex, PoisonError},
};

use mbt_crypto::keccak256;

use super::SimulatedDisk;
use crate::{
    Column, Durability, Entries, KeyRange, KeyValueRead, KeyValueStore, MemorySnapshot,
    MemoryStore, StoreError, WriteBatch,
};

/// Length (8 bytes) and hash of a batch's encoding.
const HEAD_BYTES: usize = 40;

/// Keeps batches in a journal on a [`SimulatedDisk`], each written in many pieces, and their content
/// in memory: an engine to test crashes with.
#[derive(Debug)]
pub struct JournalStore {
    disk: SimulatedDisk,
    content: MemoryStore,
    /// Where the next batch goes.
    end: Mutex<u64>,
}

impl JournalStore {
    /// Opens the journal on a disk: whole batches are replayed, what follows them is cut off.
    ///
    /// # Errors
    /// [`StoreError`]: the disk failed.
    pub fn open(disk: SimulatedDisk) -> Result<Self, StoreError> {
        let content = MemoryStore::new();
        let end = replay(&disk, &content).map_err(failed("open the journal"))?;
        Ok(Self { disk, content, end: Mutex::new(end) })
    }

    fn append(&self, end: u64, batch: &WriteBatch, durability: Durability) -> io::Result<u64> {
        let mut payload = Vec::new();
        for (column, key, value) in batch.iter() {
            let mut piece = |bytes: &[u8]| {
                payload.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
                payload.extend_from_slice(bytes);
            };
            piece(column.0.as_bytes());
            piece(key);
            match value {
                Some(value) => piece(value),
                None => payload.extend_from_slice(&u64::MAX.to_be_bytes()),
            }
        }
        let mut at = end;
        let hash = keccak256(&payload).0;
        let head = [(payload.len() as u64).to_be_bytes().as_slice(), &hash].concat();
        for piece in core::iter::once(head.as_slice()).chain(payload.chunks(512)) {
            self.disk.write(at, piece)?;
            at += piece.len() as u64;
        }
        if durability == Durability::Durable {
            self.disk.sync()?;
        }
        Ok(at)
    }
}

fn failed(operation: &'static str) -> impl FnOnce(io::Error) -> StoreError {
    move |error| StoreError::Engine { operation, source: Arc::new(error) }
}

fn replay(disk: &SimulatedDisk, content: &MemoryStore) -> io::Result<u64> {
    let mut image = alloc::vec![0; usize::try_from(disk.len()?).unwrap()];
    disk.read(0, &mut image)?;
    let mut rest = image.as_slice();
    while let Some((head, behind)) = rest.split_at_checked(HEAD_BYTES)
        && let Ok(length) = usize::try_from(u64::from_be_bytes(head[..8].try_into().unwrap()))
        && let Some((payload, behind)) = behind.split_at_checked(length)
        && keccak256(payload).0 == head[8..]
    {
        content.write(&decode(payload), Durability::Durable).unwrap();
        rest = behind;
    }
    let end = (image.len() - rest.len()) as u64;
    disk.set_len(end)?;
    disk.sync()?;
    Ok(end)
}

fn decode(mut payload: &[u8]) -> WriteBatch {
    let mut piece = || {
        let (length, rest) = payload.split_first_chunk()?;
        payload = rest;
        let length = usize::try_from(u64::from_be_bytes(*length)).unwrap();
        let (piece, rest) = payload.split_at_checked(length)?;
        payload = rest;
        Some(piece)
    };
    let mut batch = WriteBatch::new();
    while let (Some(column), Some(key)) = (piece(), piece()) {
        let column = Column::named(core::str::from_utf8(column).unwrap());
        match piece() {
            Some(value) => batch.put(column, key, value),
            None => batch.delete(column, key),
        }
    }
    batch
}

impl KeyValueRead for JournalStore {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.content.get(column, key)
    }

    fn iterate(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        self.content.iterate(column, range)
    }

    fn iterate_back(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        self.content.iterate_back(column, range)
    }
}

impl KeyValueStore for JournalStore {
    type Snapshot = MemorySnapshot;

    fn snapshot(&self) -> Result<MemorySnapshot, StoreError> {
        self.content.snapshot()
    }

    fn write(&self, batch: &WriteBatch, durability: Durability) -> Result<(), StoreError> {
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        *end = self.append(*end, batch, durability).map_err(failed("append to the journal"))?;
        self.content.write(batch, durability)
    }
}
