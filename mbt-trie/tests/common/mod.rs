//! A state kept the slow way: plain maps, and tries rebuilt from nothing by `trie-db`'s writer.
#![allow(clippy::unwrap_used, unreachable_pub, dead_code, reason = "shared by several tests")]

use std::collections::BTreeMap;

use mbt_account::{EMPTY_CODE_HASH, EMPTY_ROOT, PublicAccount};
use mbt_crypto::{Address, H256, U256, keccak256};
use mbt_trie::{AccountDiff, EthereumLayout, KeccakHasher, StateDiff};
use memory_db::{HashKey, MemoryDB};
use proptest::prelude::*;
use trie_db::{TrieDBMutBuilder, TrieMut};

pub type Database = MemoryDB<KeccakHasher, HashKey<KeccakHasher>, Vec<u8>>;

pub fn database() -> Database {
    Database::from_null_node(&[0x80], vec![0x80])
}

/// The root that `trie-db`'s writer finds for entries set one by one.
pub fn slow_root<K: AsRef<[u8]>>(entries: impl IntoIterator<Item = (K, Vec<u8>)>) -> H256 {
    let mut database = database();
    let mut root = EMPTY_ROOT.0;
    let mut trie = TrieDBMutBuilder::<EthereumLayout>::new(&mut database, &mut root).build();
    for (key, value) in entries {
        if value.is_empty() {
            trie.remove(key.as_ref()).unwrap();
        } else {
            trie.insert(key.as_ref(), &value).unwrap();
        }
    }
    H256(*trie.root())
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SlowState {
    pub accounts: BTreeMap<Address, PublicAccount>,
    pub storage: BTreeMap<Address, BTreeMap<H256, U256>>,
}

impl SlowState {
    pub fn commit(&mut self, diff: &StateDiff) -> H256 {
        for (address, change) in &diff.accounts {
            if change.storage_cleared || change.account.is_none() {
                self.storage.remove(address);
            }
            let Some(account) = &change.account else {
                self.accounts.remove(address);
                continue;
            };
            let slots = self.storage.entry(*address).or_default();
            for (slot, value) in &change.storage {
                if value.is_zero() {
                    slots.remove(slot);
                } else {
                    slots.insert(*slot, *value);
                }
            }
            let entry =
                |(slot, value): (&H256, &U256)| (keccak256(slot).0, rlp::encode(value).to_vec());
            let storage_root = slow_root(slots.iter().map(entry));
            let account = PublicAccount { storage_root, ..account.clone() };
            self.accounts.insert(*address, account);
        }
        self.root()
    }

    pub fn root(&self) -> H256 {
        let entry = |(address, account): (&Address, &PublicAccount)| {
            (keccak256(address.0).0, rlp::encode(account).to_vec())
        };
        slow_root(self.accounts.iter().map(entry))
    }

    pub fn storage(&self, address: &Address, slot: &H256) -> U256 {
        self.storage.get(address).and_then(|slots| slots.get(slot)).copied().unwrap_or_default()
    }
}

pub fn address(n: u8) -> Address {
    let mut bytes = [n; 20];
    bytes[19] = n.wrapping_mul(31);
    Address(bytes)
}

pub fn slot(n: u8) -> H256 {
    H256::from_low_u64_be(u64::from(n))
}

fn account() -> impl Strategy<Value = PublicAccount> {
    (0_u64..3, 0_u64..1_000_000).prop_map(|(nonce, balance)| PublicAccount {
        nonce,
        balance: U256::from(balance),
        storage_root: H256([0xee; 32]),
        code_hash: EMPTY_CODE_HASH,
        league: None,
    })
}

fn change(slots: u8) -> impl Strategy<Value = AccountDiff> {
    let value = prop_oneof![Just(U256::zero()), any::<u8>().prop_map(U256::from), Just(U256::MAX)];
    (
        prop::option::weighted(0.85, account()),
        prop::bool::weighted(0.1),
        prop::collection::btree_map((0..slots).prop_map(slot), value, 0..8),
    )
        .prop_map(|(account, storage_cleared, storage)| AccountDiff {
            account,
            storage_cleared,
            storage,
        })
}

/// Diffs over few accounts and slots, so that blocks touch what others touched.
pub fn diff() -> impl Strategy<Value = StateDiff> {
    prop::collection::btree_map((0_u8..40).prop_map(address), change(12), 0..10)
        .prop_map(|accounts| StateDiff { accounts, ..StateDiff::default() })
}
