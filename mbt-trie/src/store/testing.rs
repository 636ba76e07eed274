//! Laws that every storage engine keeps, and a store that fails on purpose.
//!
//! A law that is broken panics and says which.
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "this is for tests, which fail by panicking"
)]

use alloc::{boxed::Box, collections::BTreeMap, format, string::String, sync::Arc, vec, vec::Vec};
use core::ops::Bound;
use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::{
    Column, Durability, Entries, KeyRange, KeyValueRead, KeyValueStore, Stage, StoreError,
    WriteBatch,
};

const A: Column = Column("laws-a");
const B: Column = Column("laws-b");

type Model = BTreeMap<(Column, Vec<u8>), Vec<u8>>;

/// Runs every law, each on a new and empty store.
pub fn key_value_store_laws<S: KeyValueStore>(mut make: impl FnMut() -> S) {
    an_empty_store_has_nothing(&make());
    a_batch_is_read_back(&make());
    the_last_change_counts(&make());
    columns_are_apart(&make());
    ranges_are_walked_in_order(&make());
    a_snapshot_stays(&make());
    a_stage_hides_its_base(&make());
    readers_never_see_half_a_batch(&make());
    for seed in 1..=8 {
        a_model_agrees(&make(), seed);
    }
}

fn an_empty_store_has_nothing(store: &impl KeyValueStore) {
    assert_eq!(store.get(A, b"k").unwrap(), None, "empty store");
    assert_eq!(walk(store, A, (Bound::Unbounded, Bound::Unbounded)), vec![], "empty store");
    store.write(&WriteBatch::new(), Durability::Durable).unwrap();
}

fn a_batch_is_read_back(store: &impl KeyValueStore) {
    for durability in [Durability::Deferred, Durability::Durable] {
        let mut batch = WriteBatch::new();
        batch.put(A, *b"one", *b"1");
        batch.put(A, *b"empty", *b"");
        batch.put(A, *b"", *b"empty key");
        batch.put(A, *b"long", vec![7; 100_000]);
        store.write(&batch, durability).unwrap();
        assert_eq!(store.get(A, b"one").unwrap().as_deref(), Some(&b"1"[..]));
        assert_eq!(store.get(A, b"empty").unwrap().as_deref(), Some(&b""[..]), "an empty value");
        assert_eq!(store.get(A, b"").unwrap().as_deref(), Some(&b"empty key"[..]));
        let many = store.multi_get(A, &[b"long", b"none", b"one"]).unwrap();
        assert_eq!(many, [Some(vec![7; 100_000]), None, Some(b"1".to_vec())], "order of keys");
    }
}

fn the_last_change_counts(store: &impl KeyValueStore) {
    let set = |value: Option<&[u8]>| {
        let mut batch = WriteBatch::new();
        match value {
            Some(value) => batch.put(A, *b"k", value),
            None => batch.delete(A, *b"k"),
        }
        store.write(&batch, Durability::Deferred).unwrap();
    };
    set(None);
    set(Some(b"1"));
    set(Some(b"2"));
    assert_eq!(store.get(A, b"k").unwrap().as_deref(), Some(&b"2"[..]));
    set(None);
    assert_eq!(store.get(A, b"k").unwrap(), None, "a removed key");
}

fn columns_are_apart(store: &impl KeyValueStore) {
    let mut batch = WriteBatch::new();
    batch.put(A, *b"k", *b"a");
    batch.put(B, *b"k", *b"b");
    store.write(&batch, Durability::Durable).unwrap();
    let mut batch = WriteBatch::new();
    batch.delete(A, *b"k");
    store.write(&batch, Durability::Durable).unwrap();
    assert_eq!(store.get(A, b"k").unwrap(), None);
    assert_eq!(store.get(B, b"k").unwrap().as_deref(), Some(&b"b"[..]));
}

fn ranges_are_walked_in_order(store: &impl KeyValueStore) {
    let mut model = Model::new();
    let mut batch = WriteBatch::new();
    for n in 0..600_u16 {
        let key = (n * 3).to_be_bytes().to_vec();
        model.insert((A, key.clone()), vec![1]);
        batch.put(A, key, vec![1]);
    }
    store.write(&batch, Durability::Deferred).unwrap();
    for start in [0_u16, 3, 4, 900, 1797, 2000] {
        for end in [0_u16, 3, 5, 903, 1797, 2000] {
            let (start, end) = (start.to_be_bytes(), end.to_be_bytes());
            for (start, end) in bounds(&start, &end) {
                check_walk(store, &model, A, (start, end));
            }
        }
    }
}

fn a_snapshot_stays(store: &impl KeyValueStore) {
    let mut batch = WriteBatch::new();
    batch.put(A, *b"k", *b"old");
    batch.put(A, *b"gone", *b"old");
    store.write(&batch, Durability::Deferred).unwrap();
    let snapshot = store.snapshot().unwrap();
    let mut batch = WriteBatch::new();
    batch.put(A, *b"k", *b"new");
    batch.put(A, *b"more", *b"new");
    batch.delete(A, *b"gone");
    for durability in [Durability::Deferred, Durability::Durable] {
        store.write(&batch, durability).unwrap();
        assert_eq!(snapshot.get(A, b"k").unwrap().as_deref(), Some(&b"old"[..]));
        assert_eq!(snapshot.get(A, b"gone").unwrap().as_deref(), Some(&b"old"[..]));
        let entries = walk(&snapshot, A, (Bound::Unbounded, Bound::Unbounded));
        assert_eq!(entries.len(), 2, "a snapshot's entries");
    }
    let fresh = store.snapshot().unwrap();
    assert_eq!(fresh.get(A, b"k").unwrap().as_deref(), Some(&b"new"[..]));
}

