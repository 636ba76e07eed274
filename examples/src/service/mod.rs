//! One node with all its services, as programs run it: opened first, then started.

mod genesis;
mod signals;
pub(crate) mod status;

use std::{net::SocketAddr, time::Duration};

use mbt_consensus::{BlockId, Chain, ChainConfig, Genesis, OpenError};
use mbt_trie::StoreError;
use mbt_vm::{Evm, FeePolicy};

use crate::{
    clock::ChainClock,
    config::{Config, Engine},
    exit::{Code, Failure},
    metrics::MetricsServer,
    mining::{Miner, Reward, TimedSealer},
    network::{Network, NetworkConfig, NetworkError, NetworkHandle},
    node::{Node, NodeConfig, NodeError, NodeHandle},
    rpc::{self, RpcError, RpcServer},
    storage::{DataFolder, FolderError, PostgresError, Store, unfinished},
};

pub use genesis::DevelopmentGenesis;
pub use signals::{Signals, force_exit_on_second_signal};
pub use status::Rate;

/// Longest that a graceful stop of one service takes.
const STOP_TIME: Duration = Duration::from_secs(5);

/// How blocks come about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Sealing {
    /// By work, as the configuration says.
    Configured,
    /// On a timer.
    Timed {
        /// Time between blocks.
        period: Duration,
        /// Who is paid.
        reward: Reward,
    },
}

/// A node whose chain is open; nothing listens yet.
#[derive(Debug)]
pub struct Opened {
    config: Config,
    node: Node,
    folder: Option<DataFolder>,
}

/// A running node.
#[derive(Debug)]
pub struct Service {
    rpc: RpcServer,
    network: Option<NetworkHandle>,
    metrics: Option<MetricsServer>,
    miner: Option<Miner>,
    sealer: Option<TimedSealer>,
    // Last: everything above ends before the chain, and the chain before the folder's lock.
    node: Node,
    folder: Option<DataFolder>,
}

impl Opened {
    /// Locks the data folder and opens the chain in it.
    ///
    /// # Errors
    /// [`Failure`], with the code for a locked folder or another chain.
    pub fn open(
        config: Config,
        made: &DevelopmentGenesis,
        clock: ChainClock,
    ) -> Result<Self, Failure> {
        let folder = match config.storage.engine {
            Engine::Memory => None,
            _ => Some(DataFolder::lock(&config.data).map_err(folder_failure)?),
        };
        let (rules, genesis) = first_block(&config, folder.as_ref(), made)?;
        let store = open_store(&config)?;
        let node = Node::open(NodeConfig {
            evm: Evm::new(rules.chain_id, FeePolicy::Mbt),
            chain: rules,
            genesis,
            store,
            pool: config.pool.rules(),
            clock,
        })
        .map_err(|error| node_failure(&config, error))?;
        Ok(Self { config, node, folder })
    }

    /// Returns the node.
    #[must_use]
    pub const fn handle(&self) -> &NodeHandle {
        self.node.handle()
    }

    /// Returns the configuration.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Adds peers to keep connected.
    #[must_use]
    pub fn with_peers(mut self, peers: impl IntoIterator<Item = libp2p::Multiaddr>) -> Self {
        self.config.network.peers.extend(peers.into_iter().map(|peer| peer.to_string()));
        self
    }

    /// Lets chain time go on from the head. Development networks only.
    pub fn resume_time(&self) {
        let handle = self.handle();
        handle.clock().resume(handle.head().timestamp, handle.chain_config().interval_s);
    }

    /// Starts to listen, to talk to peers and to mine.
    ///
    /// # Errors
    /// [`Failure`], with the code for a port in use.
    pub async fn start(self, sealing: Sealing) -> Result<Service, Failure> {
        let Self { config, node, folder } = self;
        let handle = node.handle().clone();
        handle.catch_up().await.map_err(Failure::runtime)?;
        let network = match config.network.enabled {
            false => None,
            true => {
                let network = network_config(&config, folder.as_ref())?;
                Some(Network::start(network, handle.clone()).await.map_err(network_failure)?)
            }
        };
        let rpc = rpc::serve(config.rpc.clone(), handle.clone(), network.clone())
            .await
            .map_err(rpc_failure)?;
        let metrics = match config.metrics.enabled {
            false => None,
            true => Some(MetricsServer::start(config.metrics.listen, handle.clone()).await?),
        };
        let (miner, sealer) = match sealing {
            Sealing::Timed { period, reward } => {
                (None, Some(TimedSealer::start(period, reward, handle.clone())))
            }
            Sealing::Configured if config.mining.enabled => {
                let miner = Miner::start(&config.mining, handle.clone());
                (Some(miner.map_err(|error| Failure::new(Code::Config, error))?), None)
            }
            Sealing::Configured => (None, None),
        };
        Ok(Service { rpc, network, metrics, miner, sealer, node, folder })
    }
}

impl Service {
    /// Returns the node.
    #[must_use]
    pub const fn handle(&self) -> &NodeHandle {
        self.node.handle()
    }

    /// Returns the address of JSON-RPC.
    #[must_use]
    pub const fn rpc_address(&self) -> SocketAddr {
        self.rpc.address()
    }

