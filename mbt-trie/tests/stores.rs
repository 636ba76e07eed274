//! The engines of this crate keep the laws; the buffer loses nothing.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mbt_trie::{
    Column, Durability, KeyValueRead, KeyValueStore, MemoryStore, WriteBatch, WriteBuffer,
    testing::{
        FaultyStore, JournalStore, SimulatedDisk, key_value_store_laws, reopened_store_laws,
    },
};

const COLUMN: Column = Column("test");

fn put(key: &[u8], value: &[u8]) -> WriteBatch {
    let mut batch = WriteBatch::new();
    batch.put(COLUMN, key, value);
    batch
}

#[test]
fn memory_store_keeps_the_laws() {
    key_value_store_laws(MemoryStore::new);
}

#[test]
fn write_buffer_keeps_the_laws_whatever_its_bound() {
    for bytes_max in [0, 1_000, 20_000, usize::MAX] {
        key_value_store_laws(|| {
            WriteBuffer::with_bytes_max(MemoryStore::new(), bytes_max).unwrap()
        });
    }
}

#[test]
fn a_buffer_over_a_buffer_keeps_the_laws() {
    key_value_store_laws(|| {
        WriteBuffer::new(WriteBuffer::with_bytes_max(MemoryStore::new(), 700).unwrap()).unwrap()
    });
}

#[test]
fn the_journal_keeps_the_laws() {
    let mut seed = 0;
    key_value_store_laws(|| {
        seed += 1;
        JournalStore::open(SimulatedDisk::new(seed)).unwrap()
    });
    let disk = SimulatedDisk::new(0);
    reopened_store_laws(|| JournalStore::open(disk.clone()).unwrap());
    let disk = SimulatedDisk::new(0);
    reopened_store_laws(|| WriteBuffer::new(JournalStore::open(disk.clone()).unwrap()).unwrap());
}

#[test]
fn deferred_batches_wait_for_a_durable_one() {
    let engine = MemoryStore::new();
    let buffer = WriteBuffer::new(engine.clone()).unwrap();
    buffer.write(&put(b"a", b"1"), Durability::Deferred).unwrap();
    assert_eq!(engine.get(COLUMN, b"a").unwrap(), None);
    assert_eq!(buffer.get(COLUMN, b"a").unwrap().as_deref(), Some(&b"1"[..]));
    buffer.write(&put(b"b", b"2"), Durability::Durable).unwrap();
    assert_eq!(engine.get(COLUMN, b"a").unwrap().as_deref(), Some(&b"1"[..]));
    assert_eq!(engine.get(COLUMN, b"b").unwrap().as_deref(), Some(&b"2"[..]));
    assert_eq!(buffer.pending_bytes(), 0);
}

#[test]
fn the_bound_on_bytes_flushes() {
    let engine = MemoryStore::new();
    let buffer = WriteBuffer::with_bytes_max(engine.clone(), 10_000).unwrap();
    for n in 0..1_000_u32 {
        buffer.write(&put(&n.to_be_bytes(), &[7; 90]), Durability::Deferred).unwrap();
        assert!(buffer.pending_bytes() <= 10_000);
    }
    let range = (core::ops::Bound::Unbounded, core::ops::Bound::Unbounded);
    assert!(engine.iterate(COLUMN, range).unwrap().count() > 900);
    assert_eq!(buffer.iterate(COLUMN, range).unwrap().count(), 1_000);
}

#[test]
fn a_key_written_over_and_over_fills_no_buffer() {
    let buffer = WriteBuffer::new(MemoryStore::new()).unwrap();
    for n in 0..1_000_u32 {
        buffer.write(&put(b"k", &n.to_be_bytes()), Durability::Deferred).unwrap();
    }
    assert!(buffer.pending_bytes() < 1_000);
}

#[test]
fn an_engine_that_fails_loses_nothing_and_applies_nothing() {
    let engine = FaultyStore::new(MemoryStore::new());
    let buffer = WriteBuffer::new(engine.clone()).unwrap();
    buffer.write(&put(b"a", b"1"), Durability::Deferred).unwrap();
    engine.fail_after(0);
    assert!(buffer.write(&put(b"b", b"2"), Durability::Durable).is_err());
    assert_eq!(buffer.get(COLUMN, b"b").unwrap(), None);
    engine.fail_after(0);
    assert!(buffer.flush().is_err());
    assert_eq!(buffer.get(COLUMN, b"a").unwrap().as_deref(), Some(&b"1"[..]));
    buffer.flush().unwrap();
    assert_eq!(engine.inner().get(COLUMN, b"a").unwrap().as_deref(), Some(&b"1"[..]));
}

#[test]
fn a_write_whose_new_snapshot_fails_is_still_seen() {
    let engine = FaultyStore::new(MemoryStore::new());
    let buffer = WriteBuffer::new(engine.clone()).unwrap();
    engine.fail_after(1);
    buffer.write(&put(b"a", b"1"), Durability::Durable).unwrap();
    assert!(!engine.heal());
    assert_eq!(buffer.get(COLUMN, b"a").unwrap().as_deref(), Some(&b"1"[..]));
    assert_eq!(engine.inner().get(COLUMN, b"a").unwrap().as_deref(), Some(&b"1"[..]));
    buffer.flush().unwrap();
    assert_eq!(buffer.pending_bytes(), 0);
}