fn a_stage_hides_its_base(store: &impl KeyValueStore) {
    let mut model = Model::new();
    let mut batch = WriteBatch::new();
    for n in 0..40_u8 {
        model.insert((A, vec![n]), vec![n]);
        batch.put(A, [n], [n]);
    }
    store.write(&batch, Durability::Deferred).unwrap();
    let before = model.clone();
    let mut stage = Stage::new(store);
    for n in (0..60_u8).step_by(3) {
        if n % 2 == 0 {
            model.remove(&(A, vec![n]));
            stage.delete(A, [n]);
        } else {
            model.insert((A, vec![n]), vec![99]);
            stage.put(A, [n], [99]);
        }
    }
    for (start, end) in bounds(&[5], &[50]) {
        check_walk(&stage, &model, A, (start, end));
        check_walk(store, &before, A, (start, end));
    }
    let batch = stage.into_batch();
    store.write(&batch, Durability::Durable).unwrap();
    check_walk(store, &model, A, (Bound::Unbounded, Bound::Unbounded));
}

/// Two keys that are always written alike are always read alike.
fn readers_never_see_half_a_batch(store: &impl KeyValueStore) {
    let write = |n: u32, durability| {
        let mut batch = WriteBatch::new();
        batch.put(A, *b"k", n.to_be_bytes());
        batch.put(B, *b"k", n.to_be_bytes());
        store.write(&batch, durability).unwrap();
    };
    write(0, Durability::Durable);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for n in 1..200 {
                let durable = n % 16 == 0;
                write(n, if durable { Durability::Durable } else { Durability::Deferred });
            }
        });
        let mut last = None;
        while !writer.is_finished() {
            let snapshot = store.snapshot().unwrap();
            let (a, b) = (snapshot.get(A, b"k").unwrap(), snapshot.get(B, b"k").unwrap());
            assert_eq!(a, b, "half a batch was seen");
            assert!(a >= last, "a snapshot went back");
            last = a;
        }
    });
}

fn a_model_agrees(store: &impl KeyValueStore, seed: u64) {
    let mut random = Random(seed);
    let mut model = Model::new();
    for step in 0..120 {
        let mut batch = WriteBatch::new();
        for _ in 0..random.below(12) {
            let column = if random.below(2) == 0 { A } else { B };
            let key = random.key();
            if random.below(3) == 0 {
                batch.delete(column, key.clone());
                model.remove(&(column, key));
            } else {
                let value = vec![u8::try_from(random.below(256)).unwrap(); 5];
                batch.put(column, key.clone(), value.clone());
                model.insert((column, key), value);
            }
        }
        let durable = random.below(10) == 0;
        store
            .write(&batch, if durable { Durability::Durable } else { Durability::Deferred })
            .unwrap();
        let (start, end) = (random.key(), random.key());
        let key = random.key();
        let expected = model.get(&(A, key.clone())).cloned();
        assert_eq!(store.get(A, &key).unwrap(), expected, "seed {seed} step {step}");
        for (start, end) in bounds(&start, &end) {
            check_walk(store, &model, A, (start, end));
        }
        check_walk(&store.snapshot().unwrap(), &model, B, (Bound::Unbounded, Bound::Unbounded));
    }
}

fn bounds<'a>(start: &'a [u8], end: &'a [u8]) -> Vec<KeyRange<'a>> {
    let starts = [Bound::Unbounded, Bound::Included(start), Bound::Excluded(start)];
    let ends = [Bound::Unbounded, Bound::Included(end), Bound::Excluded(end)];
    starts.into_iter().flat_map(|start| ends.map(|end| (start, end))).collect()
}

fn walk(read: &impl KeyValueRead, column: Column, range: KeyRange<'_>) -> Vec<(Vec<u8>, Vec<u8>)> {
    read.iterate(column, range).unwrap().collect::<Result<_, _>>().unwrap()
}

fn check_walk(read: &impl KeyValueRead, model: &Model, column: Column, range: KeyRange<'_>) {
    let inside = |key: &[u8]| core::ops::RangeBounds::<[u8]>::contains(&range, key);
    let expected: Vec<_> = model
        .iter()
        .filter(|((of, key), _)| *of == column && inside(key))
        .map(|((_, key), value)| (key.clone(), value.clone()))
        .collect();
    assert_eq!(walk(read, column, range), expected, "ascending {range:02x?}");
    let mut back: Vec<_> =
        read.iterate_back(column, range).unwrap().collect::<Result<_, _>>().unwrap();
    back.reverse();
    assert_eq!(back, expected, "descending {range:02x?}");
}

/// A small generator (xorshift), so that a seed names a run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn key(&mut self) -> Vec<u8> {
        let length = self.below(4);
        (0..length).map(|_| u8::try_from(self.below(5)).unwrap()).collect()
    }
}

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
