//! Speed of imports and look-ups, printed: `cargo test --release -p mbt-consensus --features parallel --test speed
//! -- --ignored --nocapture`. Nothing is asserted of time.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measurement reads a clock and prints"
)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test fails by panicking, and shares its helpers"
)]

mod common;

use std::time::Instant;

use common::*;
use mbt_consensus::*;
use mbt_crypto::Address;
use mbt_trie::{Durability, MemoryStore};

/// Imports encoded blocks as a syncing node does, signatures included.
fn measure(name: &str, transfers: u64, blocks: u64) {
    let mut source = open(MemoryStore::default());
    let mut encoded = Vec::new();
    for number in 0..blocks {
        let pays = (0..transfers).map(|n| {
            let payee = Address::from_low_u64(number * transfers + n + 1);
            let payer = u8::try_from(n % 4).unwrap() + 1;
            transfer(payer, number * (transfers / 4) + n / 4, payee, 1)
        });
        let block = mine(&mut source, 1, 2, pays);
        assert_eq!(block.transactions.len() as u64, transfers);
        encoded.push(block.encode());
        take(&mut source, &block);
    }
    let mut chain = open(MemoryStore::default());
    let start = Instant::now();
    for bytes in &encoded {
        let block = RawBlock::decode(bytes).unwrap().recover().unwrap();
        let now = block.header.timestamp;
        chain.import(now, block, Durability::Deferred).unwrap();
    }
    let elapsed = start.elapsed();
    assert_eq!(chain.head(), source.head());
    let rate = u128::from(blocks) * 1_000_000 / elapsed.as_micros();
    println!("{name}: {blocks} blocks of {transfers} transfers in {elapsed:?}: {rate} blocks/s");
}

#[test]
#[ignore = "a measurement, not a claim"]
fn import_speed() {
    measure("empty", 0, 10_000);
    measure("transfers", 20, 10_000);
}

/// Reads each transaction of a block with its receipt, the way that a client asks for them.
#[test]
#[ignore = "a measurement, not a claim"]
fn look_up_speed() {
    let mut chain = open(MemoryStore::default());
    let pays = (0..1_000).map(|n| {
        let payer = u8::try_from(n % 4).unwrap() + 1;
        transfer(payer, n / 4, Address::from_low_u64(n + 1), 1)
    });
    let block = mine(&mut chain, 1, 2, pays);
    take(&mut chain, &block);
    let (snapshot, id) = (chain.reader().snapshot().unwrap(), block.header.id());
    let count = block.transactions.len();
    for (name, whole) in [("whole block", true), ("by place", false)] {
        let start = Instant::now();
        for index in 0..count {
            let found = if whole {
                let transactions = snapshot.block(&id).unwrap().unwrap().transactions;
                let receipts = snapshot.receipts(&id).unwrap().unwrap();
                (transactions[index].hash(), receipts[index].cumulative_gas_used)
            } else {
                let transaction = snapshot.transaction_at(&id, index).unwrap().unwrap();
                let placed = snapshot.receipt_at(&id, index).unwrap().unwrap();
                (transaction.hash(), placed.receipt.cumulative_gas_used)
            };
            assert_eq!(found, (block.transactions[index].hash(), (index as u64 + 1) * GAS));
        }
        let each = start.elapsed() / u32::try_from(count).unwrap();
        println!("{name}: {each:?} a transaction of {count}");
    }
}
