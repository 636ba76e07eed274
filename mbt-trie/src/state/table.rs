//! How the state lies in the store.
//!
//! Each of the four tables has its present entries, and in a history column the entry that each
//! block replaced: under the key and the block's number the old value, empty where there was none.
//! No key of a table is the start of another's, so that the entries of a key lie together.

use alloc::vec::Vec;
use core::ops::Bound;

use mbt_account::{
    EMPTY_ROOT, PublicAccount,
    codec::{Decode, DecodeError},
};
use mbt_crypto::{Address, H256, U256, keccak256};

use crate::{Column, KeyValueRead, NodePath, StoreError};

/// Code by its hash. Never removed.
pub(super) const CODES: Column = Column("state-codes");
/// Number of a block within the history kept: which entries it changed.
pub(super) const CHANGES: Column = Column("state-changes");
/// The few values there is one of.
pub(super) const META: Column = Column("state-meta");

const HEAD: &[u8] = b"head";
const ROOT: &[u8] = b"root";

/// A table with history.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Table {
    /// Address: the account's RLP.
    Accounts,
    /// Address and slot: the value without leading zeros, never zero.
    Storage,
    /// Path: a node of the trie of accounts.
    AccountNodes,
    /// Address and path: a node of the account's storage trie.
    StorageNodes,
}

impl Table {
    const ALL: [Self; 4] = [Self::Accounts, Self::Storage, Self::AccountNodes, Self::StorageNodes];

    /// The table of a trie's nodes: of that of accounts, or of the storage trie of `owner`.
    pub(super) const fn nodes(owner: Option<&Address>) -> Self {
        if owner.is_some() { Self::StorageNodes } else { Self::AccountNodes }
    }

    /// The column of the present entries.
    pub(super) const fn column(self) -> Column {
        Column(match self {
            Self::Accounts => "state-accounts",
            Self::Storage => "state-storage",
            Self::AccountNodes => "state-account-nodes",
            Self::StorageNodes => "state-storage-nodes",
        })
    }

    /// The column of the entries replaced.
    pub(super) const fn history(self) -> Column {
        Column(match self {
            Self::Accounts => "state-accounts-history",
            Self::Storage => "state-storage-history",
            Self::AccountNodes => "state-account-nodes-history",
            Self::StorageNodes => "state-storage-nodes-history",
        })
    }

    const fn tag(self) -> u8 {
        match self {
            Self::Accounts => 0,
            Self::Storage => 1,
            Self::AccountNodes => 2,
            Self::StorageNodes => 3,
        }
    }

    /// Says that an entry of the table is not what was written.
    pub(super) const fn corrupt(self, what: &'static str) -> StoreError {
        StoreError::Corrupt { column: self.column(), what }
    }

    /// Says that what was replaced under a key is not what was written.
    pub(super) fn corrupt_past(self, key: &[u8], what: &'static str) -> StoreError {
        StoreError::CorruptEntry { column: self.history(), key: key.to_vec(), what }
    }

    /// Says that the entry of a key is not what was written.
    pub(super) fn corrupt_at(self, key: &[u8], what: &'static str) -> StoreError {
        StoreError::CorruptEntry { column: self.column(), key: key.to_vec(), what }
    }
}

/// Key of a slot.
pub(super) fn slot_key(address: &Address, slot: &H256) -> Vec<u8> {
    [address.0.as_slice(), &slot.0].concat()
}

/// Key of a trie node: of the trie of accounts, or of the storage trie of `owner`. Behind the owner
/// stands the length of the path, so that no path's key is the start of another's.
pub(super) fn node_key(owner: Option<&Address>, path: NodePath<'_>) -> Vec<u8> {
    let mut key = Vec::with_capacity(21 + path.len().div_ceil(2));
    if let Some(owner) = owner {
        key.extend_from_slice(&owner.0);
    }
    key.push(u8::try_from(path.len()).unwrap_or(u8::MAX));
    path.append_packed(&mut key);
    key
}

/// Key of what a block replaced under `key`.
pub(super) fn history_key(key: &[u8], number: u64) -> Vec<u8> {
    [key, &number.to_be_bytes()].concat()
}

/// Bounds of all keys that start with an address.
pub(super) fn keys_of(address: &Address) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    let mut end = address.0.to_vec();
    while end.last() == Some(&u8::MAX) {
        end.pop();
    }
    let end = match end.last_mut() {
        Some(last) => {
            *last = last.wrapping_add(1);
            Bound::Excluded(end)
        }
        None => Bound::Unbounded,
    };
    (Bound::Included(address.0.to_vec()), end)
}

pub(super) fn decode_account(bytes: &[u8]) -> Result<PublicAccount, StoreError> {
    PublicAccount::decode(bytes)
        .map_err(|_: DecodeError| Table::Accounts.corrupt("an account is malformed"))
}

