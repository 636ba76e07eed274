//! `init`, and the chain that commands work on.

use mbt_crypto::U256;
use mbt_examples::{
    clock::ChainClock,
    config::{Config, Engine},
    exit::{Code, Failure, print_line},
    service::{DevelopmentGenesis, Opened},
};

/// Opens the chain of the configured data folder.
pub(crate) fn open(config: &Config, hashrate: u64) -> Result<Opened, Failure> {
    let clock = ChainClock::system();
    let rules = config.chain.rules().map_err(|reason| Failure::new(Code::Config, reason))?;
    let made = DevelopmentGenesis {
        timestamp: clock.now(),
        target: U256::MAX / hashrate.saturating_mul(rules.interval_s).max(1),
        gas_limit: config.chain.gas_limit,
    };
    Opened::open(kept(config), &made, clock)
}

/// Puts a chain that would be kept in memory on disk, so that there is something to work on.
pub(crate) fn kept(config: &Config) -> Config {
    let mut config = config.clone();
    if config.storage.engine == Engine::Memory {
        config.storage.engine = Engine::default();
    }
    config
}

/// Makes the data folder and the first block.
pub(crate) fn init(config: &Config, hashrate: u64) -> Result<(), Failure> {
    let opened = open(config, hashrate)?;
    let handle = opened.handle();
    let snapshot = handle.reader().snapshot().map_err(Failure::runtime)?;
    print_line(&format!("chain id {}", handle.chain_config().chain_id));
    print_line(&format!("genesis {}", snapshot.genesis_id()));
    print_line(&format!("data folder {}", config.data.display()));
    Ok(())
}
