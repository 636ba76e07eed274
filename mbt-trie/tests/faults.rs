//! Whatever read or write fails, the state stays the one before.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{SlowState, diff};
use mbt_trie::{
    Durability, Historic, History, KeyValueStore, Latest, MemoryStore, Stage, State, StateDiff,
    StateError, WriteBuffer, testing::FaultyStore,
};
use proptest::prelude::*;

fn commit(
    state: State,
    store: &impl KeyValueStore,
    number: u64,
    diff: &StateDiff,
) -> Result<(), StateError> {
    let mut stage = Stage::new(store);
    let result = state.commit(&mut stage, number, diff);
    assert!(result.is_ok() || stage.batch().is_empty(), "a failed commit left changes");
    result?;
    Ok(store.write(&stage.into_batch(), Durability::Durable)?)
}

fn rollback(state: State, store: &impl KeyValueStore, number: u64) -> Result<(), StateError> {
    let mut stage = Stage::new(store);
    let result = state.rollback(&mut stage, number);
    assert!(result.is_ok() || stage.batch().is_empty(), "a failed rollback left changes");
    result?;
    Ok(store.write(&stage.into_batch(), Durability::Durable)?)
}

/// Lets each operation in turn fail once, until the action succeeds, and checks the root meanwhile.
fn every_failure(
    faults: &FaultyStore<MemoryStore>,
    root: impl Fn() -> mbt_crypto::H256,
    mut action: impl FnMut() -> Result<(), StateError>,
) {
    let before = root();
    for operation in 0.. {
        faults.fail_after(operation);
        let result = action();
        let pending = faults.heal();
        if pending {
            result.unwrap();
            break;
        }
        match result {
            Err(_) => assert_eq!(root(), before, "failed at operation {operation}"),
            // The last operation is the buffer's new snapshot, which it does without.
            Ok(()) => break,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn every_failure_leaves_the_old_state(diffs in prop::collection::vec(diff(), 4)) {
        let state = State::new(History::Blocks(2));
        let faults = FaultyStore::new(MemoryStore::new());
        let store = WriteBuffer::with_bytes_max(faults.clone(), 0).unwrap();
        let root = || Latest::new(&store).root().unwrap();
        let mut twin = SlowState::default();
        let mut roots = vec![twin.root()];
        for (number, diff) in (1..).zip(&diffs) {
            every_failure(&faults, root, || commit(state, &store, number - 1, diff));
            roots.push(twin.commit(diff));
            prop_assert_eq!(root(), roots[roots.len() - 1]);
        }
        every_failure(&faults, root, || rollback(state, &store, 3));
        prop_assert_eq!(root(), roots[3]);
        let read = || {
            let historic = Historic::new(&store, 2, 1)?;
            historic.prove(&common::address(1), &[common::slot(1)]).map(drop)
        };
        every_failure(&faults, root, read);
    }
}
