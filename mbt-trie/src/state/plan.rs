//! What a block's diff changes in the tables. Everything is read and worked out here, before
//! anything is written.

use alloc::{collections::BTreeMap, vec::Vec};
use core::ops::Range;

use mbt_account::{EMPTY_ROOT, PublicAccount};
use mbt_crypto::{Address, H256, keccak256, keccak256_all};

use super::table::{Table, account_at, encode_slot, keys_of, node_key, root, slot_key};
use crate::{
    AccountDiff, KeyValueRead, NodePath, StateDiff, StoreError,
    trie::{
        Change, NodeRead,
        forest::{Batch, Committed, Forest},
        proof::append_value,
    },
};

/// The tries of a state: that of accounts, and the storage tries by their owners.
pub(super) type Tries = Forest<Option<Address>>;

/// An entry before and after.
#[derive(Debug)]
pub(super) struct Replaced {
    pub(super) table: Table,
    pub(super) key: Vec<u8>,
    pub(super) old: Option<Vec<u8>>,
    pub(super) new: Option<Vec<u8>>,
}

/// Entries that a block changes, by table and key, and the root of the state after it.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) root: H256,
    pub(super) entries: Vec<Replaced>,
}

/// Keys and values of a trie's changes in one piece of memory.
#[derive(Debug, Default)]
struct Values {
    bytes: Vec<u8>,
    ranges: Vec<Range<usize>>,
}

impl Values {
    fn push(&mut self, append: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        append(&mut self.bytes);
        self.ranges.push(start..self.bytes.len());
    }

    /// Pairs keys with values, sorted by key.
    fn changes<'a>(&'a self, keys: &'a [H256], part: Range<usize>) -> Vec<Change<'a>> {
        let values = self.ranges[part.clone()].iter().map(|range| &self.bytes[range.clone()]);
        let pairs = keys[part].iter().zip(values);
        let mut changes: Vec<_> = pairs.map(|(key, value)| Change::new(&key.0, value)).collect();
        Change::sort(&mut changes);
        changes
    }
}

/// An account of the diff.
struct Touched<'a> {
    address: &'a Address,
    change: &'a AccountDiff,
    old: Option<Vec<u8>>,
    storage_root: H256,
    /// Its slots among all that are changed.
    slots: Range<usize>,
}

impl Plan {
    /// Works out what `diff` changes in the state that `read` holds, of which `tries` may have
    /// nodes in memory. On an error the tries are as before.
    pub(super) fn new(
        read: &impl KeyValueRead,
        tries: &mut Tries,
        diff: &StateDiff,
    ) -> Result<Self, StoreError> {
        let root = root(read)?;
        tries.begin(root);
        let mut plan = Self { root, entries: Vec::new() };
        match plan.work_out(read, tries, diff) {
            Ok(()) => tries.finish(plan.root),
            Err(error) => {
                tries.abort();
                return Err(error);
            }
        }
        plan.entries.sort_unstable_by(|a, b| (a.table, &a.key).cmp(&(b.table, &b.key)));
        Ok(plan)
    }

    fn work_out(
        &mut self,
        read: &impl KeyValueRead,
        tries: &mut Tries,
        diff: &StateDiff,
    ) -> Result<(), StoreError> {
        let mut gone = BTreeMap::new();
        let (mut slots, mut values) = (Vec::new(), Values::default());
        let mut accounts = Vec::with_capacity(diff.accounts.len());
        for (address, change) in &diff.accounts {
            let old = read.get(Table::Accounts.column(), &address.0)?;
            let mut storage_root = match &old {
                Some(old) => account_at(&address.0, old)?.storage_root,
                None => EMPTY_ROOT,
            };
            let cleared = change.storage_cleared || change.account.is_none();
            if cleared && storage_root != EMPTY_ROOT {
                self.clear(read, address, change, &mut gone)?;
                tries.clear(Some(*address));
                storage_root = EMPTY_ROOT;
            }
            let start = slots.len();
            if change.account.is_some() {
                self.set_slots(read, address, change, cleared, &mut slots, &mut values)?;
            }
            if start == slots.len() && storage_root != EMPTY_ROOT {
                check_storage_root(read, address, storage_root)?;
            }
            let slots = start..slots.len();
            accounts.push(Touched { address, change, old, storage_root, slots });
        }
        self.change_storage(read, tries, &mut accounts, (&slots, &values), gone)?;
        self.change_accounts(read, tries, accounts)
    }

