//! What a header and a block must satisfy, and who is at fault when they do not.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test fails by panicking, and shares its helpers"
)]

mod common;

use common::*;
use mbt_account::{Bloom, InvalidTransaction};
use mbt_consensus::*;
use mbt_crypto::{H256, Signature, U256};
use mbt_trie::{Durability, MemoryStore};

/// Offers a block that differs from a good one by `change`, sealed anew, and returns the refusal.
fn refusal(change: impl FnOnce(&mut Header)) -> InvalidBlock {
    let mut chain = chain_of(&branch(&[], 1, 2, 2));
    let head = chain.head().clone();
    let mut block = mine(&mut chain, 1, 2, [transfer(1, 0, key(2).address(), 3)]);
    let good = block.clone();
    change(&mut block.header);
    if block.header.target > U256::from(1_000) {
        seal_block(&mut block);
    }
    let now = good.header.timestamp;
    let error = chain.import(now, block, Durability::Deferred).unwrap_err();
    assert!(error.is_peers_fault());
    assert_eq!(chain.head(), &head);
    assert!(matches!(take(&mut chain, &good), Imported::Head(_)), "the good block still counts");
    let ImportError::Invalid(reason) = error else { panic!("{error}") };
    reason
}

fn header_refusal(change: impl FnOnce(&mut Header)) -> InvalidHeader {
    match refusal(change) {
        InvalidBlock::Header(reason) => reason,
        other => panic!("{other}"),
    }
}

#[test]
fn each_field_of_a_header_follows_its_rule() {
    use InvalidHeader as I;
    assert!(matches!(header_refusal(|h| h.number += 1), I::Number { expected: 3, found: 4 }));
    assert!(matches!(header_refusal(|h| h.timestamp -= 3), I::TimestampBelowParent { .. }));
    assert!(matches!(header_refusal(|h| h.target += U256::one()), I::Target { .. }));
    assert!(matches!(header_refusal(|h| h.gas_limit = 1), I::GasLimit { .. }));
    assert!(matches!(header_refusal(|h| h.gas_used = u64::MAX), I::GasUsedAboveLimit { .. }));
    assert!(matches!(header_refusal(|h| h.base_fee += U256::one()), I::BaseFee { .. }));
    assert!(matches!(
        header_refusal(|h| h.extra_data = vec![0; 33]),
        I::ExtraData { found: 33, .. }
    ));
    let root = H256([1; 32]);
    assert!(matches!(header_refusal(|h| h.ancestors_root = root), I::AncestorsRoot { .. }));
    let signature = Signature { r: [1; 32], s: [1; 32], y_parity: false };
    let lot = Some(Lot { id: LotId(root), signature });
    assert_eq!(header_refusal(|h| h.lot = lot), I::LotsNotActive);
}

#[test]
fn what_execution_gives_must_be_what_the_header_says() {
    use InvalidBlock as I;
    let root = H256([1; 32]);
    assert!(matches!(refusal(|h| h.gas_used -= 1), I::GasUsed { expected: 20_999, found: GAS }));
    assert_eq!(refusal(|h| h.logs_bloom = Bloom([1; 256])), I::LogsBloom);
    assert!(matches!(refusal(|h| h.receipts_root = root), I::ReceiptsRoot { .. }));
    assert!(matches!(refusal(|h| h.state_root = root), I::StateRoot { .. }));
    assert!(matches!(refusal(|h| h.transactions_root = root), I::TransactionsRoot { .. }));
}

#[test]
fn work_above_the_target_is_refused() {
    let mut chain = open(MemoryStore::default());
    let mut block = mine(&mut chain, 1, 2, []);
    while block.header.work_hash() < block.header.target {
        block.header.nonce += 1;
    }
    let now = block.header.timestamp;
    let error = chain.import_headers(now, &[block.header]).unwrap_err();
    let work = ImportError::Invalid(InvalidBlock::Header(InvalidHeader::Work {
        work: U256::zero(),
        target: U256::zero(),
    }));
    assert_eq!(std::mem::discriminant(&error.reason), std::mem::discriminant(&work), "{error}");
    assert!(error.to_string().contains("is not below the target"));
}

