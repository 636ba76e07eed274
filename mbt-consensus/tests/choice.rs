//! Which branch becomes the chain.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test fails by panicking, and shares its helpers"
)]

mod common;

use common::*;
use mbt_consensus::*;
use mbt_trie::{Durability, MemoryStore};

fn ids(blocks: &[Block]) -> Vec<BlockId> {
    blocks.iter().map(|block| block.header.id()).collect()
}

fn reversed(mut ids: Vec<BlockId>) -> Vec<BlockId> {
    ids.reverse();
    ids
}

#[test]
fn the_branch_with_more_work_takes_over_and_names_what_left() {
    let base = branch(&[], 1, 2, 2);
    let (ours, theirs) = (branch(&base, 2, 2, 2), branch(&base, 3, 2, 3));
    let mut chain = chain_of(&base);
    take_all(&mut chain, &ours);
    assert_eq!(take(&mut chain, &theirs[0]), Imported::Side);
    assert_eq!(take(&mut chain, &theirs[1]), Imported::Side);
    let change = HeadChange { retired: reversed(ids(&ours)), adopted: ids(&theirs) };
    assert_eq!(take(&mut chain, &theirs[2]), Imported::Head(change));
    assert_eq!(chain.head().id, theirs[2].header.id());
    assert_eq!(take(&mut chain, &theirs[2]), Imported::Known);
    let snapshot = chain.reader().snapshot().unwrap();
    assert_eq!(snapshot.id_at(3).unwrap(), Some(theirs[0].header.id()));
    assert_eq!(snapshot.receipts(&ours[0].header.id()).unwrap(), Some(Vec::new()));
    assert_eq!(snapshot.block(&ours[0].header.id()).unwrap().unwrap(), ours[0]);
}

#[test]
fn of_equal_branches_the_first_seen_stays() {
    let (ours, theirs) = (branch(&[], 1, 2, 3), branch(&[], 2, 2, 3));
    let mut chain = chain_of(&ours);
    for block in &theirs {
        assert_eq!(take(&mut chain, block), Imported::Side);
    }
    assert_eq!(chain.head().id, ours[2].header.id());
    assert_eq!(chain.best_header().id, ours[2].header.id());
    assert_eq!(chain.wanted_bodies(9), []);
}

#[test]
fn state_and_transactions_follow_the_branch() {
    let to = key(9).address();
    let mut left = open(MemoryStore::default());
    let ours = mine(&mut left, 1, 2, [transfer(1, 0, to, 5)]);
    take(&mut left, &ours);
    let mut right = open(MemoryStore::default());
    let first = mine(&mut right, 2, 2, [transfer(2, 0, to, 70)]);
    take(&mut right, &first);
    let second = mine(&mut right, 2, 2, [transfer(1, 0, to, 5), transfer(2, 1, to, 600)]);
    let hash = ours.transactions[0].hash();

    assert_eq!(balance(&left, &to), 5.into());
    let place = |chain: &TestChain| chain.reader().snapshot().unwrap().transaction(&hash).unwrap();
    assert_eq!(place(&left), Some((ours.header.id(), 1, 0)));
    take(&mut left, &first);
    assert!(matches!(take(&mut left, &second), Imported::Head(_)));
    assert_eq!(balance(&left, &to), 675.into());
    assert_eq!(place(&left), Some((second.header.id(), 2, 0)));
}

#[test]
fn an_invalid_block_on_a_heavier_branch_changes_nothing() {
    let (ours, theirs) = (branch(&[], 1, 2, 2), invalid_branch(2, 2, 4));
    let mut chain = chain_of(&ours);
    for block in &theirs[..2] {
        assert_eq!(take(&mut chain, block), Imported::Side);
    }
    for block in &theirs[2..] {
        let now = block.header.timestamp;
        let error = chain.import(now, block.clone(), Durability::Deferred).unwrap_err();
        let id = block.header.id();
        assert!(
            matches!(error, ImportError::Invalid(InvalidBlock::Header(InvalidHeader::KnownInvalid(found))) if found == id),
            "{error}"
        );
        assert!(error.is_peers_fault());
    }
    assert_eq!(chain.head().id, ours[1].header.id());
    assert_eq!(chain.best_header().id, ours[1].header.id());
    let more = branch(&ours, 1, 2, 1);
    take_all(&mut chain, &more);
    assert!(!chain.contains_header(&theirs[0].header.id()).unwrap());
}

