//! The state agrees with a slow twin through commits, rollbacks, pruning and reads of the past.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use common::{SlowState, address, diff, slot};
use mbt_account::{EMPTY_ROOT, PublicAccount};
use mbt_crypto::{Address, H256, U256, keccak256};
use mbt_trie::{
    AccountDiff, Column, Durability, Historic, History, KeyValueRead, KeyValueStore, Latest,
    MemoryStore, ResidentState, Stage, State, StateDiff, StateError, StateView, WriteBuffer,
    sorted_root, verify_account_proof,
};
use proptest::prelude::*;

const WINDOW: u64 = 5;

fn commit(state: State, store: &impl KeyValueStore, number: u64, diff: &StateDiff) -> H256 {
    let mut stage = Stage::new(store);
    let root = state.commit(&mut stage, number, diff).unwrap();
    store.write(&stage.into_batch(), Durability::Deferred).unwrap();
    root
}

fn rollback(state: State, store: &impl KeyValueStore, number: u64) {
    let mut stage = Stage::new(store);
    state.rollback(&mut stage, number).unwrap();
    store.write(&stage.into_batch(), Durability::Deferred).unwrap();
}

fn check(view: &impl StateView, twin: &SlowState) {
    for n in 0..42 {
        let address = address(n);
        assert_eq!(view.account(&address).unwrap(), twin.accounts.get(&address).cloned());
        for n in 0..13 {
            let slot = slot(n);
            assert_eq!(view.storage(&address, &slot).unwrap(), twin.storage(&address, &slot));
        }
    }
}

fn check_proofs(historic: &Historic<impl KeyValueRead>, twin: &SlowState, root: H256) {
    let slots: Vec<_> = (0..13).map(slot).collect();
    assert_eq!(historic.root().unwrap(), root);
    for n in (0..42).step_by(5) {
        let proof = historic.prove(&address(n), &slots).unwrap();
        assert_eq!(proof.account, twin.accounts.get(&address(n)).cloned());
        verify_account_proof(root, &proof).unwrap();
    }
}

/// Walks a state, which is to hold what the twin does; the root of what was walked is the state's.
fn check_walk(
    twin: &SlowState,
    root: H256,
    accounts: &[(Address, PublicAccount)],
    slots: impl Fn(&Address) -> Vec<(H256, U256)>,
) {
    let mut leaves = BTreeMap::new();
    for (address, account) in accounts {
        let slots = slots(address);
        let held = twin.storage.get(address).cloned().unwrap_or_default();
        assert_eq!(slots, held.into_iter().collect::<Vec<_>>());
        let entry = |(slot, value): (H256, U256)| (keccak256(slot).0, rlp::encode(&value).to_vec());
        let entries: BTreeMap<_, _> = slots.into_iter().map(entry).collect();
        assert_eq!(sorted_root(entries), account.storage_root);
        leaves.insert(keccak256(address.0).0, rlp::encode(account).to_vec());
    }
    assert_eq!(sorted_root(leaves), root);
    assert_eq!(accounts, twin.accounts.clone().into_iter().collect::<Vec<_>>());
}

fn check_historic_walk(historic: &Historic<impl KeyValueRead>, twin: &SlowState, root: H256) {
    let all: Vec<_> = historic.accounts(&Address::ZERO).unwrap().map(Result::unwrap).collect();
    check_walk(twin, root, &all, |address| {
        historic.slots(address, &H256::zero()).unwrap().map(Result::unwrap).collect()
    });
}

