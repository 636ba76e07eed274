//! The state that is stored, checked against itself: flat entries, tries, codes.

use alloc::{collections::BTreeSet, string::String, vec::Vec};
use core::{cell::RefCell, ops::Bound};

use mbt_account::{EMPTY_CODE_HASH, EMPTY_ROOT, PublicAccount};
use mbt_crypto::{Address, H256, U256, keccak256};

use super::{
    Latest,
    table::{CODES, Table, decode_account, decode_slot, keys_of},
};
use crate::{Column, KeyValueRead, StateError, StoreError, sorted_root, verify_account_proof};

/// Accounts or slots that are sorted in memory at a time. More of them are walked several times.
const SORTED_MAX: u64 = 1 << 20;

/// Slots of an account that one proof is asked for.
const SLOTS_PROVED: usize = 256;

/// What is wrong with a stored state, and where.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StateFault {
    /// The flat accounts lead to another root than the block's.
    #[error("flat accounts have root {found:#x}, the block has {expected:#x}")]
    AccountsRoot {
        /// The block's.
        expected: H256,
        /// The accounts'.
        found: H256,
    },
    /// The trie of accounts has another root than the block.
    #[error("the trie of accounts has root {found:#x}, the block has {expected:#x}")]
    TrieRoot {
        /// The block's.
        expected: H256,
        /// The trie's.
        found: H256,
    },
    /// The flat slots of an account lead to another root than its record's.
    #[error("flat storage of account {address} has root {found:#x}, its record says {expected:#x}")]
    StorageRoot {
        /// The account.
        address: Address,
        /// The record's.
        expected: H256,
        /// The slots'.
        found: H256,
    },
    /// Slots without an account that they belong to.
    #[error("account {address} has slots and is not there")]
    StrayStorage {
        /// The address.
        address: Address,
    },
    /// An account or its slots are not proved by the stored nodes.
    #[error("trie nodes of account {address}: {reason}")]
    Nodes {
        /// The account.
        address: Address,
        /// Why not.
        reason: String,
    },
    /// An account's code is not stored.
    #[error("code {hash:#x} of account {address} is not stored")]
    MissingCode {
        /// The account.
        address: Address,
        /// The code's hash.
        hash: H256,
    },
    /// Code that is not what its key says.
    #[error("code under key {} has hash {found:#x}", Hex(key))]
    Code {
        /// The key.
        key: Vec<u8>,
        /// The code's hash.
        found: H256,
    },
    /// An entry that cannot be read.
    #[error("{0}")]
    Unreadable(String),
}

/// Shows bytes as hexadecimal digits.
struct Hex<'a>(&'a [u8]);

impl core::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct StateCounts {
    /// Accounts.
    pub accounts: u64,
    /// Slots.
    pub slots: u64,
    /// Codes.
    pub codes: u64,
}

