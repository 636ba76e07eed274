//! Blocks whose work is good and whose content is not.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test fails by panicking, and shares its helpers"
)]

mod common;

use std::sync::Arc;

use common::*;
use mbt_account::SignedTransaction;
use mbt_consensus::*;
use mbt_crypto::{Address, H256, Signature};
use mbt_trie::{Durability, MemoryStore, ordered_root};
use rlp::RlpStream;

/// A transaction in good form whose signature names no key.
fn unsigned() -> Arc<SignedTransaction> {
    let transaction = transfer(1, 0, Address([7; 20]), 1);
    // Half of all numbers are no x of a point.
    let forged = (1..=255_u8).map(|n| {
        let mut r = [0; 32];
        r[31] = n;
        SignedTransaction::new(
            (***transaction.signed()).clone(),
            Signature { r, s: [1; 32], y_parity: false },
        )
    });
    let unsigned = forged
        .map(Arc::new)
        .find(|t| mbt_account::recover_senders(std::slice::from_ref(t)).is_err());
    unsigned.unwrap()
}

/// A header behind the head that commits to a body, whatever that is, with its work done.
fn header_over(chain: &mut TestChain, root: H256) -> Header {
    let mut block = mine(chain, 1, 2, []);
    block.header.transactions_root = root;
    seal_block(&mut block);
    block.header
}

/// The same for the next header of a branch without bodies.
fn header_behind(headers: &[Header]) -> Header {
    // The schedule and the commitment to ancestors of a chain of the same headers but for the body.
    let mut twin = open(MemoryStore::default());
    twin.import_headers(u64::MAX / 2, headers).unwrap();
    let parent = headers.last().unwrap();
    let mut child = Header { timestamp: parent.timestamp + 2, ..mine(&mut twin, 1, 2, []).header };
    child.parent_hash = parent.id();
    child.number = parent.number + 1;
    loop {
        let mut block = Block { header: child.clone(), transactions: Vec::new() };
        seal_block(&mut block);
        match twin.import_headers(u64::MAX / 2, &[block.header.clone()]).map_err(|e| e.reason) {
            Ok(_) => return block.header,
            Err(ImportError::Invalid(InvalidBlock::Header(rule))) => match rule {
                InvalidHeader::Target { expected, .. } => child.target = expected,
                InvalidHeader::AncestorsRoot { expected, .. } => child.ancestors_root = expected,
                other => panic!("{other}"),
            },
            Err(other) => panic!("{other}"),
        }
    }
}

fn encoded(body: &Body) -> Vec<u8> {
    rlp::encode(body).to_vec()
}

fn refusal(chain: &mut TestChain, header: &Header) -> InvalidHeader {
    let headers = std::slice::from_ref(header);
    match chain.import_headers(header.timestamp, headers).unwrap_err().reason {
        ImportError::Invalid(InvalidBlock::Header(rule)) => rule,
        other => panic!("{other}"),
    }
}

#[test]
fn a_block_that_nobody_signed_is_wanted_no_more_and_nothing_stands_on_it() {
    let mut chain = open(MemoryStore::default());
    let body = Body { transactions: vec![unsigned()] };
    let header = header_over(&mut chain, body.transactions_root());
    let child = header_behind(std::slice::from_ref(&header));
    let grandchild = header_behind(&[header.clone(), child.clone()]);
    chain.import_headers(child.timestamp, &[header.clone(), child.clone()]).unwrap();
    assert_eq!(chain.wanted_bodies(9).len(), 2);

    let Err(BodyError::Invalid(proof)) = Block::join(header.clone(), &encoded(&body)) else {
        panic!("nobody signed");
    };
    assert_eq!((proof.id(), proof.reason()), (header.id(), InvalidBlock::Signature));
    chain.mark_invalid(&proof);
    assert_eq!(chain.wanted_bodies(9), []);
    assert_eq!(chain.best_header().id, chain.head().id);

    for known in [&header, &child, &grandchild] {
        assert_eq!(refusal(&mut chain, known), InvalidHeader::KnownInvalid(known.id()));
    }
    // What cost no work is told from what an honest peer may have passed on.
    let mut free = grandchild;
    while free.work_hash() < free.target {
        free.nonce += 1;
    }
    assert!(matches!(refusal(&mut chain, &free), InvalidHeader::Work { .. }));
    free.number += 1;
    assert!(matches!(refusal(&mut chain, &free), InvalidHeader::Number { .. }));

    let block = mine(&mut chain, 2, 2, []);
    take_all(&mut chain, &[block]);
}

