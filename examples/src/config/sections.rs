//! The sections of the configuration that no other module owns.

use std::{
    fs,
    path::{Path, PathBuf},
};

use libp2p::Multiaddr;
use mbt_account::{PoolConfig, Unprotected};
use mbt_consensus::ChainConfig;
use mbt_trie::History;
use serde::{Deserialize, Serialize};

use crate::storage::{DatabaseUrl, Location, PostgresSettings};

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
    /// A folder of log-structured trees, for many writes.
    Fjall,
    /// A database server, for a chain that outgrows one machine's disk.
    PostgreSql,
}

impl Engine {
    /// Returns the engine's name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Redb => "redb",
            Self::Fjall => "fjall",
            Self::PostgreSql => "postgresql",
        }
    }
}

/// Where the chain is kept.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageSection {
    /// The engine.
    pub engine: Engine,
    /// The engine's file or folder; empty: `chain.redb` or `chain.fjall` in the node's folder.
    pub path: String,
    /// Most MiB of the file or folder kept in memory.
    pub cache_mib: usize,
    /// The PostgreSQL database, as `postgresql://user@host/database`. A password in it must not
    /// come from a flag.
    pub url: DatabaseUrl,
    /// A file that holds the address of the database instead.
    pub url_file: String,
    /// The schema in the database: one for each node.
    pub schema: String,
    /// Most connections to the database.
    pub connections_max: usize,
}

impl Default for StorageSection {
    fn default() -> Self {
        Self {
            engine: Engine::default(),
            path: String::new(),
            cache_mib: 128,
            url: DatabaseUrl::default(),
            url_file: String::new(),
            schema: "mbt".to_owned(),
            connections_max: 16,
        }
    }
}

impl StorageSection {
    /// Checks what no setting shows by itself.
    ///
    /// # Errors
    /// A sentence that names the setting at fault.
    pub fn check(&self) -> Result<(), String> {
        match (self.engine, self.url.is_empty(), self.url_file.is_empty()) {
            (Engine::PostgreSql, true, true) => {
                Err("storage.engine = \"postgresql\" needs storage.url or storage.url_file"
                    .to_owned())
            }
            (Engine::PostgreSql, false, false) => {
                Err("storage.url and storage.url_file are both set".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Returns where the chain is kept, given the node's folder.
    ///
    /// # Errors
    /// A sentence that names the setting at fault.
    pub fn location(&self, data: &Path) -> Result<Location, String> {
        self.check()?;
        let path = |name: &str| match self.path.as_str() {
            "" => data.join(name),
            path => PathBuf::from(path),
        };
        let cache_bytes = self.cache_mib.saturating_mul(1 << 20);
        Ok(match self.engine {
            Engine::Memory => Location::Memory,
            Engine::Redb => Location::Redb { file: path("chain.redb"), cache_bytes },
            Engine::Fjall => Location::Fjall { folder: path("chain.fjall"), cache_bytes },
            Engine::PostgreSql => Location::PostgreSql(PostgresSettings {
                url: self.database_url()?,
                schema: self.schema.clone(),
                connections_max: self.connections_max,
            }),
        })
    }

    fn database_url(&self) -> Result<DatabaseUrl, String> {
        if self.url_file.is_empty() {
            return Ok(self.url.clone());
        }
        let text = fs::read_to_string(&self.url_file)
            .map_err(|error| format!("storage.url_file = {:?}: {error}", self.url_file))?;
        Ok(DatabaseUrl::new(text.trim()))
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