/// Checks the stored state against a block's root: rebuilds every root from the flat entries, proves
/// each account and slot by the stored nodes, hashes each code. Each fault is told, and the check
/// goes on. `seen` is told after each account how many were checked. Memory is bounded.
///
/// # Errors
/// [`StoreError`]: the engine failed. What is stored wrongly is a fault, not an error.
pub fn verify_state(
    read: &impl KeyValueRead,
    root: H256,
    mut fault: impl FnMut(StateFault),
    mut seen: impl FnMut(&StateCounts),
) -> Result<StateCounts, StoreError> {
    let mut counts = StateCounts::default();
    let codes = verify_codes(read, &mut fault, &mut counts)?;
    let latest = Latest::new(read);
    match latest.root() {
        Ok(found) if found == root => {}
        Ok(found) => fault(StateFault::TrieRoot { expected: root, found }),
        Err(error) => unreadable(error, &mut fault)?,
    }
    let mut last = None;
    for entry in read.iterate(Table::Accounts.column(), ALL)? {
        let (key, value) = entry?;
        let Ok(address) = <[u8; 20]>::try_from(key.as_slice()).map(Address) else {
            fault(StateFault::Unreadable("an account's key is malformed".into()));
            continue;
        };
        verify_stray(read, last, Some(address), &mut fault)?;
        last = Some(address);
        counts.accounts = counts.accounts.saturating_add(1);
        match decode_account(&value) {
            Ok(account) => {
                let hash = account.code_hash;
                if hash != EMPTY_CODE_HASH && !codes.contains(&hash) {
                    fault(StateFault::MissingCode { address, hash });
                }
                verify_account(&latest, read, (&address, &account), root, &mut fault, &mut counts)?;
            }
            Err(error) => unreadable(error, &mut fault)?,
        }
        seen(&counts);
    }
    verify_stray(read, last, None, &mut fault)?;
    let entry = |key: &[u8], value: &[u8]| {
        decode_account(value).map(|account| (keccak256(key), rlp::encode(&account).to_vec()))
    };
    let found = rebuilt(read, Table::Accounts.column(), ALL, counts.accounts, entry)?;
    match found {
        Ok(found) if found == root => {}
        Ok(found) => fault(StateFault::AccountsRoot { expected: root, found }),
        Err(error) => unreadable(error, &mut fault)?,
    }
    Ok(counts)
}

type Range = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// Every key.
const ALL: crate::KeyRange<'static> = (Bound::Unbounded, Bound::Unbounded);

/// A corrupt entry is a fault; a failing engine is an error.
fn unreadable(
    error: impl Into<StateError>,
    fault: &mut impl FnMut(StateFault),
) -> Result<(), StoreError> {
    match error.into() {
        StateError::Store(error @ StoreError::Engine { .. }) => Err(error),
        error => {
            fault(StateFault::Unreadable(alloc::format!("{error}")));
            Ok(())
        }
    }
}

/// Returns the codes that are what their keys say.
fn verify_codes(
    read: &impl KeyValueRead,
    fault: &mut impl FnMut(StateFault),
    counts: &mut StateCounts,
) -> Result<BTreeSet<H256>, StoreError> {
    let mut codes = BTreeSet::new();
    for entry in read.iterate(CODES, ALL)? {
        let (key, code) = entry?;
        let found = keccak256(&code);
        counts.codes = counts.codes.saturating_add(1);
        if key == found.0 {
            codes.insert(found);
        } else {
            fault(StateFault::Code { key, found });
        }
    }
    Ok(codes)
}

/// Looks for slots between two accounts that follow one another.
fn verify_stray(
    read: &impl KeyValueRead,
    last: Option<Address>,
    next: Option<Address>,
    fault: &mut impl FnMut(StateFault),
) -> Result<(), StoreError> {
    let start = match last {
        Some(last) => match keys_of(&last).1 {
            Bound::Excluded(end) => Bound::Included(end),
            _ => return Ok(()),
        },
        None => Bound::Unbounded,
    };
    let end = next.map_or(Bound::Unbounded, |next| Bound::Excluded(next.0.to_vec()));
    let range = (start.as_ref().map(Vec::as_slice), end.as_ref().map(Vec::as_slice));
    for table in [Table::Storage, Table::StorageNodes] {
        if let Some(entry) = read.iterate(table.column(), range)?.next() {
            let (key, _) = entry?;
            let address = key.get(..20).and_then(|bytes| bytes.try_into().ok());
            let address = address.map_or(Address::ZERO, Address);
            fault(StateFault::StrayStorage { address });
        }
    }
    Ok(())
}

