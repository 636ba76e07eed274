//! Laws that every storage engine keeps.

use alloc::{collections::BTreeMap, vec, vec::Vec};
use core::ops::Bound;

use super::random::Random;
use crate::{Column, Durability, KeyRange, KeyValueRead, KeyValueStore, Stage, WriteBatch};

const A: Column = Column("laws-a");
const B: Column = Column("laws-b");

/// Every key.
const ALL: KeyRange<'static> = (Bound::Unbounded, Bound::Unbounded);

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
    values_of_any_size_and_keys_of_any_bytes_are_kept(&make());
    a_batch_spans_many_columns(&make());
    many_keys_are_read_in_their_order(&make());
    iterations_and_snapshots_outlive_writes(&make());
    readers_never_see_half_a_batch(&make());
    for seed in 1..=8 {
        a_model_agrees(&make(), seed);
    }
}

/// Runs the laws of a store that is closed and opened again. `open` opens the same store each time,
/// once nobody holds it any more.
pub fn reopened_store_laws<S: KeyValueStore>(mut open: impl FnMut() -> S) {
    let mut model = Model::new();
    for round in 0..4_u8 {
        let store = open();
        check_walk(&store, &model, A, ALL);
        check_walk(&store, &model, B, ALL);
        let mut batch = WriteBatch::new();
        for n in 0..50 {
            let column = if n % 2 == 0 { A } else { B };
            let key = vec![n, round % 2];
            if n % 5 == round {
                batch.delete(column, key.clone());
                model.remove(&(column, key));
            } else {
                batch.put(column, key.clone(), [round]);
                model.insert((column, key), vec![round]);
            }
        }
        let snapshot = store.snapshot().unwrap();
        store.write(&batch, Durability::Deferred).unwrap();
        let mut batch = WriteBatch::new();
        batch.put(A, [u8::MAX], [round]);
        model.insert((A, vec![u8::MAX]), vec![round]);
        // What was deferred before a durable batch is durable with it.
        store.write(&batch, Durability::Durable).unwrap();
        assert!(snapshot.get(A, &[u8::MAX]).unwrap() != Some(vec![round]));
    }
    check_walk(&open(), &model, A, ALL);
}

fn values_of_any_size_and_keys_of_any_bytes_are_kept(store: &impl KeyValueStore) {
    let mut model = Model::new();
    let mut batch = WriteBatch::new();
    for (n, size) in [0, 1, 4_095, 4_096, 65_537, 1 << 20].into_iter().enumerate() {
        // No two bytes in a row alike, so that nothing is won by compression.
        let value: Vec<u8> =
            (0..size).map(|at| (at * 31 + at / 251 + n).to_le_bytes()[0]).collect();
        model.insert((A, vec![u8::MAX, n.to_le_bytes()[0]]), value);
    }
    let long = vec![0xab; 512];
    for key in [&[][..], &[0], &[0, 0], &[0, u8::MAX], &[u8::MAX], &[u8::MAX; 3], &long, b"'\"\\;"]
    {
        model.insert((A, key.to_vec()), key.to_vec());
    }
    for ((column, key), value) in &model {
        batch.put(*column, key.clone(), value.clone());
    }
    store.write(&batch, Durability::Durable).unwrap();
    for ((column, key), value) in &model {
        assert_eq!(store.get(*column, key).unwrap().as_ref(), Some(value), "key {key:02x?}");
    }
    for (start, end) in bounds(&[0], &[u8::MAX]) {
        check_walk(store, &model, A, (start, end));
    }
    check_walk(&store.snapshot().unwrap(), &model, A, ALL);
}