#[test]
fn a_block_from_the_future_is_nobodys_fault_and_may_come_again() {
    let mut chain = open(MemoryStore::default());
    let late = chain.config().future_max_s() + 1;
    let block = mine(&mut chain, 1, late, []);
    let error = chain.import(START, block.clone(), Durability::Deferred).unwrap_err();
    assert!(matches!(error, ImportError::Future { latest, .. } if latest == START + late - 1));
    assert!(!error.is_peers_fault());
    assert!(!chain.contains_header(&block.header.id()).unwrap());
    assert!(matches!(
        chain.import(START + 1, block, Durability::Deferred).unwrap(),
        Imported::Head(_)
    ));
}

#[test]
fn the_public_chain_takes_216_seconds_of_the_future() {
    assert_eq!(ChainConfig::public().future_max_s(), 216);
    assert_eq!(ChainConfig::development().future_max_s(), 28);
}

#[test]
fn an_unknown_parent_is_nobodys_fault() {
    let blocks = branch(&[], 1, 2, 2);
    let mut chain = open(MemoryStore::default());
    let now = blocks[1].header.timestamp;
    let error = chain.import(now, blocks[1].clone(), Durability::Deferred).unwrap_err();
    assert!(matches!(error, ImportError::ParentUnknown(id) if id == blocks[0].header.id()));
    assert!(!error.is_peers_fault());
}

#[test]
fn a_transaction_that_may_not_stand_there_names_its_place() {
    let to = key(2).address();
    let mut chain = open(MemoryStore::default());
    let mut block = mine(&mut chain, 1, 2, [transfer(1, 0, to, 3)]);
    block.transactions.push(transfer(1, 7, to, 3));
    block.header.transactions_root = block.body().transactions_root();
    seal_block(&mut block);
    let error = chain.import(block.header.timestamp, block, Durability::Deferred).unwrap_err();
    let reason = InvalidTransaction::NonceTooHigh { next: 1, nonce: 7 };
    assert!(matches!(
        error,
        ImportError::Invalid(InvalidBlock::Transaction { index: 1, reason: found }) if found == reason
    ));
}

#[test]
fn a_fork_below_the_history_kept_is_refused_without_blame() {
    let base = branch(&[], 1, 2, 1);
    let fork = branch(&base, 2, 2, 1);
    let mut chain = chain_of(&base);
    extend(&mut chain, 1, 2, 202);
    let now = chain.head().timestamp;
    let error = chain.import(now, fork[0].clone(), Durability::Deferred).unwrap_err();
    assert!(matches!(error, ImportError::BelowHistory { number: 2, oldest: 3 }), "{error}");
    assert_eq!(chain.import(now, base[0].clone(), Durability::Deferred).unwrap(), Imported::Known);
}

#[test]
fn another_genesis_is_refused_by_name() {
    let store = MemoryStore::default();
    drop(open(store.clone()));
    let mut other = genesis();
    other.header.timestamp += 1;
    let error = Chain::open(config(), &other, Ledger::default(), store).unwrap_err();
    assert!(matches!(error, OpenError::GenesisMismatch { stored, expected } if stored != expected));
    let short = ChainConfig { max_reorg: 101, ..config() };
    let error = Chain::open(short, &genesis(), Ledger::default(), MemoryStore::default());
    assert!(matches!(error, Err(OpenError::Config(_))));
}

#[test]
fn the_targets_of_a_chain_follow_the_schedule() {
    let mut chain = open(MemoryStore::default());
    let fast = extend(&mut chain, 1, 0, 40);
    assert!(fast.windows(2).skip(1).all(|pair| pair[1].header.target < pair[0].header.target));
    let mut chain = open(MemoryStore::default());
    let steady = extend(&mut chain, 1, 2, 40);
    assert!(steady.iter().all(|block| block.header.target == U256::MAX >> 2));
}