/// Everything that the store holds, to see that nothing is left behind.
fn content(store: &impl KeyValueRead, columns: &[&'static str]) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let all = (Bound::Unbounded, Bound::Unbounded);
    let entries = |column: &&'static str| store.iterate(Column(column), all).unwrap();
    columns.iter().flat_map(entries).collect::<Result<_, _>>().unwrap()
}

const PRESENT: [&str; 4] =
    ["state-accounts", "state-storage", "state-account-nodes", "state-storage-nodes"];
const PAST: [&str; 5] = [
    "state-accounts-history",
    "state-storage-history",
    "state-account-nodes-history",
    "state-storage-nodes-history",
    "state-changes",
];

#[derive(Clone, Debug)]
enum Step {
    Commit(StateDiff),
    /// A commit whose stage is dropped.
    Drop(StateDiff),
    Rollback(u64),
    /// The process starts anew, with so much memory for nodes.
    Restart(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => diff().prop_map(Step::Commit),
        3 => diff().prop_map(Step::Drop),
        2 => (1..WINDOW).prop_map(Step::Rollback),
        1 => prop_oneof![Just(0), Just(10_000), Just(usize::MAX)].prop_map(Step::Restart),
    ];
    prop::collection::vec(step, 1..24)
}

fn run(state: State, store: &impl KeyValueStore, steps: Vec<Step>) {
    let mut twins = vec![(SlowState::default(), EMPTY_ROOT)];
    commit(state, store, 0, &StateDiff::default());
    let mut resident = ResidentState::new(state.history);
    let mut oldest = 0;
    for step in steps {
        match step {
            Step::Commit(diff) => {
                let number = twins.len() as u64;
                let mut twin = twins.last().unwrap().0.clone();
                let root = twin.commit(&diff);
                let mut stage = Stage::new(store);
                let found = resident.commit(&mut stage, number, &diff).unwrap();
                assert_eq!(found, root, "root of block {number}");
                store.write(&stage.into_batch(), Durability::Deferred).unwrap();
                twins.push((twin, root));
                if let History::Blocks(kept) = state.history {
                    oldest = oldest.max(number.saturating_sub(kept));
                }
            }
            Step::Drop(diff) => {
                let root = twins.last().unwrap().0.clone().commit(&diff);
                let mut stage = Stage::new(store);
                let found = resident.commit(&mut stage, twins.len() as u64, &diff).unwrap();
                assert_eq!(found, root, "root of a block that is dropped");
            }
            Step::Restart(bytes_max) => {
                resident = ResidentState::with_bytes_max(state.history, bytes_max);
            }
            Step::Rollback(count) => {
                for _ in 0..count.min(twins.len() as u64 - 1 - oldest) {
                    rollback(state, store, twins.len() as u64 - 1);
                    twins.pop();
                }
            }
        }
        let head = twins.len() as u64 - 1;
        let (twin, root) = twins.last().unwrap();
        let latest = Latest::new(store);
        assert_eq!(latest.root().unwrap(), *root);
        check(&latest, twin);
        let all: Vec<_> = latest.accounts(&Address::ZERO).unwrap().map(Result::unwrap).collect();
        check_walk(twin, *root, &all, |address| {
            latest.slots(address, &H256::zero()).unwrap().map(Result::unwrap).collect()
        });
        assert_eq!(State::oldest(store).unwrap(), Some(oldest));
        for number in oldest..=head {
            let (twin, root) = &twins[usize::try_from(number).unwrap()];
            let historic = Historic::new(store, head, number).unwrap();
            check(&historic, twin);
            check_historic_walk(&historic, twin, *root);
            check_proofs(&historic, twin, *root);
        }
        for number in [oldest.wrapping_sub(1), head + 1] {
            let error = Historic::new(store, head, number).map(drop);
            assert!(matches!(error, Err(StateError::NotKept { .. })), "{number}");
        }
    }
    check_minimal(store, &twins, oldest);
}

/// A store that went straight to the head holds the same present entries, and the past holds
/// nothing of blocks outside the window.
fn check_minimal(store: &impl KeyValueRead, twins: &[(SlowState, H256)], oldest: u64) {
    let straight = MemoryStore::new();
    let (twin, root) = twins.last().unwrap();
    let account = |(address, account): (_, &PublicAccount)| {
        let storage = twin.storage.get(address).cloned().unwrap_or_default();
        let account = Some(account.clone());
        (*address, AccountDiff { account, storage_cleared: false, storage })
    };
    let accounts = twin.accounts.iter().map(account).collect();
    let diff = StateDiff { accounts, ..StateDiff::default() };
    let state = State::new(History::Archive);
    assert_eq!(commit(state, &straight, 0, &diff), *root);
    assert_eq!(content(store, &PRESENT), content(&straight, &PRESENT));
    let kept = twins.len() as u64 - 1 - oldest;
    assert_eq!(content(store, &PAST[4..]).len() as u64, kept);
    for key in content(store, &PAST[..4]).keys() {
        let number = u64::from_be_bytes(key[key.len() - 8..].try_into().unwrap());
        assert!(number > oldest, "history of block {number} is left behind");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn state_agrees_with_a_slow_twin(steps in steps()) {
        run(State::new(History::Blocks(WINDOW)), &MemoryStore::new(), steps);
    }

    #[test]
    fn an_archive_behind_a_buffer_agrees_with_a_slow_twin(steps in steps()) {
        let store = WriteBuffer::with_bytes_max(MemoryStore::new(), 20_000).unwrap();
        run(State::new(History::Archive), &store, steps);
    }

    #[test]
    fn a_commit_in_memory_writes_what_one_that_reads_does(diffs in prop::collection::vec(diff(), 5)) {
        let state = State::new(History::Archive);
        let mut resident = ResidentState::new(History::Archive);
        let store = MemoryStore::new();
        for (number, diff) in (0..).zip(diffs) {
            let (mut one, mut two) = (Stage::new(&store), Stage::new(&store));
            let root = state.commit(&mut one, number, &diff).unwrap();
            prop_assert_eq!(resident.commit(&mut two, number, &diff).unwrap(), root);
            prop_assert_eq!(one.batch(), two.batch());
            let batch = one.into_batch();
            store.write(&batch, Durability::Deferred).unwrap();
        }
    }

    #[test]
    fn two_blocks_in_one_stage_are_as_two_written(first in diff(), second in diff()) {
        let state = State::new(History::Blocks(WINDOW));
        let (one, two) = (MemoryStore::new(), MemoryStore::new());
        for store in [&one, &two] {
            commit(state, store, 0, &StateDiff::default());
        }
        let mut stage = Stage::new(&one);
        let staged = [&first, &second].map({
            let mut number = 0;
            let stage = &mut stage;
            move |diff| {
                number += 1;
                state.commit(stage, number, diff).unwrap()
            }
        });
        prop_assert_eq!(staged, [commit(state, &two, 1, &first), commit(state, &two, 2, &second)]);
        one.write(&stage.into_batch(), Durability::Deferred).unwrap();
        prop_assert_eq!(content(&one, &PRESENT), content(&two, &PRESENT));
        prop_assert_eq!(content(&one, &PAST), content(&two, &PAST));
    }
}

fn funded(balance: u64) -> AccountDiff {
    let balance = U256::from(balance);
    AccountDiff {
        account: Some(PublicAccount { balance, ..PublicAccount::default() }),
        ..AccountDiff::default()
    }
}

fn one(n: u8, change: AccountDiff) -> StateDiff {
    StateDiff { accounts: [(address(n), change)].into(), ..StateDiff::default() }
}

#[test]
fn without_history_there_is_no_way_back() {
    let (state, store) = (State::new(History::Blocks(0)), MemoryStore::new());
    for number in 0..4 {
        commit(state, &store, number, &one(1, funded(number)));
    }
    assert!(content(&store, &PAST).is_empty());
    let error = state.rollback(&mut Stage::new(&store), 3);
    assert!(matches!(error, Err(StateError::NotKept { number: 2, oldest: 3 })));
}

#[test]
fn blocks_out_of_order_are_refused() {
    let (state, store) = (State::new(History::Archive), MemoryStore::new());
    commit(state, &store, 0, &one(1, funded(1)));
    let mut stage = Stage::new(&store);
    for number in [0, 2, 9] {
        let error = state.commit(&mut stage, number, &StateDiff::default());
        assert!(matches!(error, Err(StateError::OutOfOrder { current: 0, .. })));
    }
    let error = state.rollback(&mut stage, 1);
    assert!(matches!(error, Err(StateError::OutOfOrder { number: 1, current: 0 })));
    assert!(stage.batch().is_empty());
}

#[test]
fn a_window_made_smaller_is_emptied_bit_by_bit() {
    let store = MemoryStore::new();
    for number in 0..60 {
        commit(State::new(History::Archive), &store, number, &one(1, funded(number)));
    }
    let small = State::new(History::Blocks(3));
    loop {
        let mut stage = Stage::new(&store);
        let more = small.prune(&mut stage, 59).unwrap();
        store.write(&stage.into_batch(), Durability::Deferred).unwrap();
        if !more {
            break;
        }
    }
    assert_eq!(State::oldest(&store).unwrap(), Some(56));
    let historic = Historic::new(&store, 59, 56).unwrap();
    assert_eq!(historic.account(&address(1)).unwrap().unwrap().balance, U256::from(56));
}

#[test]
fn code_stays_when_its_block_is_taken_back() {
    let (state, store) = (State::new(History::Archive), MemoryStore::new());
    commit(state, &store, 0, &StateDiff::default());
    let code: Arc<[u8]> = Arc::from(&b"code"[..]);
    let hash = keccak256(&code);
    let diff = StateDiff { codes: [(hash, Arc::clone(&code))].into(), ..one(1, funded(1)) };
    commit(state, &store, 1, &diff);
    rollback(state, &store, 1);
    let latest = Latest::new(&store);
    assert_eq!(latest.code(&hash).unwrap(), code);
    assert!(latest.code(&keccak256(b"")).unwrap().is_empty());
    assert!(matches!(latest.code(&H256::zero()), Err(StateError::MissingCode(_))));
}

#[test]
fn accounts_and_slots_are_walked_in_order() {
    let (state, store) = (State::new(History::Archive), MemoryStore::new());
    let mut diff = StateDiff::default();
    for n in [9, 3, 7] {
        let mut change = funded(u64::from(n));
        change.storage = (1..n).map(|n| (slot(n), U256::from(n))).collect();
        diff.accounts.insert(address(n), change);
    }
    commit(state, &store, 0, &diff);
    let latest = Latest::new(&store);
    let found: Vec<_> =
        latest.accounts(&address(4)).unwrap().map(|entry| entry.unwrap().0).collect();
    assert_eq!(found, [address(7), address(9)]);
    let slots: Vec<_> = latest.slots(&address(3), &slot(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(slots, [(slot(1), U256::from(1)), (slot(2), U256::from(2))]);
}

#[test]
fn a_walk_of_the_past_goes_on_page_by_page() {
    let (state, store) = (State::new(History::Archive), MemoryStore::new());
    for number in 0..30 {
        let n = u8::try_from(number).unwrap();
        let mut diff = one(n, funded(number));
        // Each account lives for ten blocks, and one changes with every block.
        if n >= 10 {
            diff.accounts.insert(address(n - 10), AccountDiff::default());
        }
        let mut busy = funded(number);
        busy.storage = [(slot(n), U256::one()), (slot(n.saturating_sub(3)), U256::zero())].into();
        diff.accounts.insert(address(100), busy);
        commit(state, &store, number, &diff);
    }
    for number in 12..30 {
        let historic = Historic::new(&store, 29, number).unwrap();
        let (mut from, mut found) = (Address::ZERO, Vec::new());
        loop {
            let page: Vec<_> =
                historic.accounts(&from).unwrap().take(4).map(Result::unwrap).collect();
            let Some((last, _)) = page.last() else { break };
            // The least address above it.
            let mut above = last.0;
            above[19] += 1;
            from = Address(above);
            found.extend(page);
        }
        let n = u8::try_from(number).unwrap();
        let mut expected: Vec<_> = (n - 9..=n).chain([100]).map(address).collect();
        expected.sort_unstable();
        assert_eq!(found.iter().map(|entry| entry.0).collect::<Vec<_>>(), expected);
        let balance = found[found.len() - 1].1.balance;
        assert_eq!((found[found.len() - 1].0, balance), (address(100), U256::from(number)));
        let slots = historic.slots(&address(100), &slot(n - 1)).unwrap();
        let slots: Vec<_> = slots.map(|entry| entry.unwrap().0).collect();
        assert_eq!(slots, [slot(n - 1), slot(n)]);
    }
}

#[test]
fn the_oldest_block_kept_is_proved_and_the_one_before_is_not_kept() {
    let (state, store) = (State::new(History::Blocks(7)), MemoryStore::new());
    let roots: Vec<_> =
        (0..20).map(|number| commit(state, &store, number, &one(1, funded(number)))).collect();
    assert_eq!(State::oldest(&store).unwrap(), Some(12));
    let historic = Historic::new(&store, 19, 12).unwrap();
    assert_eq!(historic.root().unwrap(), roots[12]);
    let proof = historic.prove(&address(1), &[]).unwrap();
    assert_eq!(proof.account.as_ref().unwrap().balance, U256::from(12));
    verify_account_proof(roots[12], &proof).unwrap();
    for number in [11, 0, 20, u64::MAX] {
        let error = Historic::new(&store, 19, number).map(drop);
        let Err(StateError::NotKept { number: found, oldest: 12 }) = error else {
            panic!("{number}: {error:?}")
        };
        assert_eq!(found, number);
    }
}

#[test]
fn a_reorganization_of_64_blocks_passes_every_state_on_its_way() {
    let (state, store) = (State::new(History::Blocks(129)), MemoryStore::new());
    let block = |number: u64, branch: u64| {
        let n = u8::try_from(number % 40).unwrap();
        let mut change = funded(number + branch);
        change.storage = [(slot(n), U256::from(number % 3))].into();
        one(n % 7, change)
    };
    let (mut twin, mut roots) = (SlowState::default(), Vec::new());
    let mut twins = Vec::new();
    for number in 0..150 {
        commit(state, &store, number, &block(number, 0));
        roots.push(twin.commit(&block(number, 0)));
        twins.push(twin.clone());
    }
    for number in (86..150).rev() {
        rollback(state, &store, number);
        let latest = Latest::new(&store);
        assert_eq!(latest.root().unwrap(), roots[usize::try_from(number - 1).unwrap()]);
    }
    check(&Latest::new(&store), &twins[85]);
    let mut twin = twins[85].clone();
    for number in 86..160 {
        let root = commit(state, &store, number, &block(number, 1_000));
        assert_eq!(root, twin.commit(&block(number, 1_000)));
    }
    let historic = Historic::new(&store, 159, 60).unwrap();
    check(&historic, &twins[60]);
    check_historic_walk(&historic, &twins[60], roots[60]);
}

#[test]
fn a_commit_prunes_a_few_blocks_only_and_never_waits_for_the_rest() {
    let store = MemoryStore::new();
    for number in 0..60 {
        commit(State::new(History::Archive), &store, number, &one(1, funded(number)));
    }
    let small = State::new(History::Blocks(3));
    let mut left = content(&store, &["state-changes"]).len();
    for number in 60..66 {
        commit(small, &store, number, &one(1, funded(number)));
        let now = content(&store, &["state-changes"]).len();
        assert!(left + 1 - now <= 16, "{left} blocks, then {now}");
        left = now;
        let oldest = State::oldest(&store).unwrap().unwrap();
        let historic = Historic::new(&store, number, oldest).unwrap();
        let account = historic.account(&address(1)).unwrap().unwrap();
        assert_eq!(account.balance, U256::from(oldest), "what is left can be read");
    }
    assert_eq!(left, 3);
}

#[test]
fn ten_thousand_entries_commit_to_the_slow_twins_root() {
    let mut diff = StateDiff::default();
    for n in 0..2_500_u64 {
        let mut change = funded(n);
        change.storage =
            (0..3).map(|slot| (H256::from_low_u64_be(slot), U256::from(n + 1))).collect();
        let hash = keccak256(n.to_be_bytes());
        let address = Address(hash.0[..20].try_into().unwrap());
        diff.accounts.insert(address, change);
    }
    let root = SlowState::default().commit(&diff);
    let store = MemoryStore::new();
    assert_eq!(commit(State::new(History::Archive), &store, 0, &diff), root);
}
