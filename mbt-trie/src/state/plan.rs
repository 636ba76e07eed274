//! What a block's diff changes in the tables. Everything is read and worked out here, before
//! anything is written.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use mbt_account::{EMPTY_ROOT, PublicAccount};
use mbt_crypto::{Address, H256, keccak256};

use super::table::{Table, decode_account, encode_slot, keys_of, node_key, slot_key};
use crate::{
    AccountDiff, KeyValueRead, StateDiff, StoreError,
    trie::{
        nibbles::nibbles,
        proof::encode_value,
        update::{Change, NodeChanges, update},
    },
};

/// An entry before and after.
#[derive(Debug, Default)]
pub(super) struct Replaced {
    pub(super) old: Option<Vec<u8>>,
    pub(super) new: Option<Vec<u8>>,
}

/// Entries that a block changes, and the root of the state after it.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) root: H256,
    pub(super) entries: BTreeMap<(Table, Vec<u8>), Replaced>,
}

impl Plan {
    /// Works out what `diff` changes in the state that `read` holds.
    pub(super) fn new(read: &impl KeyValueRead, diff: &StateDiff) -> Result<Self, StoreError> {
        let mut plan = Self { root: EMPTY_ROOT, entries: BTreeMap::new() };
        let mut accounts = Vec::with_capacity(diff.accounts.len());
        for (address, change) in &diff.accounts {
            let old = read.get(Table::Accounts.column(), &address.0)?;
            let new = plan.account(read, address, change, old.as_deref())?;
            accounts.push((nibbles(&keccak256(address.0).0), new.clone()));
            plan.replace(Table::Accounts, address.0.to_vec(), old, new);
        }
        plan.root = plan.trie(read, None, accounts)?;
        plan.entries.retain(|_, entry| entry.old != entry.new);
        Ok(plan)
    }

    /// Notes the storage that changes, and returns the account's new encoding.
    fn account(
        &mut self,
        read: &impl KeyValueRead,
        address: &Address,
        change: &AccountDiff,
        old: Option<&[u8]>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let old_root = match old {
            Some(old) => decode_account(old)?.storage_root,
            None => EMPTY_ROOT,
        };
        let cleared = change.storage_cleared || change.account.is_none();
        if cleared && old_root != EMPTY_ROOT {
            self.clear(read, address)?;
        }
        let Some(account) = &change.account else { return Ok(None) };
        let storage_root = if !change.storage.is_empty() {
            self.storage(read, address, change, cleared)?
        } else if cleared {
            EMPTY_ROOT
        } else {
            old_root
        };
        Ok(Some(rlp::encode(&PublicAccount { storage_root, ..account.clone() }).to_vec()))
    }

    /// Notes slots that are set and returns the new storage root.
    fn storage(
        &mut self,
        read: &impl KeyValueRead,
        address: &Address,
        change: &AccountDiff,
        cleared: bool,
    ) -> Result<H256, StoreError> {
        let mut slots = Vec::with_capacity(change.storage.len());
        for (slot, value) in &change.storage {
            let key = slot_key(address, slot);
            let new = encode_slot(*value);
            let old = if cleared { None } else { read.get(Table::Storage.column(), &key)? };
            if cleared || old != new {
                slots.push((nibbles(&keccak256(slot).0), encode_value(*value)));
                self.replace(Table::Storage, key, old, new);
            }
        }
        if cleared {
            let nothing = |_: &[u8]| Ok(None);
            return self.trie_over(nothing, Table::StorageNodes, Some(address), slots);
        }
        self.trie(read, Some(address), slots)
    }

    /// Changes the trie of accounts, or the storage trie of `owner`.
    fn trie(
        &mut self,
        read: &impl KeyValueRead,
        owner: Option<&Address>,
        changes: Vec<Change>,
    ) -> Result<H256, StoreError> {
        let table = if owner.is_some() { Table::StorageNodes } else { Table::AccountNodes };
        let node = |path: &[u8]| read.get(table.column(), &node_key(owner, path));
        self.trie_over(node, table, owner, changes)
    }

    fn trie_over(
        &mut self,
        node: impl Fn(&[u8]) -> Result<Option<Vec<u8>>, StoreError>,
        table: Table,
        owner: Option<&Address>,
        mut changes: Vec<Change>,
    ) -> Result<H256, StoreError> {
        changes.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let (root, NodeChanges { mut old, mut new }) =
            update(node, |what| table.corrupt(what), &mut changes)?;
        let paths: BTreeSet<_> = old.keys().chain(new.keys()).cloned().collect();
        for path in paths {
            let key = node_key(owner, &path);
            self.replace(table, key, old.remove(&path), new.remove(&path));
        }
        Ok(root)
    }

    /// Notes that all storage of an account goes.
    fn clear(&mut self, read: &impl KeyValueRead, address: &Address) -> Result<(), StoreError> {
        let range = keys_of(address);
        let range = (range.0.as_ref().map(Vec::as_slice), range.1.as_ref().map(Vec::as_slice));
        for table in [Table::Storage, Table::StorageNodes] {
            for entry in read.iterate(table.column(), range)? {
                let (key, old) = entry?;
                self.replace(table, key, Some(old), None);
            }
        }
        Ok(())
    }

    /// Notes a change; the first old value of an entry and its last new one count.
    fn replace(&mut self, table: Table, key: Vec<u8>, old: Option<Vec<u8>>, new: Option<Vec<u8>>) {
        let entry = self.entries.entry((table, key)).or_insert(Replaced { old, new: None });
        entry.new = new;
    }
}
