//! Crashes and failing stores: whatever is lost, the chain that opens again is a whole one.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test fails by panicking, and shares its helpers"
)]

mod common;

use common::{faulty::FaultyStore, *};
use mbt_consensus::*;
use mbt_trie::{Durability, KeyValueStore, MemoryStore};

/// What a peer sends.
enum Step {
    Headers(Vec<Header>),
    Block(Box<Block>),
}

/// Two branches, a reorganisation, headers ahead, a body before its parent's, an invalid block.
fn story() -> (Vec<Step>, Vec<Block>) {
    let to = key(9).address();
    let mut left = open(MemoryStore::default());
    let mut right = open(MemoryStore::default());
    let mut losing = Vec::new();
    for nonce in 0..3 {
        let block = mine(&mut left, 1, 2, [transfer(1, nonce, to, 5)]);
        take(&mut left, &block);
        losing.push(block);
    }
    let mut winning = Vec::new();
    for nonce in 0..7 {
        let transfers = [transfer(1, nonce, to, 3), transfer(2, nonce, to, 10)];
        let block = mine(&mut right, 2, 2, transfers);
        take(&mut right, &block);
        winning.push(block);
    }
    let lie = invalid_branch(3, 2, 1).remove(0);
    let headers = winning[4..].iter().map(|block| block.header.clone()).collect();
    let mut steps: Vec<_> = losing.into_iter().map(|block| Step::Block(Box::new(block))).collect();
    steps.push(Step::Block(Box::new(lie)));
    steps.extend(winning[..4].iter().cloned().map(|block| Step::Block(Box::new(block))));
    steps.push(Step::Headers(headers));
    steps.extend([6, 5, 4].map(|index| Step::Block(Box::new(winning[index].clone()))));
    (steps, winning)
}

fn play<S: KeyValueStore>(chain: &mut TestChain<S>, steps: &[Step]) {
    for step in steps {
        let _ = perform(chain, step);
    }
}

fn perform<S: KeyValueStore>(chain: &mut TestChain<S>, step: &Step) -> Result<(), ImportError> {
    let now = START + 100;
    match step {
        Step::Headers(headers) => {
            chain.import_headers(now, headers).map(|_| ()).map_err(|error| error.reason)
        }
        Step::Block(block) => {
            chain.import(now, Block::clone(block), Durability::Deferred).map(|_| ())
        }
    }
}

/// Holds everything that can be read of a chain against a chain that only saw `blocks`.
fn assert_is_the_chain_of<S: KeyValueStore>(chain: &TestChain<S>, blocks: &[Block]) {
    let fresh = chain_of(blocks);
    assert_eq!(chain.head(), fresh.head());
    assert_eq!(chain.best_header(), fresh.best_header());
    let found = chain.reader().snapshot().unwrap();
    let expected = fresh.reader().snapshot().unwrap();
    for number in 0..=expected.head().number + 3 {
        let id = expected.id_at(number).unwrap();
        assert_eq!(found.id_at(number).unwrap(), id);
        let Some(id) = id else { continue };
        assert_eq!(found.block(&id).unwrap(), expected.block(&id).unwrap());
        assert_eq!(found.receipts(&id).unwrap(), expected.receipts(&id).unwrap());
        for transaction in expected.block(&id).unwrap().unwrap().transactions {
            let hash = transaction.hash();
            assert_eq!(found.transaction(&hash).unwrap(), expected.transaction(&hash).unwrap());
        }
    }
    for n in [1, 2, 3, 4, 9] {
        let address = key(n).address();
        assert_eq!(balance(chain, &address), balance(&fresh, &address));
    }
}

#[test]
fn a_chain_resumes_where_it_was_without_executing() {
    let (steps, winning) = story();
    let store = MemoryStore::default();
    let mut first = open(store.clone());
    play(&mut first, &steps);
    assert_is_the_chain_of(&first, &winning);
    let ledger = Ledger::default();
    let runs = ledger.runs.clone();
    let mut resumed = open_with(config(), ledger, store);
    assert_eq!(runs.load(std::sync::atomic::Ordering::Relaxed), 0);
    assert_is_the_chain_of(&resumed, &winning);
    let next = mine(&mut resumed, 1, 2, []);
    assert!(matches!(take(&mut first, &next), Imported::Head(_)));
}

#[test]
fn a_crash_after_any_batch_leaves_a_chain_that_catches_up() {
    let (steps, winning) = story();
    let store = FaultyStore::default();
    let mut whole = open(store.clone());
    play(&mut whole, &steps);
    assert_is_the_chain_of(&whole, &winning);
    let batches = store.batches.lock().unwrap().clone();
    assert!(batches.len() > steps.len());
    for count in 0..=batches.len() {
        let mut chain = open(FaultyStore::after_crash(&batches[..count]));
        let number = chain.head().number;
        if count == batches.len() {
            assert_eq!(number, 7);
        }
        play(&mut chain, &steps);
        assert_is_the_chain_of(&chain, &winning);
    }
}

#[test]
fn a_write_that_fails_changes_nothing_and_may_be_tried_again() {
    let (steps, winning) = story();
    let mut failures = 0;
    for fail_after in 0..40 {
        let store = FaultyStore::default();
        let mut chain = open(store.clone());
        *store.fail_after.lock().unwrap() = Some(fail_after);
        for step in &steps {
            let head = chain.head().clone();
            if let Err(error @ ImportError::State(_)) = perform(&mut chain, step) {
                failures += 1;
                assert!(!error.is_peers_fault());
                assert_eq!(chain.head(), &head);
                let stored = chain.reader().snapshot().unwrap().head().clone();
                assert_eq!(stored, head);
            }
            let _ = perform(&mut chain, step);
        }
        assert_is_the_chain_of(&chain, &winning);
    }
    assert!(failures > 5, "{failures}");
}

/// A crash may keep a branch that fell too far behind from being deleted. Where its foot lies below
/// what is read at the next start, the rest is no part of the tree.
#[test]
fn what_a_crash_kept_of_a_forgotten_branch_is_deleted_in_the_next_run() {
    let store = MemoryStore::default();
    let mut chain = open(store.clone());
    let first = mine(&mut chain, 1, 2, []);
    take(&mut chain, &first);
    let side = branch(&[first], 2, 2, 2);
    extend(&mut chain, 1, 2, 3);
    for block in &side {
        take(&mut chain, block);
    }
    extend(&mut chain, 1, 2, 199);
    let ids = side.iter().map(|block| block.header.id());
    let stored = |chain: &TestChain, id: BlockId| {
        chain.reader().snapshot().unwrap().body_bytes(&id).unwrap().is_some()
    };
    assert!(ids.clone().all(|id| stored(&chain, id)), "deleted with the next batch");
    drop(chain);
    let mut chain = open(store);
    assert!(ids.clone().all(|id| !chain.contains_header(&id).unwrap()));
    chain.flush().unwrap();
    assert!(!stored(&chain, side[1].header.id()));
}

#[test]
fn a_failed_open_leaves_an_empty_store() {
    let store = FaultyStore::default();
    *store.fail_after.lock().unwrap() = Some(0);
    let error = Chain::open(config(), &genesis(), Ledger::default(), store.clone()).unwrap_err();
    assert!(matches!(error, OpenError::State(_)));
    assert_eq!(open(store).head().number, 0);
}
