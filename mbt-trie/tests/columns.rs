//! Whatever entry of a store is harmed: it is reported with its column, nothing panics, and nothing
//! wrong is proved.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use common::{address, slot};
use mbt_account::PublicAccount;
use mbt_crypto::{Address, H256, U256, keccak256};
use mbt_trie::{
    AccountDiff, Column, Durability, Historic, History, KeyValueRead, KeyValueStore, Latest,
    MemoryStore, Stage, State, StateDiff, StateError, StateKeys, StateView, WriteBatch,
    verify_account_proof,
};

const COLUMNS: [&str; 11] = [
    "state-accounts",
    "state-storage",
    "state-account-nodes",
    "state-storage-nodes",
    "state-accounts-history",
    "state-storage-history",
    "state-account-nodes-history",
    "state-storage-nodes-history",
    "state-changes",
    "state-codes",
    "state-meta",
];
const STATE: State = State::new(History::Archive);
const HEAD: u64 = 4;

fn block(number: u64) -> StateDiff {
    let mut diff = StateDiff::default();
    for n in 0..12 {
        if (u64::from(n) + number).is_multiple_of(3) {
            continue;
        }
        let code: Arc<[u8]> = Arc::from([n; 40].as_slice());
        let account = PublicAccount {
            balance: U256::from(1_000 * number + u64::from(n)),
            code_hash: keccak256(&code),
            ..PublicAccount::default()
        };
        let mut change = AccountDiff { account: Some(account), ..AccountDiff::default() };
        if n % 3 != 1 {
            let value = |slot| U256::from(1_000_000 * (number + 1) + slot);
            change.storage = (0..n).map(|n| (slot(n), value(u64::from(n)))).collect();
        }
        diff.accounts.insert(address(n), change);
        diff.codes.insert(keccak256(&code), code);
    }
    diff
}

fn keys() -> StateKeys {
    (0..13).map(|n| (address(n), (0..12).map(slot).collect())).collect()
}

/// What is wrong is told with its place, or is a thing that is not there.
fn named(error: &StateError) {
    let text = error.to_string();
    match error {
        StateError::Store(_) => assert!(text.contains("state-"), "{text}"),
        StateError::MissingCode(_) | StateError::NotKept { .. } | StateError::OutOfOrder { .. } => {
        }
        _ => panic!("{text}"),
    }
}

/// Counts errors; each must name its place.
#[derive(Default)]
struct Seen(usize);

impl Seen {
    fn ok<T>(&mut self, result: Result<T, StateError>) -> Option<T> {
        result.map_err(|error| (self.0 += 1, named(&error))).ok()
    }
}

/// Reads and proves everything. A proof of the right root shows what was committed.
fn read<V: StateView>(
    seen: &mut Seen,
    view: &V,
    prove: impl Fn(&Address, &[H256]) -> Result<mbt_trie::AccountProof, StateError>,
    root: H256,
    right: &common::SlowState,
) {
    let slots: Vec<_> = (0..12).map(slot).collect();
    for n in 0..13 {
        let account = seen.ok(view.account(&address(n))).flatten();
        account.and_then(|account| seen.ok(view.code(&account.code_hash)));
        for slot in &slots {
            seen.ok(view.storage(&address(n), slot));
        }
        if let Some(proof) = seen.ok(prove(&address(n), &slots))
            && verify_account_proof(root, &proof).is_ok()
        {
            assert_eq!(proof.account.as_ref(), right.accounts.get(&address(n)));
            for proof in proof.storage_proofs {
                assert_eq!(proof.value, right.storage(&address(n), &proof.slot));
            }
        }
    }
}

