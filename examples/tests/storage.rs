//! The redb engine keeps the laws of every engine, alone and behind the write buffer, and finds
//! what was durable when it is opened again.

use std::ops::Bound;

use mbt_examples::storage::{RedbStore, Store};
use mbt_trie::{
    Column, Durability, KeyValueRead, KeyValueStore, WriteBatch, testing::key_value_store_laws,
};

const COLUMN: Column = Column("test");
const CACHE: usize = 1 << 20;

fn batch(key: &str, value: &str) -> WriteBatch {
    let mut batch = WriteBatch::new();
    batch.put(COLUMN, key.as_bytes(), value.as_bytes());
    batch
}

#[test]
fn the_engine_keeps_the_laws() {
    let folder = tempfile::tempdir().unwrap();
    let mut count = 0;
    key_value_store_laws(|| {
        count += 1;
        RedbStore::open(&folder.path().join(format!("{count}.redb")), CACHE).unwrap()
    });
}

#[test]
fn the_buffered_store_and_the_memory_store_keep_the_laws() {
    let folder = tempfile::tempdir().unwrap();
    let mut count = 0;
    key_value_store_laws(|| {
        count += 1;
        Store::redb(&folder.path().join(format!("{count}.redb")), CACHE).unwrap()
    });
    key_value_store_laws(Store::memory);
}

#[test]
fn durable_batches_and_all_before_them_are_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chain.redb");
    let store = Store::redb(&path, CACHE).unwrap();
    store.write(&batch("a", "1"), Durability::Deferred).unwrap();
    store.write(&batch("b", "2"), Durability::Durable).unwrap();
    store.write(&batch("c", "3"), Durability::Deferred).unwrap();
    let old = store.snapshot().unwrap();
    assert_eq!(old.get(COLUMN, b"c").unwrap(), Some(b"3".to_vec()));
    drop((store, old));
    let store = Store::redb(&path, CACHE).unwrap();
    let all = store.iterate(COLUMN, (Bound::Unbounded, Bound::Unbounded)).unwrap();
    let keys: Vec<Vec<u8>> = all.map(|entry| entry.unwrap().0).collect();
    assert!(keys.starts_with(&[b"a".to_vec(), b"b".to_vec()]), "{keys:?}");
}

#[test]
fn a_file_of_something_else_is_refused_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chain.redb");
    let content = vec![7_u8; 10_000];
    std::fs::write(&path, &content).unwrap();
    assert!(Store::redb(&path, CACHE).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), content);
}
