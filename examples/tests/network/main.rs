//! Nodes and liars over real sockets on loopback.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    unreachable_pub,
    reason = "tests fail by panicking"
)]

mod raw_peer;
mod reorg;
mod senders;
mod support;

use std::{sync::Arc, time::Duration};

use mbt_account::{SignedTransaction, TxHash, recover_senders};
use mbt_consensus::{Block, Body, BuildRequest, ChainConfig, Header, RawBlock, seal};
use mbt_crypto::Signature;
use mbt_examples::{
    clock::{ChainClock, ShiftedClock},
    metrics::unready,
    network::{
        Ban, Direction, Network, NetworkConfig, NetworkError, TransactionBundle, message::Response,
    },
    node::{Node, NodeHandle, Origin},
    storage::Store,
    sync::Limits,
};
use mbt_trie::Durability;
use raw_peer::{Manner, RawPeer};
use support::{
    NAME, address, config, eventually, head, mine, mine_at, mine_many, node, node_at, node_named,
    start, transfer,
};

fn has(node: &Node, hash: &TxHash) -> bool {
    node.handle().pool().lock().contains(hash)
}

async fn liar(node: &Node, manner: Manner) -> RawPeer {
    let genesis_id = node.handle().reader().snapshot().unwrap().genesis_id();
    RawPeer::start(ChainConfig::development().chain_id, genesis_id, manner).await
}

