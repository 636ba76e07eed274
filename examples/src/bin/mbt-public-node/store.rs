//! `init` and `db stats`.

use mbt_crypto::U256;
use mbt_examples::{
    clock::ChainClock,
    config::{Config, Engine},
    exit::{Code, Failure, print_line},
    service::{DevelopmentGenesis, Opened},
    storage::{DataFolder, FolderError, RedbStore},
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
    let config = Config { storage: storage_on_disk(config), ..config.clone() };
    Opened::open(config, &made, clock)
}

fn storage_on_disk(config: &Config) -> mbt_examples::config::StorageSection {
    mbt_examples::config::StorageSection { engine: Engine::Redb, ..config.storage.clone() }
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

/// Prints the size of each table.
pub(crate) fn stats(config: &Config) -> Result<(), Failure> {
    let exists = config.data.join("chain.redb").exists();
    if !exists {
        let sentence = format!("data folder {} holds no chain", config.data.display());
        return Err(Failure::runtime(sentence));
    }
    let folder = DataFolder::lock(&config.data).map_err(|error| match error {
        FolderError::Locked { .. } => Failure::new(Code::DataLocked, error),
        other => Failure::runtime(other),
    })?;
    let store = RedbStore::open(&folder.chain_file(), 16 << 20).map_err(Failure::runtime)?;
    print_line(&format!("{:<20} {:>12} {:>15} {:>15}", "table", "entries", "bytes", "on disk"));
    for table in store.sizes().map_err(Failure::runtime)? {
        print_line(&format!(
            "{:<20} {:>12} {:>15} {:>15}",
            table.column, table.entries, table.stored_bytes, table.allocated_bytes
        ));
    }
    Ok(())
}