#[test]
fn another_branch_takes_the_place_of_one_that_nobody_signed() {
    let ours = branch(&[], 3, 2, 2);
    let mut chain = open(MemoryStore::default());
    let body = Body { transactions: vec![unsigned()] };
    let bad = header_over(&mut chain, body.transactions_root());
    let child = header_behind(std::slice::from_ref(&bad));
    let tip = header_behind(&[bad.clone(), child.clone()]);
    chain.import_headers(tip.timestamp, &[bad.clone(), child, tip.clone()]).unwrap();
    let headers: Vec<_> = ours.iter().map(|block| block.header.clone()).collect();
    chain.import_headers(tip.timestamp, &headers).unwrap();
    assert_eq!(chain.best_header().id, tip.id());
    let Err(BodyError::Invalid(proof)) = Block::join(bad, &encoded(&body)) else { panic!() };
    chain.mark_invalid(&proof);
    assert_eq!(chain.best_header().id, headers[1].id());
    let wanted: Vec<_> = chain.wanted_bodies(9).into_iter().map(|(id, _)| id).collect();
    assert_eq!(wanted, [headers[0].id(), headers[1].id()]);
}

#[test]
fn a_body_of_unreadable_transactions_is_held_against_its_header() {
    let mut chain = open(MemoryStore::default());
    let items: [&[u8]; 2] = [&[0x7f, 1, 2], &[0xc1, 0x80]];
    let header = header_over(&mut chain, ordered_root(items.map(<[u8]>::to_vec)));
    let mut stream = RlpStream::new_list(2);
    stream.append(&items[0]).append_raw(items[1], 1);
    let Err(BodyError::Invalid(proof)) = Block::join(header.clone(), &stream.out()) else {
        panic!("no transactions");
    };
    assert!(matches!(proof.reason(), InvalidBlock::Body(_)));
    chain.import_headers(header.timestamp, std::slice::from_ref(&header)).unwrap();
    chain.mark_invalid(&proof);
    assert_eq!(chain.wanted_bodies(9), []);
}

#[test]
fn other_bytes_with_the_root_of_a_good_body_prove_nothing() {
    let mut chain = open(MemoryStore::default());
    let block = mine(&mut chain, 1, 2, [transfer(1, 0, Address([7; 20]), 1)]);
    let (header, good) = (block.header.clone(), block.transactions[0].encode());
    let mut in_a_string = RlpStream::new_list(1);
    in_a_string.append(&good);
    let mut with_an_empty_item = RlpStream::new_list(2);
    with_an_empty_item.append_raw(&good, 1).append_empty_data();
    let mut trailing = encoded(&block.body());
    trailing.push(0x80);
    for bytes in [in_a_string.out().to_vec(), with_an_empty_item.out().to_vec(), trailing] {
        assert_eq!(Block::join(header.clone(), &bytes), Err(BodyError::Foreign));
    }
    assert_eq!(Block::join(header, &encoded(&block.body())), Ok(block));
}

#[test]
fn a_proof_of_a_block_that_is_not_here_changes_nothing() {
    let mut chain = open(MemoryStore::default());
    let body = Body { transactions: vec![unsigned()] };
    let header = header_over(&mut chain, body.transactions_root());
    let Err(BodyError::Invalid(proof)) = Block::join(header.clone(), &encoded(&body)) else {
        panic!()
    };
    chain.mark_invalid(&proof);
    chain.import_headers(header.timestamp, std::slice::from_ref(&header)).unwrap();
    assert_eq!(chain.best_header().id, header.id());
}

