//! A node that is not what was written is reported with its place, and never gives a wrong root.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::ops::Bound;

use mbt_account::PublicAccount;
use mbt_crypto::{Address, H256, U256, keccak256};
use mbt_trie::{
    AccountDiff, Column, Durability, History, KeyValueRead, KeyValueStore, Latest, MemoryStore,
    Stage, State, StateDiff, StateError, StoreError, WriteBatch,
};

const ACCOUNTS: u64 = 60;
const TABLES: [Column; 2] = [Column("state-account-nodes"), Column("state-storage-nodes")];

fn address(n: u64) -> Address {
    Address::from_hash(keccak256(n.to_be_bytes()))
}

/// Every third account changes slots, some to nothing.
fn diff(numbers: impl Iterator<Item = u64>, wei: u64) -> StateDiff {
    let change = |n: u64| {
        let account =
            Some(PublicAccount { balance: U256::from(n + wei), ..PublicAccount::default() });
        let slots = if n.is_multiple_of(3) { 12 } else { 0 };
        let slot = |slot: u64| (H256::from_low_u64_be(slot), U256::from(slot % (2 + wei) * wei));
        AccountDiff { account, storage: (0..slots).map(slot).collect(), storage_cleared: false }
    };
    let accounts = numbers.map(|n| (address(n), change(n))).collect();
    StateDiff { accounts, ..StateDiff::default() }
}

fn commit(store: &MemoryStore, number: u64, diff: &StateDiff) -> Result<H256, StateError> {
    State::new(History::Blocks(0)).commit(&mut Stage::new(store), number, diff)
}

#[test]
fn a_node_with_a_bit_flipped_or_missing_is_named_and_gives_no_wrong_root() {
    let store = MemoryStore::new();
    let mut stage = Stage::new(&store);
    let state = State::new(History::Blocks(0));
    state.commit(&mut stage, 0, &diff(0..ACCOUNTS, 1)).unwrap();
    store.write(&stage.into_batch(), Durability::Durable).unwrap();
    let mut change = diff((0..ACCOUNTS).step_by(2), 2);
    let gone = AccountDiff::default();
    change.accounts.extend((1..ACCOUNTS).step_by(4).map(|n| (address(n), gone.clone())));
    let expected = commit(&store, 1, &change).unwrap();

    let (mut found, mut unharmed) = (0, 0);
    for column in TABLES {
        let all = (Bound::Unbounded, Bound::Unbounded);
        let nodes: Vec<_> = store.iterate(column, all).unwrap().map(Result::unwrap).collect();
        for (number, (key, bytes)) in nodes.into_iter().enumerate() {
            let mut other = bytes.clone();
            let at = number * 31 % other.len();
            other[at] ^= 1 << (number % 8);
            for harmed in [Some(other), None] {
                let mut batch = WriteBatch::new();
                match harmed {
                    Some(bytes) => batch.put(column, key.clone(), bytes),
                    None => batch.delete(column, key.clone()),
                }
                store.write(&batch, Durability::Deferred).unwrap();
                match commit(&store, 1, &change) {
                    // It was not needed.
                    Ok(root) => {
                        assert_eq!(root, expected, "a wrong root, {key:02x?} being harmed");
                        unharmed += 1;
                    }
                    Err(StateError::Store(StoreError::CorruptEntry {
                        column: of,
                        key: at,
                        ..
                    })) => {
                        assert_eq!((of, &at), (column, &key), "{key:02x?} and {at:02x?}");
                        found += 1;
                    }
                    Err(error) => panic!("{key:02x?}: {error}"),
                }
            }
            let mut batch = WriteBatch::new();
            batch.put(column, key, bytes);
            store.write(&batch, Durability::Deferred).unwrap();
        }
    }
    assert!(found > 100, "{found} found, {unharmed} not needed");
    assert_eq!(commit(&store, 1, &change).unwrap(), expected);
    assert!(Latest::new(&store).prove(&address(1), &[]).is_ok());
}