#[tokio::test(flavor = "multi_thread")]
async fn late_node_syncs_and_then_follows_live() {
    let (a, b) = (node(), node());
    mine_many(a.handle(), 30, 9, 0).await;
    let first = start(&a, &[]).await;
    mine_many(a.handle(), 30, 0, 0).await;
    let second = start(&b, &[address(&first)]).await;
    eventually("the late node has the head", || head(&b) == head(&a)).await;
    assert_eq!(b.handle().head().state_root, a.handle().head().state_root);

    eventually("sync is over", || !second.progress().syncing).await;
    let id = mine(a.handle()).await;
    eventually("a mined block arrives", || head(&b) == id).await;
    let id = mine(b.handle()).await;
    eventually("a block goes the other way", || head(&a) == id).await;
    assert_eq!(first.peers()[0].direction, Direction::Inbound);
    assert_eq!(first.peer_count(), 1);
    assert!(first.bans().is_empty() && second.bans().is_empty());
    assert_eq!(b.handle().status().peers, 1);
    second.shutdown().await;
    eventually("the peer is gone", || first.peer_count() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_and_transactions_are_passed_on_along_a_line() {
    let nodes = [node(), node(), node()];
    let first = start(&nodes[0], &[]).await;
    let middle = start(&nodes[1], &[address(&first)]).await;
    let last = start(&nodes[2], &[address(&middle)]).await;
    eventually("the line is connected", || {
        middle.peer_count() == 2 && middle.peers().iter().all(|peer| peer.status.is_some())
    })
    .await;
    // Transactions that were there before the gossip's mesh are asked for.
    let early = nodes[0].handle().submit(transfer(0, 0), Origin::Local).unwrap();
    let id = mine(nodes[0].handle()).await;
    eventually("the block is everywhere", || nodes.iter().all(|node| head(node) == id)).await;
    assert!(!has(&nodes[2], &early));

    let hash = nodes[2].handle().submit(transfer(1, 0), Origin::Local).unwrap();
    eventually("the transaction is everywhere", || nodes.iter().all(|n| has(n, &hash))).await;
    let id = mine(nodes[0].handle()).await;
    eventually("and is mined at the far end", || head(&nodes[2]) == id).await;
    assert!(!has(&nodes[2], &hash));
    drop(last);
}

#[tokio::test(flavor = "multi_thread")]
async fn pool_of_a_peer_is_asked_for() {
    let (a, b) = (node(), node());
    let hash = a.handle().submit(transfer(0, 0), Origin::Local).unwrap();
    let first = start(&a, &[]).await;
    let _second = start(&b, &[address(&first)]).await;
    eventually("the earlier transaction arrives", || has(&b, &hash)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heavier_branch_of_a_peer_wins() {
    let (a, b) = (node(), node());
    mine_many(a.handle(), 12, 2, 0).await;
    mine_many(b.handle(), 5, 0, 0).await;
    let first = start(&a, &[]).await;
    let _second = start(&b, &[address(&first)]).await;
    eventually("the shorter chain gives way", || head(&b) == head(&a)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_sync_goes_on_where_it_was() {
    let (a, b) = (node(), node());
    mine_many(a.handle(), 300, 4, 0).await;
    let first = start(&a, &[]).await;
    let second = start(&b, &[address(&first)]).await;
    eventually("sync began", || b.handle().head().number > 0).await;
    second.shutdown().await;
    let reached = b.handle().head().number;
    let again = start(&b, &[address(&first)]).await;
    eventually("sync ends", || head(&b) == head(&a)).await;
    assert!(reached > 0 && again.bans().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_banned_by_type_and_sync_goes_on_elsewhere() {
    let (a, b) = (node(), node());
    mine_many(a.handle(), 20, 3, 0).await;
    let first = start(&a, &[]).await;
    let garbage = liar(&a, Manner::Answers(vec![0xff; 1_000])).await;
    let broken = Response::Headers(vec![Header::default(); 3]).encode();
    let broken = liar(&a, Manner::Answers(broken)).await;
    let unasked = liar(&a, Manner::Answers(Response::Pooled(vec![]).encode())).await;
    let asks = liar(&a, Manner::Asks(vec![0xc1, 0x7f])).await;
    let liars = [&garbage, &broken, &unasked, &asks];
    let mut peers = vec![address(&first)];
    peers.extend(liars.iter().map(|liar| &liar.address));
    let second = start(&b, &peers).await;
    eventually("all liars are banned", || {
        let bans = second.bans();
        liars.iter().all(|liar| bans.iter().any(|(peer, _)| *peer == liar.id))
    })
    .await;
    assert!(second.bans().iter().all(|(_, ban)| matches!(ban, Ban::Until(_))));
    eventually("sync ends", || head(&b) == head(&a)).await;
    assert_eq!(second.bans().len(), 4, "only the liars are banned");
    eventually("the liars are gone", || second.peer_count() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_gossip_is_banned_and_not_passed_on() {
    let (a, b) = (node(), node());
    let id = mine(a.handle()).await;
    let block = a.handle().reader().snapshot().unwrap().block(&id).unwrap().unwrap();
    let mut forged = RawBlock { header: block.header.clone(), body: block.body() };
    forged.header.base_fee += 1.into();
    let liars = [
        liar(&a, Manner::GossipsBlock(forged.encode())).await,
        liar(&a, Manner::GossipsBlock(vec![1, 2, 3])).await,
        liar(&a, Manner::GossipsTransactions(vec![0xc0])).await,
        liar(&a, Manner::GossipsTransactions(TransactionBundle(vec![vec![9; 9]]).encode())).await,
    ];
    let first = start(&b, &liars.each_ref().map(|liar| &liar.address)).await;
    eventually("all liars are banned", || first.bans().len() == liars.len()).await;
    assert_eq!(b.handle().head().number, 0);
}

/// A block with all its work done, with a transaction that nobody signed.
async fn unsigned_block(node: &Node) -> RawBlock {
    let request = BuildRequest { timestamp: node.handle().now(), ..BuildRequest::default() };
    let built = node.handle().build(request).await.unwrap();
    let signed = transfer(0, 0);
    let forged = (1..=255_u8).map(|n| {
        let mut r = [0; 32];
        r[31] = n;
        let signature = Signature { r, s: [1; 32], y_parity: false };
        Arc::new(SignedTransaction::new((***signed.signed()).clone(), signature))
    });
    // Half of all numbers are no x of a point.
    let mut forged = forged.filter(|t| recover_senders(std::slice::from_ref(t)).is_err());
    let body = Body { transactions: vec![forged.next().unwrap()] };
    let mut header = Header { transactions_root: body.transactions_root(), ..built.header };
    header.nonce = seal::search(header.seal_hash(), header.target, 0..u64::MAX).unwrap();
    RawBlock { header, body }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gossiped_block_that_nobody_signed_is_banned_and_wanted_no_more() {
    let b = node();
    let block = unsigned_block(&b).await;
    let liar = liar(&b, Manner::GossipsBlock(block.encode())).await;
    let first = start(&b, &[&liar.address]).await;
    eventually("the liar is banned", || first.bans().len() == 1).await;
    assert_eq!(b.handle().wanted_bodies(9).await, []);
    assert_eq!(b.handle().best_header().id, head(&b));
    // Its header is refused from now on, and the chain goes on without it.
    let again = b.handle().import_headers(vec![block.header]).await.unwrap_err();
    assert!(again.reason.is_peers_fault());
    let id = mine(b.handle()).await;
    assert_eq!(head(&b), id);
}

#[tokio::test(flavor = "multi_thread")]
async fn stalled_peer_is_bypassed() {
    let (a, b) = (node(), node());
    mine_many(a.handle(), 20, 3, 0).await;
    let first = start(&a, &[]).await;
    let stalled = liar(&a, Manner::Stalls).await;
    let sync = Limits { request_ms: 500, hedge_ms: 200, ..Limits::default() };
    let config = NetworkConfig { sync, ..config(&[&stalled.address, address(&first)]) };
    let second = Network::start(config, b.handle().clone()).await.unwrap();
    eventually("sync ends", || head(&b) == head(&a)).await;
    assert!(second.bans().iter().all(|(peer, _)| *peer == stalled.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn peer_with_another_genesis_is_let_go_without_a_ban() {
    let (a, b) = (node(), node_named("another chain"));
    mine_many(a.handle(), 3, 0, 0).await;
    let first = start(&a, &[]).await;
    let second = start(&b, &[address(&first)]).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    eventually("they part", || first.peer_count() == 0 && second.peer_count() == 0).await;
    assert!(first.bans().is_empty() && second.bans().is_empty());
    assert_eq!(b.handle().head().number, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn peer_that_starts_later_or_comes_back_is_found() {
    let (a, b) = (node(), node());
    let first = start(&a, &[]).await;
    let at = address(&first).clone();
    first.shutdown().await;
    drop(first);
    let second = start(&b, &[&at]).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let listen = NetworkConfig { listen: vec![at.clone()], ..config(&[]) };
    let first = Network::start(listen.clone(), a.handle().clone()).await.unwrap();
    eventually("the late peer is found", || second.peer_count() == 1).await;
    first.shutdown().await;
    drop(first);
    eventually("it is gone", || second.peer_count() == 0).await;
    let _first = Network::start(listen, a.handle().clone()).await.unwrap();
    eventually("it is found again", || second.peer_count() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn port_in_use_is_a_typed_error() {
    let (a, b) = (node(), node());
    let first = start(&a, &[]).await;
    let listen = vec![address(&first).clone()];
    let config = NetworkConfig { listen, ..NetworkConfig::default() };
    let error = Network::start(config, b.handle().clone()).await.unwrap_err();
    assert!(matches!(error, NetworkError::AddressInUse { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn node_that_catches_up_is_not_ready_and_says_how_far_it_is() {
    let node = node();
    assert!(!unready(node.handle()).is_some_and(|reason| reason.starts_with("syncing")));
    let stalled = liar(&node, Manner::Stalls).await;
    let _network = start(&node, &[&stalled.address]).await;
    eventually("it is syncing", || {
        unready(node.handle()).as_deref() == Some("syncing: block 0 of 1000000")
    })
    .await;
}

/// A node of a development network that slept: chain time goes on from its head.
fn resumed(wall: &Arc<ShiftedClock>, blocks: &[Block]) -> impl Future<Output = Node> {
    let node = node_at(NAME, Store::memory(), ChainClock::new(wall.clone()));
    let blocks = blocks.to_vec();
    async move {
        for block in blocks {
            node.handle().import(block, Durability::Durable).await.unwrap();
        }
        let (handle, interval_s) = (node.handle(), node.handle().chain_config().interval_s);
        handle.clock().resume(handle.head().timestamp, interval_s);
        node
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn separate_nodes_that_slept_agree_on_chain_time() {
    let before = node();
    mine_many(before.handle(), 100, 0, 0).await;
    let snapshot = before.handle().reader().snapshot().unwrap();
    let block =
        |number| snapshot.block(&snapshot.id_at(number).unwrap().unwrap()).unwrap().unwrap();
    let blocks: Vec<Block> = (1..=100).map(block).collect();

    // The last block is some years ago by the wall. One node slept through half of the blocks.
    let wall = Arc::new(ShiftedClock::default());
    wall.advance_s(3600);
    let (late, early) = (resumed(&wall, &blocks[..50]).await, resumed(&wall, &blocks).await);
    let (late_node, early_node) = (late.handle(), early.handle());
    assert!(early_node.now() > late_node.now() + 2 * early_node.chain_config().future_max_s());
    let first = start(&early, &[]).await;
    let second = start(&late, &[address(&first)]).await;
    eventually("the late node has the head", || head(&late) == head(&early)).await;
    let apart = |a: &NodeHandle, b: &NodeHandle| a.now().abs_diff(b.now());
    let bound = early_node.chain_config().future_max_s();
    assert!(apart(early_node, late_node) <= bound, "{}", apart(early_node, late_node));
    assert!(late_node.now() >= late_node.head().timestamp);
    assert!(first.bans().is_empty() && second.bans().is_empty());

    // What either builds on chain time keeps the target, and the other takes it.
    for (builder, other) in [(&late, &early), (&early, &late)] {
        let node = builder.handle();
        let parent = node.head();
        let id = mine_at(node, node.now()).await;
        eventually("the block arrives", || head(other) == id).await;
        assert!(node.head().timestamp - parent.timestamp <= bound);
        assert!(node.head().target / 2 <= parent.target, "the target collapsed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_slept_joins_a_network_that_did_not() {
    let wall = Arc::new(ShiftedClock::default());
    let awake = node_at(NAME, Store::memory(), ChainClock::new(wall.clone()));
    let asleep = resumed(&wall, &[]).await;
    assert!(asleep.handle().now() < awake.handle().now() - 1_000_000);
    let id = mine_at(awake.handle(), awake.handle().now()).await;
    let first = start(&awake, &[]).await;
    let _second = start(&asleep, &[address(&first)]).await;
    eventually("the head arrives", || head(&asleep) == id).await;
    assert!(asleep.handle().now().abs_diff(awake.handle().now()) <= 1);
    // Chain time does not go beyond the wall, whatever blocks say.
    wall.advance_s(60);
    assert!(asleep.handle().now().abs_diff(awake.handle().now()) <= 1);
}