/// Reads the account stored under a key.
pub(super) fn account_at(key: &[u8], bytes: &[u8]) -> Result<PublicAccount, StoreError> {
    let what = "an account is malformed";
    decode_account(bytes).map_err(|_| Table::Accounts.corrupt_at(key, what))
}

/// Reads the slot stored under a key.
pub(super) fn slot_at(key: &[u8], bytes: &[u8]) -> Result<U256, StoreError> {
    decode_slot(bytes).map_err(|_| Table::Storage.corrupt_at(key, "a slot is malformed"))
}

pub(super) fn decode_slot(bytes: &[u8]) -> Result<U256, StoreError> {
    match bytes {
        [] | [0, ..] => Err(Table::Storage.corrupt("a slot is malformed")),
        _ if bytes.len() > 32 => Err(Table::Storage.corrupt("a slot is longer than 32 bytes")),
        _ => Ok(U256::from_big_endian(bytes)),
    }
}

pub(super) fn encode_slot(value: U256) -> Option<Vec<u8>> {
    let bytes = value.to_big_endian();
    let skip = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(skip..).filter(|bytes| !bytes.is_empty()).map(<[u8]>::to_vec)
}

/// Reads the number of the block whose state is stored.
pub(super) fn head(read: &impl KeyValueRead) -> Result<Option<u64>, StoreError> {
    read.get(META, HEAD)?.map(|bytes| number_in(META, &bytes)).transpose()
}

pub(super) const fn head_entry(number: u64) -> (Column, &'static [u8], [u8; 8]) {
    (META, HEAD, number.to_be_bytes())
}

/// Reads the root of the state that is stored. What was written before roots were is taken at the
/// word of its root node.
pub(super) fn root(read: &impl KeyValueRead) -> Result<H256, StoreError> {
    match read.get(META, ROOT)? {
        Some(bytes) => {
            let what = "a root is not 32 bytes long";
            let root = bytes.try_into().map(H256);
            root.map_err(|_| StoreError::Corrupt { column: META, what })
        }
        None => {
            let node = read.get(Table::AccountNodes.column(), &node_key(None, NodePath::ROOT))?;
            Ok(node.map_or(EMPTY_ROOT, keccak256))
        }
    }
}

pub(super) const fn root_entry(root: H256) -> (Column, &'static [u8], [u8; 32]) {
    (META, ROOT, root.0)
}

pub(super) fn number_in(column: Column, bytes: &[u8]) -> Result<u64, StoreError> {
    let what = "a number is not 8 bytes long";
    bytes.try_into().map(u64::from_be_bytes).map_err(|_| StoreError::Corrupt { column, what })
}

/// Returns the oldest block whose state is kept.
pub(super) fn oldest(read: &impl KeyValueRead, head: u64) -> Result<u64, StoreError> {
    match read.iterate(CHANGES, (Bound::Unbounded, Bound::Unbounded))?.next() {
        None => Ok(head),
        Some(first) => Ok(number_in(CHANGES, &first?.0)?.saturating_sub(1)),
    }
}

/// Appends an entry to the list of those that a block changed.
pub(super) fn append_changed(list: &mut Vec<u8>, table: Table, key: &[u8]) {
    list.push(table.tag());
    list.push(u8::try_from(key.len()).unwrap_or(u8::MAX));
    list.extend_from_slice(key);
}

/// Walks the list of entries that a block changed.
pub(super) fn changed(mut list: &[u8]) -> impl Iterator<Item = Result<(Table, &[u8]), StoreError>> {
    core::iter::from_fn(move || {
        let (tag, length, rest) = match list {
            [] => return None,
            [tag, length, rest @ ..] => (*tag, usize::from(*length), rest),
            [_] => (u8::MAX, 0, list),
        };
        let table = Table::ALL.into_iter().find(|table| table.tag() == tag);
        let Some((table, (key, rest))) = table.zip(rest.split_at_checked(length)) else {
            list = &[];
            let what = "a list of changes is malformed";
            return Some(Err(StoreError::Corrupt { column: CHANGES, what }));
        };
        list = rest;
        Some(Ok((table, key)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_keys_of_an_address_lie_within_its_bounds() {
        for address in [Address([0; 20]), Address([7; 20]), Address([0xff; 20])] {
            let bounds = keys_of(&address);
            let key = slot_key(&address, &H256([0xff; 32]));
            assert!(core::ops::RangeBounds::contains(&bounds, &key));
        }
        let end = keys_of(&Address([0x12; 20])).1;
        assert_eq!(end, Bound::Excluded([[0x12; 19].as_slice(), &[0x13]].concat()));
    }

    #[test]
    fn a_malformed_list_of_changes_is_corrupt() {
        let mut list = Vec::new();
        append_changed(&mut list, Table::Storage, b"key");
        assert_eq!(changed(&list).count(), 1);
        for bad in [&list[..3], &[9, 0][..], &[1][..]] {
            assert!(changed(bad).last().unwrap().is_err());
        }
    }
}