fn a_batch_spans_many_columns(store: &impl KeyValueStore) {
    const NAMES: [&str; 24] = [
        "m0",
        "m1",
        "m2",
        "m3",
        "m4",
        "m5",
        "m6",
        "m7",
        "m8",
        "m9",
        "m10",
        "m11",
        "m12",
        "m13",
        "m14",
        "m15",
        "m16",
        "m17",
        "m18",
        "m19",
        "with-dash",
        "With_Case",
        "with_case",
        "m20",
    ];
    let before = store.snapshot().unwrap();
    let mut batch = WriteBatch::new();
    for (n, name) in (0_u8..).zip(NAMES) {
        batch.put(Column(name), *b"k", [n]);
    }
    store.write(&batch, Durability::Durable).unwrap();
    let after = store.snapshot().unwrap();
    for (n, name) in (0_u8..).zip(NAMES) {
        assert_eq!(before.get(Column(name), b"k").unwrap(), None, "column {name} was not there");
        assert_eq!(before.iterate(Column(name), ALL).unwrap().count(), 0, "column {name}");
        assert_eq!(after.get(Column(name), b"k").unwrap(), Some(vec![n]), "column {name}");
        assert_eq!(after.iterate(Column(name), ALL).unwrap().count(), 1, "column {name}");
    }
}

fn many_keys_are_read_in_their_order(store: &impl KeyValueStore) {
    let mut batch = WriteBatch::new();
    for n in 0..2_000_u16 {
        batch.put(A, n.to_be_bytes(), n.to_le_bytes());
    }
    store.write(&batch, Durability::Durable).unwrap();
    // Out of order, one absent in four, one twice.
    let keys: Vec<_> =
        (0..3_000_u16).map(|n| (n.wrapping_mul(7_919) % 2_667).to_be_bytes()).collect();
    let asked: Vec<&[u8]> = keys.iter().map(<[u8; 2]>::as_slice).collect();
    let expected = |key: &[u8; 2]| {
        let n = u16::from_be_bytes(*key);
        (n < 2_000).then(|| n.to_le_bytes().to_vec())
    };
    let expected: Vec<_> = keys.iter().map(expected).collect();
    assert_eq!(store.multi_get(A, &asked).unwrap(), expected, "order of keys");
    assert_eq!(store.snapshot().unwrap().multi_get(A, &asked).unwrap(), expected, "order of keys");
    assert_eq!(store.multi_get(A, &[]).unwrap(), Vec::<Option<Vec<u8>>>::new());
    assert_eq!(store.multi_get(B, &[b"k"]).unwrap(), [None]);
}

fn iterations_and_snapshots_outlive_writes(store: &impl KeyValueStore) {
    let write = |round: u16| {
        let mut batch = WriteBatch::new();
        for n in 0..700_u16 {
            if (n + round).is_multiple_of(3) {
                batch.delete(A, n.to_be_bytes());
            } else {
                batch.put(A, n.to_be_bytes(), round.to_be_bytes());
            }
        }
        store.write(&batch, Durability::Durable).unwrap();
    };
    let expected = |round: u16| -> Vec<(Vec<u8>, Vec<u8>)> {
        let kept = (0..700_u16).filter(|n| !(n + round).is_multiple_of(3));
        kept.map(|n| (n.to_be_bytes().to_vec(), round.to_be_bytes().to_vec())).collect()
    };
    write(0);
    let mut entries = store.iterate(A, ALL).unwrap();
    let first = entries.next().unwrap().unwrap();
    let mut snapshots = Vec::new();
    for round in 0..6 {
        snapshots.push((round, store.snapshot().unwrap()));
        write(round + 1);
    }
    let rest = entries.collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!([vec![first], rest].concat(), expected(0), "an iteration begun before writes");
    // Not in the order in which they were taken, and from another thread.
    snapshots.swap(0, 4);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for (round, snapshot) in snapshots {
                assert_eq!(walk(&snapshot, A, ALL), expected(round), "snapshot {round}");
            }
        });
    });
    assert_eq!(walk(store, A, ALL), expected(6));
}

fn an_empty_store_has_nothing(store: &impl KeyValueStore) {
    assert_eq!(store.get(A, b"k").unwrap(), None, "empty store");
    assert_eq!(walk(store, A, ALL), vec![], "empty store");
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
        let entries = walk(&snapshot, A, ALL);
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
    check_walk(store, &model, A, ALL);
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
    let mut random = Random::new(seed);
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
        check_walk(&store.snapshot().unwrap(), &model, B, ALL);
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