fn use_everything(
    store: &MemoryStore,
    twins: &[(common::SlowState, H256)],
    next: H256,
    flat: bool,
    what: &str,
) -> usize {
    let mut seen = Seen::default();
    let (right, root) = &twins[usize::try_from(HEAD).unwrap()];
    let latest = Latest::new(store);
    read(&mut seen, &latest, |address, slots| latest.prove(address, slots), *root, right);
    // What the head's state proves holds against its root, or is not given out.
    for n in 0..13 {
        if let Some(proof) = seen.ok(latest.prove(&address(n), &[slot(1), slot(9)])) {
            assert_eq!(verify_account_proof(*root, &proof), Ok(()), "{what}");
        }
    }
    if let Some(proof) = seen.ok(latest.prove_all(&keys()))
        && let Ok(values) = proof.verify(*root, &keys())
    {
        let account = |n| values[&address(n)].account.clone();
        assert!((0..13).all(|n| account(n).as_ref() == right.accounts.get(&address(n))));
    }
    for entry in latest.accounts(&Address::ZERO).unwrap() {
        seen.ok(entry);
    }
    for n in 0..13 {
        for entry in latest.slots(&address(n), &slot(0)).unwrap() {
            seen.ok(entry);
        }
    }
    for number in 0..HEAD {
        let Some(past) = seen.ok(Historic::new(store, HEAD, number)) else { continue };
        let (right, root) = &twins[usize::try_from(number).unwrap()];
        read(&mut seen, &past, |address, slots| past.prove(address, slots), *root, right);
        for entry in seen.ok(past.accounts(&Address::ZERO)).into_iter().flatten() {
            seen.ok(entry);
        }
        for entry in seen.ok(past.slots(&address(5), &slot(0))).into_iter().flatten() {
            seen.ok(entry);
        }
    }
    for state in [STATE, State::new(History::Blocks(1))] {
        let mut stage = Stage::new(store);
        match seen.ok(state.commit(&mut stage, HEAD + 1, &block(HEAD + 1))) {
            Some(found) => assert!(flat || found == next, "a wrong root: {what}"),
            None => assert!(stage.batch().is_empty(), "a failed commit left changes"),
        }
    }
    let mut stage = Stage::new(store);
    for number in (1..=HEAD).rev() {
        if seen.ok(STATE.rollback(&mut stage, number)).is_none() {
            break;
        }
    }
    seen.0
}

#[test]
fn every_column_may_be_harmed() {
    let store = MemoryStore::new();
    let (mut twin, mut twins) = (common::SlowState::default(), Vec::new());
    for number in 0..=HEAD {
        let mut stage = Stage::new(&store);
        let root = STATE.commit(&mut stage, number, &block(number)).unwrap();
        store.write(&stage.into_batch(), Durability::Durable).unwrap();
        assert_eq!(twin.commit(&block(number)), root);
        twins.push((twin.clone(), root));
    }
    let next = twin.commit(&block(HEAD + 1));
    assert_eq!(use_everything(&store, &twins, next, false, ""), 0, "nothing is harmed yet");

    let mut found = BTreeMap::new();
    for name in COLUMNS {
        let column = Column(name);
        let all = (Bound::Unbounded, Bound::Unbounded);
        let entries: Vec<_> = store.iterate(column, all).unwrap().map(Result::unwrap).collect();
        assert!(!entries.is_empty(), "{name} is not used");
        let step = entries.len().div_ceil(7);
        for (number, (key, value)) in entries.iter().enumerate().step_by(step) {
            let mut flipped = value.clone();
            let at = number * 31 % flipped.len().max(1);
            flipped.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (number % 8));
            let long = [value.as_slice(), &[1]].concat();
            let short = value[..value.len() / 2].to_vec();
            let harms = [Some(flipped), Some(long), Some(short), Some(vec![]), None];
            for (kind, harm) in harms.into_iter().enumerate() {
                let mut batch = WriteBatch::new();
                match harm {
                    Some(harm) => batch.put(column, key.clone(), harm),
                    None => batch.delete(column, key.clone()),
                }
                store.write(&batch, Durability::Deferred).unwrap();
                // A flat entry that is missing looks as one that never was: the proof tells.
                let flat = kind == 4 && (name == "state-accounts" || name == "state-storage");
                *found.entry(name).or_insert(0) += use_everything(
                    &store,
                    &twins,
                    next,
                    flat,
                    &format!("{name} {key:02x?} {kind}"),
                );
                let mut batch = WriteBatch::new();
                batch.put(column, key.clone(), value.clone());
                store.write(&batch, Durability::Deferred).unwrap();
            }
        }
        // A key of another length.
        let mut batch = WriteBatch::new();
        batch.put(column, [7; 3], [1; 3]);
        store.write(&batch, Durability::Deferred).unwrap();
        use_everything(&store, &twins, next, false, "");
        let mut batch = WriteBatch::new();
        batch.delete(column, [7; 3]);
        store.write(&batch, Durability::Deferred).unwrap();
    }
    assert_eq!(use_everything(&store, &twins, next, false, ""), 0, "all is as it was");
    assert!(COLUMNS.iter().all(|name| found[name] > 0), "{found:?}");
}
