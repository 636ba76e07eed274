//! Reads from snapshots while the chain moves.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test fails by panicking, and shares its helpers"
)]

mod common;

use common::*;
use mbt_consensus::*;
use mbt_trie::{MemoryStore, StateView};

#[test]
fn a_snapshot_does_not_move_with_the_chain() {
    let to = key(9).address();
    let mut chain = open(MemoryStore::default());
    let reader = chain.reader();
    let first = mine(&mut chain, 1, 2, [transfer(1, 0, to, 5)]);
    take(&mut chain, &first);
    let before = reader.clone().snapshot().unwrap();
    let second = mine(&mut chain, 1, 2, [transfer(1, 1, to, 7)]);
    take(&mut chain, &second);
    let after = reader.snapshot().unwrap();

    assert_eq!(before.head().id, first.header.id());
    assert_eq!(before.header_at(2).unwrap(), None);
    assert_eq!(before.transaction(&second.transactions[0].hash()).unwrap(), None);
    let account = before.state_at(1).unwrap().account(&to).unwrap().unwrap();
    assert_eq!(account.balance, 5.into());

    assert_eq!(after.head(), chain.head());
    let place = Some((second.header.id(), 2, 0));
    assert_eq!(after.transaction(&second.transactions[0].hash()).unwrap(), place);
    let account = after.state_at(2).unwrap().account(&to).unwrap().unwrap();
    assert_eq!(account.balance, 12.into());
    let account = after.state_at(1).unwrap().account(&to).unwrap().unwrap();
    assert_eq!(account.balance, 5.into());
}

#[test]
fn everything_of_a_block_is_found_by_its_id() {
    let to = key(9).address();
    let mut chain = open(MemoryStore::default());
    let block = mine(&mut chain, 1, 2, [transfer(1, 0, to, 5), transfer(2, 0, to, 5)]);
    take(&mut chain, &block);
    let (snapshot, id) = (chain.reader().snapshot().unwrap(), block.header.id());
    assert_eq!(snapshot.block(&id).unwrap().unwrap(), block);
    assert_eq!(snapshot.body(&id).unwrap().unwrap(), block.body());
    assert_eq!(snapshot.body_bytes(&id).unwrap().unwrap(), rlp::encode(&block.body()).to_vec());
    assert_eq!(*snapshot.header(&id).unwrap().unwrap().header, block.header);
    let receipts = snapshot.receipts(&id).unwrap().unwrap();
    assert_eq!(receipts.iter().map(|r| r.cumulative_gas_used).collect::<Vec<_>>(), [GAS, 2 * GAS]);
    for index in 0..3 {
        let transaction = snapshot.transaction_at(&id, index).unwrap();
        assert_eq!(transaction.as_ref(), block.transactions.get(index));
        let placed = snapshot.receipt_at(&id, index).unwrap();
        assert_eq!(placed.as_ref().map(|placed| &placed.receipt), receipts.get(index));
        let gas = placed.map(|placed| placed.gas_used_before);
        assert_eq!(gas, (index < 2).then_some(u64::try_from(index).unwrap() * GAS));
    }
    assert_eq!(snapshot.transaction_at(&BlockId::ZERO, 0).unwrap(), None);
    assert_eq!(snapshot.receipt_at(&BlockId::ZERO, 0).unwrap(), None);
    let work =
        seal::nominal_work(genesis().header.target) + seal::nominal_work(block.header.target);
    assert_eq!(snapshot.total_work(&id).unwrap(), Some(work));
    assert_eq!(snapshot.block(&BlockId::ZERO).unwrap(), None);
    let genesis = snapshot.block(&snapshot.genesis_id()).unwrap().unwrap();
    assert_eq!(genesis.transactions, []);
}

#[test]
fn tags_stop_at_genesis() {
    let mut chain = open(MemoryStore::default());
    extend(&mut chain, 1, 2, 11);
    let snapshot = chain.reader().snapshot().unwrap();
    assert_eq!((snapshot.safe(), snapshot.finalized()), (0, 0));
    extend(&mut chain, 1, 2, 60);
    let snapshot = chain.reader().snapshot().unwrap();
    assert_eq!((snapshot.safe(), snapshot.finalized()), (59, 7));
}

#[test]
fn a_locator_finds_the_fork_and_headers_follow_it() {
    let base = branch(&[], 1, 2, 30);
    let mut ours = chain_of(&base);
    let theirs = chain_of(&base);
    let ahead = extend(&mut ours, 1, 2, 20);
    let mut theirs = theirs;
    extend(&mut theirs, 2, 2, 3);
    let snapshot = ours.reader().snapshot().unwrap();
    let headers = snapshot.headers_after(&theirs.locator().unwrap(), 5).unwrap();
    assert!(headers[0].number <= 31);
    assert!(headers[0].number > 20);
    let same = theirs.reader().snapshot().unwrap().locator().unwrap();
    assert_eq!(theirs.locator().unwrap(), same);
    let headers = snapshot.headers_after(&[ahead[17].header.id()], 5).unwrap();
    let numbers: Vec<_> = headers.iter().map(|header| header.number).collect();
    assert_eq!(numbers, [49, 50]);
    assert_eq!(snapshot.headers_after(&[], 2).unwrap()[0].number, 1);
    assert_eq!(snapshot.headers_after(&[BlockId::ZERO], 2).unwrap()[0].number, 1);
}

#[test]
fn the_context_of_a_block_is_what_it_was_executed_with() {
    let blocks = branch(&[], 1, 2, 5);
    let chain = chain_of(&blocks);
    let snapshot = chain.reader().snapshot().unwrap();
    let owned = snapshot.block_context(4).unwrap().unwrap();
    let context = owned.context();
    assert_eq!(context.parent, blocks[2].header.id());
    assert_eq!(context.prev_randao, prev_randao(blocks[2].header.id()));
    assert_eq!(context.ancestors.id(3).unwrap(), Some(blocks[2].header.id()));
    assert_eq!(context.ancestors.id(4).unwrap(), None);
    let next = snapshot.next_context(0, key(1).address());
    assert_eq!(next.context().number, 6);
    assert_eq!(next.context().timestamp, chain.head().timestamp);
    assert_eq!(next.context().ancestors.id(5).unwrap(), Some(blocks[4].header.id()));
    assert!(snapshot.block_context(6).unwrap().is_none());
}
