//! The local network as a whole, in this process.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of a test fail it by panicking, and tell what they measured"
)]

use std::{sync::Arc, time::Duration};

use mbt_consensus::SealedHeader;
use mbt_examples::{
    clock::{ChainClock, ShiftedClock},
    localnet::{Localnet, LocalnetConfig},
    service::Service,
};

/// Longest that anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(120);

async fn await_height(node: &Service, height: u64) {
    let wait = async {
        while node.handle().head().number < height {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap();
}

fn header_at(node: &Service, number: u64) -> SealedHeader {
    node.handle().reader().snapshot().unwrap().header_at(number).unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_stopped_for_an_hour_resumes_with_its_normal_interval() {
    let folder = tempfile::tempdir().unwrap();
    let config =
        LocalnetConfig { public_nodes: 2, data: Some(folder.path().to_owned()), base_port: 0 };
    let wall = Arc::new(ShiftedClock::default());
    let localnet = Localnet::start(&config, ChainClock::new(wall.clone())).await.unwrap();
    await_height(&localnet.nodes()[0], 3).await;
    localnet.stop().await;

    wall.advance_s(3600);
    let localnet = Localnet::start(&config, ChainClock::new(wall)).await.unwrap();
    let node = &localnet.nodes()[0];
    let last = node.handle().head();
    assert!(last.number >= 3, "the chain is kept");
    await_height(node, last.number + 3).await;
    let pause = header_at(node, last.number + 1).timestamp - last.timestamp;
    assert!(pause < 120, "chain time jumped by {pause} s");
    let (before, after) = (last.target, header_at(node, last.number + 3).target);
    assert!(after / 2 < before, "the target collapsed from {before} to {after}");
    localnet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_nodes_agree_on_the_chain() {
    let config = LocalnetConfig { public_nodes: 3, data: None, base_port: 0 };
    let localnet = Localnet::start(&config, ChainClock::system()).await.unwrap();
    let ready = localnet.ready();
    assert_eq!(ready["public"].as_array().unwrap().len(), 3);
    assert_eq!(ready["accounts"].as_array().unwrap().len(), 10);
    for node in localnet.nodes() {
        await_height(node, 4).await;
    }
    let agreed = async {
        loop {
            let shared =
                localnet.nodes().iter().map(|node| node.handle().head().number).min().unwrap();
            let first = header_at(&localnet.nodes()[0], shared);
            if localnet.nodes().iter().all(|node| header_at(node, shared).id == first.id) {
                return first;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let agreed = tokio::time::timeout(PATIENCE, agreed).await.unwrap();
    assert!(agreed.number >= 4);
    localnet.stop().await;
}
