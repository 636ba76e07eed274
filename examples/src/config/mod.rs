//! What an operator may set: defaults, then a TOML file, then the environment, then flags.

mod error;
mod layers;
mod sections;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{
    logging::{self, LogConfig},
    metrics::MetricsConfig,
    mining::MiningConfig,
    rpc::RpcConfig,
};

pub use error::ConfigError;
pub use layers::Layers;
pub use sections::{ChainSection, Engine, Network, NetworkSection, PoolSection, StorageSection};

/// Everything that can be set of a public node.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The node's folder.
    pub data: PathBuf,
    /// Which chain.
    pub chain: ChainSection,
    /// Where it is kept.
    pub storage: StorageSection,
    /// The transaction pool.
    pub pool: PoolSection,
    /// Peers.
    pub network: NetworkSection,
    /// JSON-RPC.
    pub rpc: RpcConfig,
    /// Mining.
    pub mining: MiningConfig,
    /// Figures.
    pub metrics: MetricsConfig,
    /// The log.
    pub log: LogConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("mbt-data"),
            chain: ChainSection::default(),
            storage: StorageSection::default(),
            pool: PoolSection::default(),
            network: NetworkSection::default(),
            rpc: RpcConfig::default(),
            mining: MiningConfig::default(),
            metrics: MetricsConfig::default(),
            log: LogConfig::default(),
        }
    }
}

impl Config {
    /// Returns the settings that `run --dev` begins with: a node of its own, in memory, with every
    /// RPC method.
    #[must_use]
    pub fn development() -> Self {
        Self {
            chain: ChainSection { network: Network::Development, ..ChainSection::default() },
            storage: StorageSection { engine: Engine::Memory, ..StorageSection::default() },
            network: NetworkSection { enabled: false, ..NetworkSection::default() },
            rpc: RpcConfig::development(),
            ..Self::default()
        }
    }

    /// Checks what no setting shows by itself.
    ///
    /// # Errors
    /// [`ConfigError::Contradiction`].
    pub fn check(&self) -> Result<(), ConfigError> {
        let refused = |reason: String| ConfigError::Contradiction { reason };
        self.network.peers().map_err(refused)?;
        self.network.listen().map_err(refused)?;
        if self.mining.enabled {
            self.mining.reward().map_err(|error| refused(error.to_string()))?;
        }
        self.storage.check().map_err(refused)?;
        logging::filter(&self.log.filter).map_err(|error| refused(error.to_string()))?;
        if self.chain.network != Network::Development && self.chain.genesis.is_empty() {
            return Err(refused(
                "chain.genesis is not set: a network other than development needs an allocation \
                 file"
                    .to_owned(),
            ));
        }
        self.chain.rules().map_err(refused)?;
        Ok(())
    }

    /// Writes the settings as TOML.
    ///
    /// # Errors
    /// [`ConfigError::Unwritable`].
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        toml::to_string_pretty(self)
            .map_err(|error| ConfigError::Unwritable { reason: error.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_toml() {
        for config in [Config::default(), Config::development()] {
            assert_eq!(toml::from_str::<Config>(&config.to_toml().unwrap()).unwrap(), config);
        }
    }

    #[test]
    fn a_database_is_needed_exactly_once() {
        let mut config = Config::development();
        config.storage.engine = Engine::PostgreSql;
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains("storage.url"), "{error}");
        config.storage.url = crate::storage::DatabaseUrl::new("postgresql://localhost/mbt");
        config.check().unwrap();
        config.storage.url_file = "url".to_owned();
        assert!(config.check().is_err());
    }

    #[test]
    fn mining_for_nobody_is_a_contradiction() {
        let mut config = Config::development();
        config.mining.enabled = true;
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains("mining.miner"), "{error}");
        config.mining.miner = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266".to_owned();
        config.check().unwrap();
    }
}
