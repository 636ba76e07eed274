//! One node of the public chain.
//!
//!     mbt-public-node run --dev                     a chain of its own, funded accounts, in memory
//!     mbt-public-node run --config node.toml        a node among its peers
//!     mbt-public-node config show                   what is set, and to what
//!     mbt-public-node export --data DIR chain.rlp   the chain into a file

mod args;
mod banner;
mod blocks;
mod db;
mod keys;
mod reorg;
mod run;
mod store;

use std::process::ExitCode;

use clap::Parser;
use mbt_examples::{
    config::{Config, Network},
    exit::{Code, Failure, finish, print_line},
    logging,
};

use args::{Args, Command, ConfigCommand, DbCommand, ReorgCommand, Settings};

fn main() -> ExitCode {
    finish(execute(Args::parse()))
}

fn execute(args: Args) -> Result<(), Failure> {
    let settings = args.settings;
    match args.command {
        Command::Run(run) => run::run(&settings, &run),
        Command::Init { hashrate } => store::init(&config(&settings)?, hashrate),
        Command::Key { command } => keys::run(&settings, command),
        Command::Config { command: ConfigCommand::Check } => {
            config(&settings)?;
            print_line("configuration is valid");
            Ok(())
        }
        Command::Config { command: ConfigCommand::Show } => {
            let defaults = if settings.dev { Config::development() } else { Config::default() };
            let shown = settings.layers(&defaults).and_then(|layers| layers.to_toml());
            print_line(shown.map_err(refused)?.trim_end());
            Ok(())
        }
        Command::Db { command } => {
            let config = logged(&settings)?;
            match command {
                DbCommand::Stats { json } => db::stats(&config, json),
                DbCommand::Verify { json } => db::verify(&config, json),
                DbCommand::Migrate { to, to_path } => db::migrate(&config, to, to_path.as_deref()),
            }
        }
        Command::Export { file, state: true, .. } => db::export_state(&logged(&settings)?, &file),
        Command::Export { file, first, last, .. } => {
            blocks::export(&logged(&settings)?, &file, first, last)
        }
        Command::Import { file, state: true } => db::import_state(&logged(&settings)?, &file),
        Command::Import { file, .. } => blocks::import(&logged(&settings)?, &file),
        Command::Reorg { command: ReorgCommand::Accept { block } } => {
            reorg::accept(&logged(&settings)?, &block)
        }
    }
}

fn refused(error: mbt_examples::config::ConfigError) -> Failure {
    Failure::new(Code::Config, error)
}

/// Reads the configuration for a command that looks at a data folder. What lies there says which
/// chain it is, so a development network need not be named.
fn config(settings: &Settings) -> Result<Config, Failure> {
    let mut defaults = Config::default();
    if settings.dev {
        defaults.chain.network = Network::Development;
    }
    settings.layers(&defaults).and_then(|layers| layers.finish()).map_err(refused)
}

fn logged(settings: &Settings) -> Result<Config, Failure> {
    let config = config(settings)?;
    logging::start(&config.log).map_err(|error| Failure::new(Code::Config, error))?;
    Ok(config)
}