    /// Notes that all storage of an account goes. Its nodes are left to be noted.
    fn clear(
        &mut self,
        read: &impl KeyValueRead,
        address: &Address,
        change: &AccountDiff,
        gone: &mut BTreeMap<Vec<u8>, Vec<u8>>,
    ) -> Result<(), StoreError> {
        let range = keys_of(address);
        let range = (range.0.as_ref().map(Vec::as_slice), range.1.as_ref().map(Vec::as_slice));
        for entry in read.iterate(Table::Storage.column(), range)? {
            let (key, old) = entry?;
            let slot = key.get(20..).filter(|slot| slot.len() == 32).map(H256::from_slice);
            let value = slot.and_then(|slot| change.storage.get(&slot)).copied();
            let new = value.filter(|_| change.account.is_some()).and_then(encode_slot);
            self.replace(Table::Storage, key, Some(old), new);
        }
        for entry in read.iterate(Table::StorageNodes.column(), range)? {
            let (key, old) = entry?;
            gone.insert(key, old);
        }
        Ok(())
    }

    /// Notes the slots of an account that change.
    fn set_slots(
        &mut self,
        read: &impl KeyValueRead,
        address: &Address,
        change: &AccountDiff,
        cleared: bool,
        slots: &mut Vec<H256>,
        values: &mut Values,
    ) -> Result<(), StoreError> {
        for (slot, value) in &change.storage {
            let key = slot_key(address, slot);
            let old = read.get(Table::Storage.column(), &key)?;
            let new = encode_slot(*value);
            if cleared || old != new {
                slots.push(*slot);
                values.push(|bytes| append_value(bytes, *value));
            }
            if !cleared || old.is_none() {
                self.replace(Table::Storage, key, old, new);
            }
        }
        Ok(())
    }

