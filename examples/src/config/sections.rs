//! The sections of the configuration that no other module owns.

use libp2p::Multiaddr;
use mbt_account::{PoolConfig, Unprotected};
use mbt_consensus::ChainConfig;
use mbt_trie::History;
use serde::{Deserialize, Serialize};

/// A public chain by name.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// The public chain.
    #[default]
    Public,
    /// The public test chain.
    Test,
    /// A development network, with accounts whose keys everybody knows.
    Development,
}

/// Which chain a node follows.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChainSection {
    /// The chain, by name.
    pub network: Network,
    /// An allocation file. Empty on a development network: one is made.
    pub genesis: String,
    /// Seconds between blocks; 0 is the network's. Development networks only.
    pub interval_s: u64,
    /// Gas limit that own blocks steer to, and of a genesis that is made; 0 is the network's.
    pub gas_limit: u64,
    /// Blocks whose state is kept; 0 is the network's.
    pub history_blocks: u64,
    /// Keeps the state of all blocks.
    pub archive: bool,
}

impl ChainSection {
    /// Returns the chain's rules.
    ///
    /// # Errors
    /// A sentence that names the setting at fault.
    pub fn rules(&self) -> Result<ChainConfig, String> {
        let mut rules = match self.network {
            Network::Public => ChainConfig::public(),
            Network::Test => ChainConfig::test(),
            Network::Development => ChainConfig::development(),
        };
        if self.interval_s != 0 {
            if self.network != Network::Development {
                return Err(format!(
                    "chain.interval_s = {} is for development networks only",
                    self.interval_s
                ));
            }
            rules.interval_s = self.interval_s;
        }
        if self.gas_limit != 0 {
            if self.gas_limit < mbt_consensus::GAS_LIMIT_MIN {
                return Err(format!(
                    "chain.gas_limit = {} is below the least, {}",
                    self.gas_limit,
                    mbt_consensus::GAS_LIMIT_MIN
                ));
            }
            rules.gas_limit_target = self.gas_limit;
        }
        let least = rules.max_reorg.saturating_mul(2).saturating_add(1);
        rules.history = match (self.archive, self.history_blocks) {
            (true, _) => History::Archive,
            (false, 0) => rules.history,
            (false, blocks) if blocks < least => {
                return Err(format!("chain.history_blocks = {blocks} is below the least, {least}"));
            }
            (false, blocks) => History::Blocks(blocks),
        };
        Ok(rules)
    }
}

/// A storage engine.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Nothing is kept.
    Memory,
    /// One file.
    #[default]
    Redb,
}

/// Where the chain is kept.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageSection {
    /// The engine.
    pub engine: Engine,
    /// Most MiB of the file kept in memory.
    pub cache_mib: usize,
}

impl Default for StorageSection {
    fn default() -> Self {
        Self { engine: Engine::default(), cache_mib: 128 }
    }
}

/// Bounds of the transaction pool.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct PoolSection {
    /// Most transactions.
    pub transactions_max: usize,
    /// Most bytes of them.
    pub bytes_max: usize,
    /// Most transactions of one sender.
    pub per_sender_max: usize,
    /// Takes transactions without a chain id (before EIP-155).
    pub allow_unprotected: bool,
}

impl Default for PoolSection {
    fn default() -> Self {
        let PoolConfig { count_max, bytes_max, per_sender_max, unprotected, .. } =
            PoolConfig::default();
        Self {
            transactions_max: count_max,
            bytes_max,
            per_sender_max,
            allow_unprotected: unprotected == Unprotected::Allow,
        }
    }
}

impl PoolSection {
    /// Returns the pool's bounds and prices.
    #[must_use]
    pub fn rules(&self) -> PoolConfig {
        PoolConfig {
            count_max: self.transactions_max,
            bytes_max: self.bytes_max,
            per_sender_max: self.per_sender_max,
            unprotected: match self.allow_unprotected {
                true => Unprotected::Allow,
                false => Unprotected::Refuse,
            },
            ..PoolConfig::default()
        }
    }
}

/// Peers.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkSection {
    /// Talks to peers at all.
    pub enabled: bool,
    /// Addresses to listen on, as multiaddresses.
    pub listen: Vec<String>,
    /// Peers to keep connected, as multiaddresses.
    pub peers: Vec<String>,
    /// Most connected peers.
    pub peers_max: u32,
}

impl Default for NetworkSection {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: vec!["/ip4/127.0.0.1/tcp/30320".to_owned()],
            peers: Vec::new(),
            peers_max: crate::network::PEERS_MAX,
        }
    }
}

impl NetworkSection {
    /// Returns the addresses to listen on.
    ///
    /// # Errors
    /// A sentence that names the address at fault.
    pub fn listen(&self) -> Result<Vec<Multiaddr>, String> {
        addresses("network.listen", &self.listen)
    }

    /// Returns the peers to keep connected.
    ///
    /// # Errors
    /// A sentence that names the address at fault.
    pub fn peers(&self) -> Result<Vec<Multiaddr>, String> {
        addresses("network.peers", &self.peers)
    }
}

fn addresses(key: &str, texts: &[String]) -> Result<Vec<Multiaddr>, String> {
    let parse = |text: &String| text.parse().map_err(|error| format!("{key} {text:?}: {error}"));
    texts.iter().map(parse).collect()
}
