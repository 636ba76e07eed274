//! The allocation file that a chain begins with: given, found in the data folder, or made.

use std::{fs, path::Path};

use mbt_crypto::U256;
use mbt_vm::{GenesisConfig, development};
use serde_json::json;

use crate::{
    config::{ChainSection, Network},
    exit::{Code, Failure},
    storage::DataFolder,
};

/// Coin of each account of a development network: 10,000 MBTC.
const DEVELOPMENT_BALANCE: &str = "10000000000000000000000";

/// Gas limit of a development network's first block.
const GAS_LIMIT: u64 = 30_000_000;

/// What a development network that is made anew begins with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DevelopmentGenesis {
    /// Seconds since 1970.
    pub timestamp: u64,
    /// The target of the first block.
    pub target: U256,
    /// Gas limit; 0 is 30,000,000.
    pub gas_limit: u64,
}

impl DevelopmentGenesis {
    /// Writes the allocation file.
    #[must_use]
    pub fn to_json(&self) -> String {
        let account = |account: &development::DevelopmentAccount| {
            (account.address.to_hex(), json!({ "balance": DEVELOPMENT_BALANCE }))
        };
        let alloc: serde_json::Map<_, _> = development::ACCOUNTS.iter().map(account).collect();
        let gas_limit = if self.gas_limit == 0 { GAS_LIMIT } else { self.gas_limit };
        let file = json!({
            "chainId": mbt_consensus::ChainConfig::development().chain_id,
            "timestamp": self.timestamp,
            "gasLimit": gas_limit,
            "target": format!("{:#x}", self.target),
            "alloc": alloc,
        });
        format!("{file:#}\n")
    }
}

/// Returns the allocation that a node begins with, and leaves it in the data folder, where it is
/// found again.
pub(super) fn load(
    section: &ChainSection,
    folder: Option<&DataFolder>,
    made: &DevelopmentGenesis,
) -> Result<GenesisConfig, Failure> {
    let kept = folder.map(DataFolder::genesis_file);
    let (origin, text) = if !section.genesis.is_empty() {
        (section.genesis.clone(), read(Path::new(&section.genesis))?)
    } else if let Some(kept) = kept.as_deref().filter(|kept| kept.exists()) {
        (kept.display().to_string(), read(kept)?)
    } else if section.network == Network::Development {
        ("development genesis".to_owned(), made.to_json())
    } else {
        let sentence = "chain.genesis is not set: this network needs an allocation file";
        return Err(Failure::new(Code::Config, sentence));
    };
    let genesis = GenesisConfig::from_json(&text)
        .map_err(|error| Failure::new(Code::Config, format!("{origin}: {error}")))?;
    if let (Some(folder), Some(kept)) = (folder, kept)
        && !kept.exists()
    {
        folder.write_whole(&kept, text.as_bytes()).map_err(Failure::runtime)?;
    }
    Ok(genesis)
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| {
        Failure::new(Code::Config, format!("allocation file {}: {error}", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_genesis_reads_as_the_development_network() {
        let made = DevelopmentGenesis { timestamp: 7, target: U256::MAX >> 9, gas_limit: 0 };
        let genesis = GenesisConfig::from_json(&made.to_json()).unwrap();
        let expected =
            GenesisConfig { timestamp: 7, target: made.target, ..GenesisConfig::development() };
        assert_eq!(genesis, expected);
    }
}
