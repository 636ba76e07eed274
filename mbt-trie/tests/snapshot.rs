//! A state as one file: it is read back whole, from the same bytes, or not at all.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, ops::Bound};

use mbt_account::PublicAccount;
use mbt_crypto::{Address, H256, U256, keccak256};
use mbt_trie::{
    AccountDiff, Column, Durability, History, KeyValueRead, KeyValueStore, Latest, MemoryStore,
    SNAPSHOT_PREFIX_BYTES, SnapshotCounts, SnapshotError, SnapshotExport, SnapshotHead,
    SnapshotImport, Stage, State, StateDiff, chunk_bytes, testing::Blocks,
};

const PRESENT: [&str; 4] =
    ["state-accounts", "state-storage", "state-account-nodes", "state-storage-nodes"];

fn export(store: &MemoryStore, number: u64) -> Vec<Vec<u8>> {
    let root = Latest::new(store).root().unwrap();
    let head = SnapshotHead { number, root, attachment: b"more".to_vec() };
    SnapshotExport::new(store.snapshot().unwrap(), &head).collect::<Result<_, _>>().unwrap()
}

/// Reads a file as it comes from a disk.
fn import(file: &[u8]) -> Result<(MemoryStore, SnapshotHead, SnapshotCounts), SnapshotError> {
    let (store, mut import) = (MemoryStore::new(), SnapshotImport::new());
    let mut rest = file;
    while let Some((prefix, behind)) = rest.split_first_chunk::<SNAPSHOT_PREFIX_BYTES>() {
        let length = chunk_bytes(import.chunks(), *prefix)?.min(behind.len());
        let batch = import.chunk(&store, &rest[..SNAPSHOT_PREFIX_BYTES + length])?;
        store.write(&batch, Durability::Durable).unwrap();
        rest = &behind[length..];
    }
    let head = import.head().cloned();
    let counts = import.finish()?;
    Ok((store, head.unwrap(), counts))
}

fn content(store: &impl KeyValueRead) -> Vec<BTreeMap<Vec<u8>, Vec<u8>>> {
    let all = (Bound::Unbounded, Bound::Unbounded);
    let column =
        |name| store.iterate(Column(name), all).unwrap().collect::<Result<_, _>>().unwrap();
    PRESENT.map(column).to_vec()
}

fn blocks(seed: u64, count: u64) -> MemoryStore {
    let (store, blocks) = (MemoryStore::new(), Blocks::new(seed));
    for number in 0..count {
        blocks.commit(&store, number, Durability::Durable).unwrap();
    }
    store
}

/// A state too large for one chunk, one account of which is.
fn large() -> MemoryStore {
    let mut diff = StateDiff::default();
    for n in 0..9_000_u64 {
        let slots = if n == 4_000 { 20_000 } else { n % 3 };
        let slot = |slot: u64| (H256(keccak256(slot.to_be_bytes()).0), U256::from(slot + 1));
        let account = PublicAccount { balance: U256::from(n), ..PublicAccount::default() };
        let change = AccountDiff {
            account: Some(account),
            storage_cleared: false,
            storage: (0..slots).map(slot).collect(),
        };
        diff.accounts.insert(Address::from_hash(keccak256(n.to_be_bytes())), change);
    }
    let store = MemoryStore::new();
    let mut stage = Stage::new(&store);
    State::new(History::Archive).commit(&mut stage, 5, &diff).unwrap();
    store.write(&stage.into_batch(), Durability::Durable).unwrap();
    store
}

