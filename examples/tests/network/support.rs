//! Real nodes in memory, on loopback.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::time::{Duration, Instant};

use libp2p::Multiaddr;
use mbt_account::{Kind, PoolConfig, RecoveredTransaction, Transaction};
use mbt_consensus::{BlockId, BuildRequest, ChainConfig, seal};
use mbt_crypto::{Address, SecretKey};
use mbt_examples::{
    clock::ChainClock,
    network::{Network, NetworkConfig, NetworkHandle},
    node::{Node, NodeConfig, NodeHandle, Origin},
    storage::Store,
};
use mbt_vm::{Evm, FeePolicy, GenesisConfig, development};

const PATIENCE: Duration = Duration::from_secs(60);
const GWEI: u64 = 1_000_000_000;

/// What the genesis block says.
pub const NAME: &str = "network test";

/// A node without miner, whose genesis block says `name`.
pub fn node_named(name: &str) -> Node {
    node_in(name, Store::memory())
}

pub fn node() -> Node {
    node_named(NAME)
}

pub fn node_in(name: &str, store: Store) -> Node {
    node_at(name, store, ChainClock::system())
}

/// A node with a chain time of its own.
pub fn node_at(name: &str, store: Store, clock: ChainClock) -> Node {
    let chain = ChainConfig::development();
    let extra_data = name.as_bytes().to_vec();
    let genesis = GenesisConfig { extra_data, ..GenesisConfig::development() };
    Node::open(NodeConfig {
        evm: Evm::new(chain.chain_id, FeePolicy::Mbt),
        chain,
        genesis: genesis.genesis().unwrap(),
        store,
        pool: PoolConfig::default(),
        clock,
    })
    .unwrap()
}

/// A transfer of account `from`.
pub fn transfer(from: usize, nonce: u64) -> RecoveredTransaction {
    let key = SecretKey::from_bytes(development::ACCOUNTS[from].private_key).unwrap();
    let kind = Kind::DynamicFee {
        chain_id: ChainConfig::development().chain_id,
        max_priority_fee_per_gas: GWEI.into(),
        max_fee_per_gas: (100 * GWEI).into(),
        access_list: Vec::new(),
    };
    let to = Some(Address([0x77; 20]));
    let (gas_limit, value, input) = (21_000, 1.into(), Vec::new());
    let transaction = Transaction { kind, nonce, gas_limit, to, value, input };
    transaction.sign(&key).recover().unwrap()
}

/// Mines a block of what the pool holds, two seconds behind its parent.
pub async fn mine(node: &NodeHandle) -> BlockId {
    mine_at(node, node.head().timestamp + 2).await
}

/// Mines a block of what the pool holds.
pub async fn mine_at(node: &NodeHandle, timestamp: u64) -> BlockId {
    let request = BuildRequest {
        timestamp,
        miner: development::ACCOUNTS[9].address,
        extra_data: Vec::new(),
        lot: None,
    };
    let mut block = node.build(request).await.unwrap();
    let target = seal::effective_target(&block.header);
    block.header.nonce =
        seal::search(block.header.seal_hash(), target, 0..u64::MAX).expect("the target is easy");
    let id = block.header.id();
    node.import_mined(block).await.unwrap();
    id
}

/// Mines blocks with `transfers` each, at most ten or a multiple of ten, of the ten accounts in
/// turn. `first` is their next nonce.
pub async fn mine_many(node: &NodeHandle, blocks: u64, transfers: usize, first: u64) {
    let per_account = u64::try_from(transfers.div_ceil(10)).unwrap();
    for index in 0..blocks {
        let batch = (0..transfers).map(|i| {
            transfer(i % 10, first + index * per_account + u64::try_from(i / 10).unwrap())
        });
        for outcome in node.submit_many(batch.collect(), Origin::Peer) {
            outcome.unwrap();
        }
        mine(node).await;
    }
}

pub fn config(peers: &[&Multiaddr]) -> NetworkConfig {
    NetworkConfig {
        peers: peers.iter().map(|address| (*address).clone()).collect(),
        status_interval: Duration::from_millis(500),
        progress_bar: false,
        ..NetworkConfig::default()
    }
}

pub async fn start(node: &Node, peers: &[&Multiaddr]) -> NetworkHandle {
    Network::start(config(peers), node.handle().clone()).await.unwrap()
}

pub fn address(network: &NetworkHandle) -> &Multiaddr {
    &network.listen_addresses()[0]
}

/// Waits until something holds.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub fn head(node: &Node) -> BlockId {
    node.handle().head().id
}