#[test]
fn the_valid_part_of_a_broken_branch_is_taken() {
    let ours = branch(&[], 1, 2, 1);
    let good = branch(&[], 2, 2, 2);
    let mut liar = open_with(config(), Ledger::default(), MemoryStore::default());
    take_all(&mut liar, &good);
    let mut bad = mine(&mut liar, 2, 2, []);
    bad.header.state_root = mbt_crypto::H256([7; 32]);
    seal_block(&mut bad);
    let mut chain = chain_of(&ours);
    let headers: Vec<_> = good.iter().chain([&bad]).map(|block| block.header.clone()).collect();
    chain.import_headers(bad.header.timestamp, &headers).unwrap();
    assert_eq!(chain.best_header().id, bad.header.id());
    take(&mut chain, &bad);
    take(&mut chain, &good[1]);
    let adopted = Imported::Head(HeadChange { retired: ids(&ours), adopted: ids(&good) });
    assert_eq!(take(&mut chain, &good[0]), adopted);
    assert_eq!(chain.best_header().id, good[1].header.id());
}

fn shallow() -> ChainConfig {
    ChainConfig { max_reorg: 4, ..config() }
}

#[test]
fn a_reorganisation_deeper_than_the_bound_waits_for_the_operator() {
    let (ours, theirs) = (branch(&[], 1, 2, 5), branch(&[], 2, 2, 7));
    let mut chain = open_with(shallow(), Ledger::default(), MemoryStore::default());
    take_all(&mut chain, &ours);
    for block in &theirs[..6] {
        assert_eq!(take(&mut chain, block), Imported::Side);
    }
    assert_eq!(chain.refused_reorg().unwrap().id, theirs[5].header.id());
    assert_eq!(chain.head().id, ours[4].header.id());
    assert_eq!(chain.best_header().id, ours[4].header.id());
    assert_eq!(take(&mut chain, &theirs[6]), Imported::Side);
    let refused = chain.refused_reorg().unwrap().id;
    assert_eq!(refused, theirs[6].header.id());

    let change = chain.accept_reorg(&refused).unwrap();
    assert_eq!(change, HeadChange { retired: reversed(ids(&ours)), adopted: ids(&theirs) });
    assert_eq!(chain.head().id, refused);
    assert!(chain.refused_reorg().is_none());
    assert!(matches!(chain.accept_reorg(&refused), Err(AcceptError::Unknown(_))));
}

#[test]
fn a_reorganisation_at_the_bound_is_taken() {
    let (ours, theirs) = (branch(&[], 1, 2, 4), branch(&[], 2, 2, 5));
    let mut chain = open_with(shallow(), Ledger::default(), MemoryStore::default());
    take_all(&mut chain, &ours);
    for block in &theirs {
        take(&mut chain, block);
    }
    assert_eq!(chain.head().id, theirs[4].header.id());
}

#[test]
fn own_progress_ends_the_alarm() {
    let (ours, theirs) = (branch(&[], 1, 2, 8), branch(&[], 2, 2, 6));
    let mut chain = open_with(shallow(), Ledger::default(), MemoryStore::default());
    take_all(&mut chain, &ours[..5]);
    for block in &theirs {
        take(&mut chain, block);
    }
    assert!(chain.refused_reorg().is_some());
    take_all(&mut chain, &ours[5..]);
    assert!(chain.refused_reorg().is_none());
}

