//! A stored state is checked against itself: whatever entry is wrong is told.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ops::Bound;

use mbt_crypto::H256;
use mbt_trie::{
    Column, Durability, KeyValueRead, KeyValueStore, Latest, MemoryStore, StateFault, WriteBatch,
    testing::Blocks, verify_state,
};

const COLUMNS: [&str; 5] = [
    "state-accounts",
    "state-storage",
    "state-account-nodes",
    "state-storage-nodes",
    "state-codes",
];

fn faults(store: &MemoryStore, root: H256) -> Vec<StateFault> {
    let mut faults = Vec::new();
    verify_state(store, root, |fault| faults.push(fault), |_| {}).unwrap();
    faults
}

fn filled() -> (MemoryStore, H256) {
    let (store, blocks) = (MemoryStore::new(), Blocks::new(11));
    for number in 0..30 {
        blocks.commit(&store, number, Durability::Durable).unwrap();
    }
    let root = Latest::new(&store).root().unwrap();
    (store, root)
}

/// The store with one entry changed.
fn with(
    store: &MemoryStore,
    column: &'static str,
    key: &[u8],
    value: Option<&[u8]>,
) -> MemoryStore {
    let copy = MemoryStore::new();
    let all = (Bound::Unbounded, Bound::Unbounded);
    let mut batch = WriteBatch::new();
    for name in COLUMNS {
        for entry in store.iterate(Column(name), all).unwrap() {
            let (key, value) = entry.unwrap();
            batch.put(Column(name), key, value);
        }
    }
    match value {
        Some(value) => batch.put(Column(column), key, value),
        None => batch.delete(Column(column), key),
    }
    copy.write(&batch, Durability::Durable).unwrap();
    copy
}

#[test]
fn a_whole_state_has_no_fault() {
    let (store, root) = filled();
    assert_eq!(faults(&store, root), []);
    let mut seen = 0;
    let counts = verify_state(&store, root, |_| {}, |counts| seen = counts.accounts).unwrap();
    assert!(counts.accounts == seen && counts.slots > 0 && counts.codes > 0, "{counts:?}");
    assert_eq!(faults(&MemoryStore::new(), mbt_account::EMPTY_ROOT), []);
}

#[test]
fn another_root_is_told() {
    let (store, root) = filled();
    let faults = faults(&store, H256([9; 32]));
    let expected = StateFault::AccountsRoot { expected: H256([9; 32]), found: root };
    assert!(faults.contains(&expected), "{faults:?}");
}

#[test]
fn any_entry_that_is_changed_missing_or_too_many_is_told() {
    let (store, root) = filled();
    let all = (Bound::Unbounded, Bound::Unbounded);
    for column in COLUMNS {
        let entries: Vec<_> = store.iterate(Column(column), all).unwrap().step_by(5).collect();
        assert!(entries.len() > 1, "{column}");
        for entry in entries {
            let (key, mut value) = entry.unwrap();
            // Codes are never removed, so one that no account has may be missing.
            if column != "state-codes" {
                let missing = with(&store, column, &key, None);
                assert!(!faults(&missing, root).is_empty(), "{column} without {key:02x?}");
            }
            let middle = value.len() / 2;
            value[middle] ^= 1;
            let changed = with(&store, column, &key, Some(&value));
            assert!(!faults(&changed, root).is_empty(), "{column} changed under {key:02x?}");
        }
    }
    let stray = [[0xab; 20].as_slice(), &[0; 32]].concat();
    let stray = with(&store, "state-storage", &stray, Some(&[1]));
    assert!(matches!(faults(&stray, root)[..], [StateFault::StrayStorage { .. }]));
}
