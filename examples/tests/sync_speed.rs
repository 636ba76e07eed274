//! Measures how fast a new node catches up with one peer over loopback, into a file. Long, so run it by hand:
//! `cargo test --release -p mbt-examples --test sync_speed -- --ignored --nocapture`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    unreachable_pub,
    reason = "tests fail by panicking"
)]
#![allow(clippy::print_stderr, reason = "a measurement is read")]

#[path = "network/support.rs"]
mod support;

use std::time::{Duration, Instant};

use mbt_examples::storage::{Location, Store};
use support::{NAME, address, head, mine_many, node, node_in, start};

async fn measure(blocks: u64, transfers: usize) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&Location::Redb {
        file: folder.path().join("chain.redb"),
        cache_bytes: 64 << 20,
    })
    .unwrap();
    let (a, b) = (node(), node_in(NAME, store));
    let made = Instant::now();
    mine_many(a.handle(), blocks, transfers, 0).await;
    let made = made.elapsed();
    let first = start(&a, &[]).await;
    let began = Instant::now();
    let _second = start(&b, &[address(&first)]).await;
    while head(&b) != head(&a) {
        assert!(began.elapsed() < Duration::from_secs(600), "{} blocks", b.handle().head().number);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = began.elapsed();
    let rate = u128::from(blocks) * 1_000 / took.as_millis().max(1);
    eprintln!(
        "{blocks} blocks of {transfers} transfers: {took:?}, {rate} blocks/s (made in {made:?})"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement of minutes"]
async fn ten_thousand_empty_blocks() {
    measure(10_000, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement of minutes"]
async fn ten_thousand_blocks_of_twenty_transfers() {
    measure(10_000, 20).await;
}