#[test]
fn a_state_is_read_back_as_it_was() {
    for (store, number) in [(blocks(1, 40), 39), (large(), 5), (blocks(2, 1), 0)] {
        let chunks = export(&store, number);
        let (copy, head, counts) = import(&chunks.concat()).unwrap();
        assert_eq!(content(&copy), content(&store));
        assert_eq!((head.number, head.attachment.as_slice()), (number, &b"more"[..]));
        assert_eq!(Latest::new(&copy).root().unwrap(), head.root);
        assert_eq!(export(&copy, number), chunks, "the copy writes the same file");
        assert_eq!(counts.accounts, content(&copy)[0].len() as u64);
        assert_eq!(counts.slots, content(&copy)[1].len() as u64);
        // The chain goes on from the copy as from the original.
        let next = |store: &MemoryStore| {
            let mut stage = Stage::new(store);
            State::new(History::Blocks(3)).commit(&mut stage, number + 1, &Blocks::new(3).diff(9))
        };
        assert_eq!(next(&copy).unwrap(), next(&store).unwrap());
    }
}

#[test]
fn large_states_are_cut_into_chunks_of_bounded_size() {
    let chunks = export(&large(), 5);
    assert!(chunks.len() > 4, "{} chunks", chunks.len());
    assert!(chunks.iter().all(|chunk| chunk.len() < 2 << 20));
}

#[test]
fn the_same_state_is_the_same_file_however_it_came_about() {
    let long = blocks(4, 30);
    let straight = MemoryStore::new();
    let mut diff = StateDiff::default();
    let (latest, first) = (Latest::new(&long), H256::zero());
    for entry in latest.accounts(&Address::ZERO).unwrap() {
        let (address, account) = entry.unwrap();
        let code = mbt_trie::StateView::code(&latest, &account.code_hash).unwrap();
        diff.codes.insert(account.code_hash, code);
        let slots = latest.slots(&address, &first).unwrap();
        let storage = slots.collect::<Result<_, _>>().unwrap();
        let change = AccountDiff { account: Some(account), storage_cleared: false, storage };
        diff.accounts.insert(address, change);
    }
    let mut stage = Stage::new(&straight);
    State::new(History::Archive).commit(&mut stage, 29, &diff).unwrap();
    straight.write(&stage.into_batch(), Durability::Durable).unwrap();
    assert_eq!(export(&straight, 29), export(&long, 29));
}

#[test]
fn a_file_with_any_byte_changed_or_cut_off_is_refused() {
    let store = blocks(5, 2);
    let file = export(&store, 1).concat();
    let (dense, end) = (0..120, file.len());
    for place in dense.chain((120..end - 120).step_by(7)).chain(end - 120..end) {
        let mut damaged = file.clone();
        damaged[place] ^= 1 << (place % 8);
        assert!(import(&damaged).is_err(), "byte {place} was changed");
        assert!(import(&file[..place]).is_err(), "cut off at {place}");
    }
    assert!(import(&[file.as_slice(), &file].concat()).is_err(), "twice");
    assert!(import(b"something else, longer than a chunk").is_err());
}

#[test]
fn a_state_of_another_root_is_refused_with_both() {
    let store = blocks(6, 3);
    let found = Latest::new(&store).root().unwrap();
    let head = SnapshotHead { number: 2, root: H256([7; 32]), attachment: Vec::new() };
    let file = SnapshotExport::new(&store, &head).collect::<Result<Vec<_>, _>>().unwrap().concat();
    let error = import(&file).map(drop).unwrap_err();
    assert!(
        matches!(error, SnapshotError::Root { number: 2, expected, found: seen }
            if expected == head.root && seen == found),
        "{error}"
    );
}

#[test]
fn an_account_whose_slots_lead_elsewhere_is_named() {
    let store = blocks(7, 20);
    // A slot is changed behind the tries' back.
    let all = (Bound::Unbounded, Bound::Unbounded);
    let (key, _) = store.iterate(Column(PRESENT[1]), all).unwrap().next().unwrap().unwrap();
    let mut batch = mbt_trie::WriteBatch::new();
    batch.put(Column(PRESENT[1]), key.clone(), [0x77]);
    store.write(&batch, Durability::Durable).unwrap();
    let error = import(&export(&store, 19).concat()).map(drop).unwrap_err();
    let owner = Address(key[..20].try_into().unwrap());
    assert!(
        matches!(error, SnapshotError::StorageRoot { address, .. } if address == owner),
        "{error}"
    );
}
