//! Building blocks and importing what was built.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test fails by panicking, and shares its helpers"
)]

mod common;

use std::sync::atomic::Ordering;

use common::*;
use mbt_account::InvalidTransaction;
use mbt_consensus::*;
use mbt_crypto::Address;
use mbt_trie::{Durability, MemoryStore};

#[test]
fn importing_the_own_sealed_block_does_not_execute_it_again() {
    let to = key(2).address();
    let mut chain = open(MemoryStore::default());
    let runs = chain.executor().runs.clone();
    let older = mine(&mut chain, 1, 2, [transfer(1, 0, to, 3)]);
    let newer = mine(&mut chain, 1, 3, [transfer(1, 0, to, 3), transfer(1, 1, to, 4)]);
    assert_eq!(runs.load(Ordering::Relaxed), 2);
    let mut twin = open(MemoryStore::default());
    take(&mut chain, &older);
    assert_eq!(runs.load(Ordering::Relaxed), 2);
    take(&mut twin, &older);
    assert_eq!(balance(&chain, &to), balance(&twin, &to));
    assert_eq!(chain.head(), twin.head());
    assert_eq!(take(&mut chain, &newer), Imported::Side);
    let next = mine(&mut chain, 1, 2, [transfer(1, 1, to, 4)]);
    take(&mut chain, &next);
    take(&mut twin, &next);
    assert_eq!(runs.load(Ordering::Relaxed), 3);
    assert_eq!(balance(&chain, &to), balance(&twin, &to));
}

#[test]
fn a_candidate_that_does_not_fit_is_rejected_and_leaves_no_trace() {
    let to = key(2).address();
    let mut chain = open(MemoryStore::default());
    let mut queue = Queue::of([transfer(1, 5, to, 1), transfer(3, 0, to, 1)]);
    let block = chain.build(&BuildRequest::default(), &mut queue).unwrap();
    assert_eq!(block.transactions, [transfer(3, 0, to, 1)]);
    assert_eq!(queue.rejected, [InvalidTransaction::NonceTooHigh { next: 0, nonce: 5 }]);
    assert_eq!(chain.head().number, 0);
    assert_eq!(block.header.nonce, 0);
    assert_eq!(block.header.timestamp, START, "raised to the head's");
}

#[test]
fn a_request_outside_the_rules_is_refused() {
    let mut chain = open(MemoryStore::default());
    let long = BuildRequest { extra_data: vec![0; 33], ..BuildRequest::default() };
    let error = chain.build(&long, &mut Queue::default()).unwrap_err();
    assert!(matches!(error, BuildError::ExtraData { found: 33, max: 32 }));
    let lot = BuildRequest { lot: Some(LotId::ZERO), ..BuildRequest::default() };
    let error = chain.build(&lot, &mut Queue::default()).unwrap_err();
    assert!(matches!(error, BuildError::LotsNotActive));
}

#[test]
fn a_body_never_grows_beyond_its_bound() {
    let big = |nonce| {
        let transaction = mbt_account::Transaction {
            input: vec![1; BODY_BYTES_MAX / 3],
            ..mbt_account::Transaction::clone(&transfer(1, nonce, Address::ZERO, 0))
        };
        transaction.sign(&key(1)).recover().unwrap()
    };
    let mut chain = open(MemoryStore::default());
    let mut queue = Queue::of([big(0), big(1), big(2), transfer(2, 0, Address::ZERO, 0)]);
    let mut block = chain.build(&BuildRequest::default(), &mut queue).unwrap();
    assert_eq!(block.transactions.len(), 3);
    assert_eq!(queue.rejected, [InvalidTransaction::BlockFull]);
    seal_block(&mut block);
    assert!(matches!(take(&mut chain, &block), Imported::Head(_)));

    let mut long = mine(&mut chain, 1, 2, [big(2)]);
    long.transactions.extend([big(3), big(4)]);
    long.header.transactions_root = long.body().transactions_root();
    seal_block(&mut long);
    let error = chain.import(long.header.timestamp, long, Durability::Deferred).unwrap_err();
    assert!(matches!(error, ImportError::Invalid(InvalidBlock::BodyTooLong { .. })), "{error}");
}