/// Nothing of an invalid block is kept over a restart: a node that was mended may find it valid,
/// and one that was not finds it invalid again.
#[test]
fn an_invalid_block_known_from_an_earlier_run_is_found_invalid_again() {
    let store = MemoryStore::default();
    let mut chain = open(store.clone());
    let body = Body { transactions: vec![unsigned()] };
    let header = header_over(&mut chain, body.transactions_root());
    let child = header_behind(std::slice::from_ref(&header));
    chain.import_headers(child.timestamp, &[header.clone(), child]).unwrap();
    let Err(BodyError::Invalid(proof)) = Block::join(header.clone(), &encoded(&body)) else {
        panic!()
    };
    // A crash before the next batch leaves the headers in the store, a clean stop does not.
    drop(chain);
    let mut crashed = open(store.clone());
    assert_eq!(crashed.wanted_bodies(9).len(), 2);
    crashed.mark_invalid(&proof);
    assert_eq!(crashed.wanted_bodies(9), []);
    crashed.flush().unwrap();
    drop(crashed);
    let mut stopped = open(store);
    assert!(!stopped.contains_header(&header.id()).unwrap());
    stopped.import_headers(header.timestamp, std::slice::from_ref(&header)).unwrap();
    stopped.mark_invalid(&proof);
    assert!(matches!(refusal(&mut stopped, &header), InvalidHeader::KnownInvalid(_)));
}

#[test]
fn bodies_on_side_branches_are_bounded_by_bytes() {
    let ours = branch(&[], 1, 2, 4);
    let side: Vec<Block> = (0..12_u8)
        .map(|n| {
            let mut other = open(MemoryStore::default());
            mine(
                &mut other,
                10 + n,
                2,
                (0..20).map(|nonce| transfer(1, nonce, Address([7; 20]), 1)),
            )
        })
        .collect();
    let bytes = encoded(&side[0].body()).len();
    let bound = ChainConfig { side_body_bytes_max: 8 * bytes, ..config() };
    let store = MemoryStore::default();
    let mut chain = open_with(bound.clone(), Ledger::default(), store.clone());
    take_all(&mut chain, &ours);
    for block in &side[..8] {
        assert_eq!(take(&mut chain, block), Imported::Side);
    }
    let kept = |chain: &TestChain| {
        side.iter().filter(|block| chain.contains_header(&block.header.id()).unwrap()).count()
    };
    assert_eq!(kept(&chain), 8);
    assert_eq!(take(&mut chain, &side[8]), Imported::Side);
    assert_eq!(kept(&chain), 6, "three quarters of the bound");
    chain.flush().unwrap();
    let snapshot = chain.reader().snapshot().unwrap();
    let stored = |block: &&Block| snapshot.body_bytes(&block.header.id()).unwrap().is_some();
    assert_eq!(side.iter().filter(stored).count(), 6);
    drop(chain);

    // The count survives a restart.
    let mut chain = open_with(bound, Ledger::default(), store);
    for block in &side[9..12] {
        take(&mut chain, block);
    }
    assert_eq!(kept(&chain), 6);
    assert_eq!(chain.head().id, ours[3].header.id());
    // The executed chain is not touched, nor a branch that overtakes it.
    let theirs = branch(&[], 2, 2, 5);
    for block in &theirs {
        take(&mut chain, block);
    }
    assert_eq!(chain.head().id, theirs[4].header.id());
}

#[test]
fn a_target_of_zero_at_most_is_no_configuration() {
    let none = ChainConfig { target_max: 0.into(), ..config() };
    let error = Chain::open(none, &genesis(), Ledger::default(), MemoryStore::default());
    assert!(matches!(error, Err(OpenError::Config(_))));
}

#[test]
fn a_body_that_is_not_the_headers_leaves_the_header_good() {
    let mut chain = open(MemoryStore::default());
    let block = mine(&mut chain, 1, 2, [transfer(1, 0, Address([7; 20]), 1)]);
    let mut other = block.clone();
    other.transactions.clear();
    let now = block.header.timestamp;
    let error = chain.import(now, other, Durability::Deferred).unwrap_err();
    assert!(matches!(error, ImportError::Invalid(InvalidBlock::TransactionsRoot { .. })));
    take_all(&mut chain, &[block]);
}
