//! A whole network on loopback, in one process: what `mbt-localnet` starts.

mod accounts;
mod demo;

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use mbt_consensus::ChainConfig;
use mbt_crypto::{SecretKey, U256, keccak256};
use serde_json::{Value, json};

use crate::{
    clock::ChainClock,
    config::{ChainSection, Config, Network, NetworkSection, StorageSection},
    exit::{Code, Failure},
    mining::MiningConfig,
    node::NodeHandle,
    service::{DevelopmentGenesis, Opened, Sealing, Service, status},
};

pub use accounts::{Account, accounts, table as account_table};
pub use demo::{DemoError, demo};

/// Hashes a second of each node: a few percent of a core.
const HASHRATE: u64 = 20_000;

/// Ports from one node to the next.
const PORTS_PER_NODE: u16 = 10;

/// Most nodes.
pub const PUBLIC_NODES_MAX: u16 = 16;

/// What to start.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LocalnetConfig {
    /// Public nodes, all mining.
    pub public_nodes: u16,
    /// Where the chains are kept; none for a folder that is removed at the end.
    pub data: Option<PathBuf>,
    /// JSON-RPC of the first node listens here, everything else above; 0 takes any free ports.
    pub base_port: u16,
}

impl Default for LocalnetConfig {
    fn default() -> Self {
        Self { public_nodes: 3, data: None, base_port: 8545 }
    }
}

/// A running network.
#[derive(Debug)]
pub struct Localnet {
    nodes: Vec<Service>,
    // Last: the folder goes when nothing uses it any more.
    _folder: Folder,
}

/// The network's folder; a temporary one is removed with it.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    temporary: bool,
}

impl Folder {
    fn new(data: Option<&Path>) -> Result<Self, Failure> {
        let temporary = data.is_none();
        let path = data.map_or_else(
            || std::env::temp_dir().join(format!("mbt-localnet-{}", std::process::id())),
            Path::to_owned,
        );
        fs::create_dir_all(&path).map_err(|error| {
            Failure::runtime(format!("data folder {}: {error}", path.display()))
        })?;
        Ok(Self { path, temporary })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            tracing::warn!(%error, folder = %self.path.display(), "folder is left behind");
        }
    }
}

impl Localnet {
    /// Starts the network, and returns when every node serves JSON-RPC.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn start(config: &LocalnetConfig, clock: ChainClock) -> Result<Self, Failure> {
        if !(1..=PUBLIC_NODES_MAX).contains(&config.public_nodes) {
            let sentence = format!("public nodes must be 1 to {PUBLIC_NODES_MAX}");
            return Err(Failure::new(Code::Usage, sentence));
        }
        let folder = Folder::new(config.data.as_deref())?;
        let rules = ChainConfig::development();
        let made = DevelopmentGenesis {
            timestamp: clock.now(),
            target: target(u64::from(config.public_nodes), rules.interval_s),
            gas_limit: 0,
        };
        let genesis = folder.path.join("genesis.json");
        if !genesis.exists() {
            fs::write(&genesis, made.to_json()).map_err(|error| {
                Failure::runtime(format!("allocation file {}: {error}", genesis.display()))
            })?;
        }
        let mut opened = Vec::new();
        for index in 0..config.public_nodes {
            let node = node_config(config, &folder.path, &genesis, index)?;
            opened.push(Opened::open(node, &made, clock.clone())?);
        }
        // All nodes share the clock, so it goes on from the head that is furthest.
        if let Some(latest) = opened.iter().map(|node| node.handle().head().timestamp).max() {
            clock.resume(latest, rules.interval_s);
        }
        let mut nodes: Vec<Service> = Vec::new();
        for node in opened {
            let peers = nodes.iter().filter_map(Service::network);
            let peers = peers.flat_map(|network| network.listen_addresses().iter().cloned());
            nodes.push(node.with_peers(peers).start(Sealing::Configured).await?);
        }
        Ok(Self { nodes, _folder: folder })
    }

    /// Returns the nodes.
    #[must_use]
    pub fn nodes(&self) -> &[Service] {
        &self.nodes
    }

    /// Returns what scripts are told when everything is up.
    #[must_use]
    pub fn ready(&self) -> Value {
        let node = |node: &Service| {
            let rpc = node.rpc_address();
            json!({
                "chain_id": node.handle().chain_config().chain_id,
                "http": format!("http://{rpc}"),
                "ws": format!("ws://{rpc}"),
                "metrics": node.metrics_address().map(|at| format!("http://{at}/metrics")),
            })
        };
        let account = |account: Account| {
            json!({
                "address": account.address,
                "hex": account.hex,
                "private_key": account.private_key,
            })
        };
        json!({
            "ready": true,
            "public": self.nodes.iter().map(node).collect::<Vec<_>>(),
            "leagues": [],
            "accounts": accounts().into_iter().map(account).collect::<Vec<_>>(),
            "pages": {},
        })
    }

    /// Logs a line about the chain every five seconds, for as long as it is polled.
    pub async fn log_status(&self) {
        let nodes: Vec<&NodeHandle> = self.nodes.iter().map(Service::handle).collect();
        status::log(&nodes).await;
    }

    /// Stops every node in order.
    pub async fn stop(self) {
        for node in self.nodes {
            node.stop().await;
        }
    }
}

/// Returns the target that `nodes` at [`HASHRATE`] meet once in an interval.
fn target(nodes: u64, interval_s: u64) -> U256 {
    let hashes = nodes.saturating_mul(HASHRATE).saturating_mul(interval_s).max(1);
    U256::MAX / hashes
}

fn node_config(
    config: &LocalnetConfig,
    folder: &Path,
    genesis: &Path,
    index: u16,
) -> Result<Config, Failure> {
    let port = |offset: u16| match config.base_port {
        0 => Ok(0),
        base => index
            .checked_mul(PORTS_PER_NODE)
            .and_then(|skipped| base.checked_add(skipped)?.checked_add(offset))
            .ok_or_else(|| Failure::new(Code::Usage, format!("base port {base} is too high"))),
    };
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut node = Config::development();
    node.data = folder.join(format!("public-{index}"));
    node.chain = ChainSection {
        network: Network::Development,
        genesis: genesis.to_string_lossy().into_owned(),
        ..ChainSection::default()
    };
    node.storage = StorageSection { cache_mib: 32, ..StorageSection::default() };
    node.network = NetworkSection {
        listen: vec![format!("/ip4/127.0.0.1/tcp/{}", port(1)?)],
        ..NetworkSection::default()
    };
    node.rpc.listen = at(port(0)?);
    node.metrics.listen = at(port(2)?);
    node.mining = MiningConfig {
        enabled: true,
        miner: miner_address(index)?,
        threads: 1,
        hashrate_max: HASHRATE,
        extra_data: format!("localnet {index}"),
    };
    Ok(node)
}

/// Each node's miner has an account of its own, so that fees do not blur the funded ones.
fn miner_address(index: u16) -> Result<String, Failure> {
    let seed = keccak256(format!("mbt-localnet miner {index}"));
    let key = SecretKey::from_bytes(seed.0).map_err(Failure::runtime)?;
    Ok(key.address().to_hex())
}