    /// Returns the address of the figures.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(MetricsServer::address)
    }

    /// Returns the network.
    #[must_use]
    pub const fn network(&self) -> Option<&NetworkHandle> {
        self.network.as_ref()
    }

    /// Logs a line about the node every five seconds, for as long as it is polled.
    pub async fn log_status(&self) {
        status::log(&[self.handle()]).await;
    }

    /// Stops everything in order: no more blocks, no more requests, no more peers, then the last
    /// batch goes to disk.
    pub async fn stop(self) {
        let Self { rpc, network, metrics, miner, sealer, node, folder } = self;
        drop((miner, sealer));
        if tokio::time::timeout(STOP_TIME, rpc.stop()).await.is_err() {
            tracing::warn!("requests were cut off");
        }
        if let Some(network) = network
            && tokio::time::timeout(STOP_TIME, network.shutdown()).await.is_err()
        {
            tracing::warn!("connections were cut off");
        }
        drop(metrics);
        let closed = tokio::task::spawn_blocking(move || drop((node, folder))).await;
        if closed.is_err() {
            tracing::error!("the chain did not close");
        }
    }
}

fn network_config(config: &Config, folder: Option<&DataFolder>) -> Result<NetworkConfig, Failure> {
    let refused = |reason| Failure::new(Code::Config, reason);
    Ok(NetworkConfig {
        listen: config.network.listen().map_err(refused)?,
        peers: config.network.peers().map_err(refused)?,
        peers_max: config.network.peers_max,
        key_folder: folder.map(|folder| folder.path().to_owned()),
        ..NetworkConfig::default()
    })
}

fn folder_failure(error: FolderError) -> Failure {
    match error {
        FolderError::Locked { .. } => Failure::new(Code::DataLocked, error),
        other => Failure::runtime(other),
    }
}

/// Returns the rules, and the first block by the allocation file.
fn first_block(
    config: &Config,
    folder: Option<&DataFolder>,
    made: &DevelopmentGenesis,
) -> Result<(ChainConfig, Genesis), Failure> {
    let rules = config.chain.rules().map_err(|reason| Failure::new(Code::Config, reason))?;
    let allocation = genesis::load(&config.chain, folder, made)?;
    if allocation.chain_id != rules.chain_id {
        let sentence = format!(
            "allocation file is of chain {}, the network's is {}",
            allocation.chain_id, rules.chain_id
        );
        return Err(Failure::new(Code::Config, sentence));
    }
    let genesis = allocation
        .genesis()
        .map_err(|error| Failure::new(Code::Config, format!("allocation file: {error}")))?;
    Ok((rules, genesis))
}

/// Returns the id of the first block by the allocation file, which must be configured or lie in the
/// data folder.
///
/// # Errors
/// [`Failure`]: there is no such file, or it is not valid.
pub fn genesis_of(config: &Config, folder: &DataFolder) -> Result<BlockId, Failure> {
    if config.chain.genesis.is_empty() && !folder.genesis_file().exists() {
        let file = folder.genesis_file();
        let sentence = format!("{} is missing: the chain's allocation file", file.display());
        return Err(Failure::new(Code::Config, sentence));
    }
    let made = DevelopmentGenesis { timestamp: 0, target: mbt_crypto::U256::MAX, gas_limit: 0 };
    let (rules, genesis) = first_block(config, Some(folder), &made)?;
    let evm = Evm::new(rules.chain_id, FeePolicy::Mbt);
    let chain = Chain::open(rules, &genesis, evm, Store::memory()).map_err(Failure::runtime)?;
    Ok(chain.head().id)
}

/// Opens the configured store. The data folder must be locked.
///
/// # Errors
/// [`Failure`], with the code for a database that another node uses.
pub fn open_store(config: &Config) -> Result<Store, Failure> {
    let location = config.storage.location(&config.data);
    let location = location.map_err(|reason| Failure::new(Code::Config, reason))?;
    let store = Store::open(&location).map_err(|error| {
        let in_use = matches!(&error, StoreError::Engine { source, .. }
            if matches!(source.downcast_ref(), Some(PostgresError::InUse { .. })));
        let code = if in_use { Code::DataLocked } else { Code::Failed };
        Failure::new(code, format!("{location}: {error}"))
    })?;
    match unfinished(&store).map_err(Failure::runtime)? {
        None => Ok(store),
        Some(what) => Err(Failure::runtime(format!(
            "{location} holds {what} that was not finished: begin it again, or remove it"
        ))),
    }
}

fn node_failure(config: &Config, error: NodeError) -> Failure {
    match error {
        NodeError::Open(OpenError::GenesisMismatch { stored, expected }) => Failure::new(
            Code::GenesisMismatch,
            format!(
                "data folder {} holds a chain with genesis {stored}, the configured one is \
                 {expected}",
                config.data.display()
            ),
        ),
        NodeError::Open(OpenError::Config(reason)) => Failure::new(Code::Config, reason),
        other => Failure::runtime(other),
    }
}

fn network_failure(error: NetworkError) -> Failure {
    match error {
        NetworkError::AddressInUse { address } => Failure::new(
            Code::PortInUse,
            format!("peer address {address} is in use by another process"),
        ),
        other => Failure::runtime(other),
    }
}

fn rpc_failure(error: RpcError) -> Failure {
    match error {
        RpcError::AddressInUse { address } => Failure::new(
            Code::PortInUse,
            format!("JSON-RPC address {address} is in use by another process"),
        ),
        other => Failure::runtime(other),
    }
}