#[test]
fn the_depth_rule_does_not_bind_a_node_that_lags_or_syncs() {
    let (ours, theirs) = (branch(&[], 1, 2, 5), branch(&[], 2, 2, 7));
    let start = || {
        let mut chain = open_with(shallow(), Ledger::default(), MemoryStore::default());
        take_all(&mut chain, &ours);
        chain
    };
    let mut lagging = start();
    for block in &theirs[..6] {
        take(&mut lagging, block);
    }
    assert!(lagging.refused_reorg().is_some());
    let later = lagging.head().timestamp + lagging.config().stale_tip_s() + 1;
    lagging.import(later, theirs[6].clone(), Durability::Deferred).unwrap();
    assert_eq!(lagging.head().id, theirs[6].header.id());
    assert!(lagging.refused_reorg().is_none());

    let mut syncing = start();
    syncing.set_sync_phase(SyncPhase::Initial);
    for block in &theirs {
        take(&mut syncing, block);
    }
    assert_eq!(syncing.head().id, theirs[6].header.id());
}

#[test]
fn bodies_may_come_in_any_order_after_their_headers() {
    let blocks = branch(&[], 1, 2, 6);
    let headers: Vec<_> = blocks.iter().map(|block| block.header.clone()).collect();
    let mut chain = open(MemoryStore::default());
    let imported = chain.import_headers(headers[5].timestamp, &headers).unwrap();
    assert_eq!((imported.added, imported.known), (6, 0));
    assert_eq!(imported.best.id, headers[5].id());
    assert_eq!(chain.head().number, 0);
    let wanted = chain.wanted_bodies(4);
    assert_eq!(wanted.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ids(&blocks[..4]));
    for index in [5, 3, 1, 2, 4] {
        assert_eq!(take(&mut chain, &blocks[index]), Imported::Side);
    }
    assert_eq!(chain.wanted_bodies(4).len(), 1);
    let change = HeadChange { retired: Vec::new(), adopted: ids(&blocks) };
    assert_eq!(take(&mut chain, &blocks[0]), Imported::Head(change));
    assert_eq!(chain.wanted_bodies(4), []);
}

#[test]
fn side_branches_are_bounded_and_the_chain_is_not_touched_by_the_bound() {
    let ours = branch(&[], 1, 2, 3);
    let mut chain = chain_of(&ours);
    let mut other = open(MemoryStore::default());
    let template = mine(&mut other, 9, 2, []);
    let mut headers = Vec::new();
    for n in 0..SIDE_HEADERS_MAX + 100 {
        let mut block = template.clone();
        block.header.extra_data = n.to_be_bytes().to_vec();
        seal_block(&mut block);
        headers.push(block.header);
    }
    let now = ours[2].header.timestamp;
    chain.import_headers(now, &headers).unwrap();
    take_all(&mut chain, &branch(&ours, 1, 2, 1));
    let kept = headers.iter().filter(|h| chain.contains_header(&h.id()).unwrap()).count();
    assert!(kept <= SIDE_HEADERS_MAX, "{kept}");
    assert!(kept > SIDE_HEADERS_MAX / 2, "{kept}");
    assert_eq!(chain.head().number, 4);
}

#[test]
fn headers_far_ahead_wait_for_bodies() {
    let count = usize::try_from(HEADERS_AHEAD_MAX).unwrap() + 1;
    let blocks = branch(&[], 1, 2, count);
    let headers: Vec<_> = blocks.iter().map(|block| block.header.clone()).collect();
    let mut chain = open(MemoryStore::default());
    let error = chain.import_headers(headers[count - 1].timestamp, &headers).unwrap_err();
    assert_eq!(error.index, count - 1);
    assert!(matches!(error.reason, ImportError::TooFarAhead { .. }));
    assert_eq!(chain.best_header().number, HEADERS_AHEAD_MAX);
    take_all(&mut chain, &blocks[..1]);
    chain.import_headers(headers[count - 1].timestamp, &headers[count - 1..]).unwrap();
}