    /// Works out the storage tries, `gone` being stored nodes of those that were cleared.
    fn change_storage(
        &mut self,
        read: &impl KeyValueRead,
        tries: &mut Tries,
        accounts: &mut [Touched<'_>],
        (slots, values): (&[H256], &Values),
        mut gone: BTreeMap<Vec<u8>, Vec<u8>>,
    ) -> Result<(), StoreError> {
        let keys = keccak256_all(slots.iter().map(|slot| slot.0.as_slice()));
        let changed = |account: &&Touched<'_>| !account.slots.is_empty();
        let changes: Vec<_> = accounts
            .iter()
            .filter(changed)
            .map(|account| values.changes(&keys, account.slots.clone()))
            .collect();
        let batches: Vec<_> = accounts
            .iter()
            .filter(changed)
            .zip(&changes)
            .map(|(account, changes)| Batch {
                name: Some(*account.address),
                root: account.storage_root,
                changes,
            })
            .collect();
        if !batches.is_empty() {
            let owners: Vec<_> = batches.iter().map(|batch| batch.name).collect();
            let nodes = Nodes { read, owners: &owners };
            let committed = tries.commit(&nodes, &batches)?;
            self.change_nodes(tries, &committed, &owners, &mut gone);
            let changed = accounts.iter_mut().filter(|account| !account.slots.is_empty());
            for (number, account) in changed.enumerate() {
                account.storage_root = committed.root(number);
            }
        }
        for (key, old) in gone {
            self.replace(Table::StorageNodes, key, Some(old), None);
        }
        Ok(())
    }

    /// Works out the trie of accounts.
    fn change_accounts(
        &mut self,
        read: &impl KeyValueRead,
        tries: &mut Tries,
        accounts: Vec<Touched<'_>>,
    ) -> Result<(), StoreError> {
        let mut values = Values::default();
        let mut addresses = Vec::with_capacity(accounts.len());
        for Touched { address, change, old, storage_root, .. } in accounts {
            let new = change.account.as_ref().map(|account| {
                rlp::encode(&PublicAccount { storage_root, ..account.clone() }).to_vec()
            });
            if old != new {
                addresses.push(address);
                values.push(|bytes| bytes.extend_from_slice(new.as_deref().unwrap_or_default()));
                self.replace(Table::Accounts, address.0.to_vec(), old, new);
            }
        }
        if addresses.is_empty() {
            return Ok(());
        }
        let keys = keccak256_all(addresses.iter().map(|address| address.0.as_slice()));
        let changes = values.changes(&keys, 0..keys.len());
        let owners = [None];
        let nodes = Nodes { read, owners: &owners };
        let batch = Batch { name: None, root: self.root, changes: &changes };
        let committed = tries.commit(&nodes, &[batch])?;
        self.change_nodes(tries, &committed, &owners, &mut BTreeMap::new());
        self.root = committed.root(0);
        Ok(())
    }

    /// Notes the nodes that a commit changed. What it made in place of cleared storage replaces
    /// what is `gone`.
    fn change_nodes(
        &mut self,
        tries: &Tries,
        committed: &Committed<'_>,
        owners: &[Option<Address>],
        gone: &mut BTreeMap<Vec<u8>, Vec<u8>>,
    ) {
        tries.changed(committed, |trie, path, old, new| {
            let owner = owners[trie].as_ref();
            let table = if owner.is_some() { Table::StorageNodes } else { Table::AccountNodes };
            let key = node_key(owner, path);
            let old = old.map(<[u8]>::to_vec).or_else(|| gone.remove(&key));
            self.replace(table, key, old, new.map(<[u8]>::to_vec));
        });
    }

    fn replace(&mut self, table: Table, key: Vec<u8>, old: Option<Vec<u8>>, new: Option<Vec<u8>>) {
        if old != new {
            self.entries.push(Replaced { table, key, old, new });
        }
    }
}

/// Checks the root of a storage trie that no change leads to: it goes into the account anew.
fn check_storage_root(
    read: &impl KeyValueRead,
    address: &Address,
    root: H256,
) -> Result<(), StoreError> {
    let (table, key) = (Table::StorageNodes, node_key(Some(address), NodePath::ROOT));
    match read.get(table.column(), &key)? {
        Some(node) if keccak256(&node) == root => Ok(()),
        _ => Err(table.corrupt_at(&key, "a root node does not hash to its trie's root")),
    }
}

/// The nodes in a store, as a forest asks for them.
struct Nodes<'a, R> {
    read: &'a R,
    owners: &'a [Option<Address>],
}

impl<R> Nodes<'_, R> {
    fn place(&self, trie: usize, path: NodePath<'_>) -> (Table, Vec<u8>) {
        let owner = self.owners[trie].as_ref();
        let table = if owner.is_some() { Table::StorageNodes } else { Table::AccountNodes };
        (table, node_key(owner, path))
    }
}

impl<R: KeyValueRead> NodeRead for Nodes<'_, R> {
    type Error = StoreError;

    fn read(&self, trie: usize, path: NodePath<'_>) -> Result<Option<Vec<u8>>, StoreError> {
        let (table, key) = self.place(trie, path);
        self.read.get(table.column(), &key)
    }

    fn corrupt(&self, trie: usize, path: NodePath<'_>, what: &'static str) -> StoreError {
        let (table, key) = self.place(trie, path);
        table.corrupt_at(&key, what)
    }
}