/// Checks an account's slots, and that the stored nodes prove both.
fn verify_account<R: KeyValueRead>(
    latest: &Latest<&R>,
    read: &R,
    (address, account): (&Address, &PublicAccount),
    root: H256,
    fault: &mut impl FnMut(StateFault),
    counts: &mut StateCounts,
) -> Result<(), StoreError> {
    let range: Range = keys_of(address);
    let range = (range.0.as_ref().map(Vec::as_slice), range.1.as_ref().map(Vec::as_slice));
    let mut slots = Vec::new();
    let mut count = 0_u64;
    for entry in read.iterate(Table::Storage.column(), range)? {
        let (key, _) = entry?;
        count = count.saturating_add(1);
        slots.extend(key.get(20..).filter(|slot| slot.len() == 32).map(H256::from_slice));
        if slots.len() == SLOTS_PROVED {
            verify_nodes(latest, address, &slots, root, fault)?;
            slots.clear();
        }
    }
    verify_nodes(latest, address, &slots, root, fault)?;
    counts.slots = counts.slots.saturating_add(count);
    let entry = |key: &[u8], value: &[u8]| {
        let slot = key.get(20..).unwrap_or_default();
        decode_slot(value).map(|value: U256| (keccak256(slot), rlp::encode(&value).to_vec()))
    };
    let expected = account.storage_root;
    match rebuilt(read, Table::Storage.column(), range, count, entry)? {
        Ok(found) if found == expected => Ok(()),
        Ok(found) => {
            fault(StateFault::StorageRoot { address: *address, expected, found });
            Ok(())
        }
        Err(error) => unreadable(error, fault),
    }
}

fn verify_nodes<R: KeyValueRead>(
    latest: &Latest<&R>,
    address: &Address,
    slots: &[H256],
    root: H256,
    fault: &mut impl FnMut(StateFault),
) -> Result<(), StoreError> {
    let nodes = |reason| StateFault::Nodes { address: *address, reason };
    match latest.prove(address, slots) {
        Ok(proof) => {
            if let Err(error) = verify_account_proof(root, &proof) {
                fault(nodes(alloc::format!("{error}")));
            }
            Ok(())
        }
        Err(StateError::Store(error @ StoreError::Engine { .. })) => Err(error),
        Err(error) => {
            fault(nodes(alloc::format!("{error}")));
            Ok(())
        }
    }
}

/// Returns the root of the trie of flat entries. `entry` hashes a key and encodes a value. So that
/// memory stays bounded, entries are sorted a part of the hashes at a time.
fn rebuilt<E>(
    read: &impl KeyValueRead,
    column: Column,
    range: crate::KeyRange<'_>,
    count: u64,
    entry: impl Fn(&[u8], &[u8]) -> Result<(H256, Vec<u8>), E>,
) -> Result<Result<H256, E>, StoreError> {
    if count == 0 {
        return Ok(Ok(EMPTY_ROOT));
    }
    let parts = count.div_ceil(SORTED_MAX).next_power_of_two().min(1 << 16);
    let bits = parts.trailing_zeros();
    let (failed, wrong) = (RefCell::new(None), RefCell::new(None));
    let part = |part: u64| {
        let collect = || -> Result<Vec<(H256, Vec<u8>)>, StoreError> {
            let mut entries = Vec::new();
            for item in read.iterate(column, range)? {
                let (key, value) = item?;
                match entry(&key, &value) {
                    Ok((hash, value)) => {
                        let first = u64::from(u16::from_be_bytes([hash.0[0], hash.0[1]]));
                        if (first << bits) >> 16 == part {
                            entries.push((hash, value));
                        }
                    }
                    Err(error) => {
                        wrong.borrow_mut().get_or_insert(error);
                    }
                }
            }
            entries.sort_unstable();
            Ok(entries)
        };
        collect().unwrap_or_else(|error| {
            failed.borrow_mut().get_or_insert(error);
            Vec::new()
        })
    };
    let root = sorted_root((0..parts).flat_map(part).map(|(hash, value)| (hash.0, value)));
    if let Some(error) = failed.into_inner() {
        return Err(error);
    }
    Ok(match wrong.into_inner() {
        Some(error) => Err(error),
        None => Ok(root),
    })
}
