//! What the program can be told on its command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Parser, Subcommand};
use mbt_examples::{
    config::{Config, ConfigError, Engine, Layers},
    exit,
    logging::{self, LogFormat},
};

/// A node of the public chain.
///
/// Settings come from defaults, then a TOML file, then environment variables (MBT_RPC_LISTEN sets
/// rpc.listen), then flags. `config show` prints them all.
#[derive(Debug, Parser)]
#[command(version, after_help = exit::HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) settings: Settings,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Settings {
    /// The configuration file.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The node's folder.
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// A development network: funded accounts; `run` seals on a timer, in memory without --data.
    #[arg(long, global = true)]
    pub(crate) dev: bool,
    /// Sets any setting; may be repeated.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// How log lines look.
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// Says more; twice, still more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Says less; twice, still less.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    quiet: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the node until Ctrl-C or SIGTERM; a second one forces.
    Run(RunArgs),
    /// Makes the data folder: allocation file and first block.
    Init {
        /// Hashes a second that a new development network is expected to have.
        #[arg(long, value_name = "N", default_value_t = 20_000)]
        hashrate: u64,
    },
    /// Makes and shows keys.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Checks and shows the configuration.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Looks into the data folder.
    Db {
        #[command(subcommand)]
        command: DbCommand,
    },
    /// Writes blocks of the chain into a file, RLP after RLP; or the head's state.
    Export {
        /// The file; it is replaced.
        file: PathBuf,
        /// Writes the head's state instead: a file that another node can begin with.
        #[arg(long, conflicts_with_all = ["first", "last"])]
        state: bool,
        /// First block.
        #[arg(long, default_value_t = 1)]
        first: u64,
        /// Last block; without it, the head.
        #[arg(long)]
        last: Option<u64>,
    },
    /// Takes blocks from a file that `export` wrote. Everything is checked.
    Import {
        /// The file.
        file: PathBuf,
        /// Takes a state that `export --state` wrote into a store that holds no chain yet. The
        /// state is checked against its block; that the block is the chain's is taken on trust.
        #[arg(long)]
        state: bool,
    },
    /// Decides on reorganisations that are deeper than a node takes by itself.
    Reorg {
        #[command(subcommand)]
        command: ReorgCommand,
    },
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// With --dev: seconds between blocks.
    #[arg(long, value_name = "S", requires = "dev",
        value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) block_time: Option<u64>,
    /// Gas limit that own blocks steer to; a new development network starts with it.
    #[arg(long, value_name = "GAS")]
    gas_limit: Option<u64>,
    /// Address of JSON-RPC.
    #[arg(long, value_name = "ADDRESS")]
    rpc_listen: Option<SocketAddr>,
    /// Address of the figures.
    #[arg(long, value_name = "ADDRESS")]
    metrics_listen: Option<SocketAddr>,
    /// Address for peers, as a multiaddress.
    #[arg(long, value_name = "MULTIADDRESS")]
    p2p_listen: Option<String>,
    /// A peer to keep connected, as a multiaddress; may be repeated.
    #[arg(long, value_name = "MULTIADDRESS")]
    peer: Vec<String>,
    /// Mines, and pays this account.
    #[arg(long, value_name = "ACCOUNT")]
    mine: Option<String>,
    /// Takes transactions without a chain id (before EIP-155).
    #[arg(long)]
    allow_unprotected_txs: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Makes an account key and prints its address.
    Generate {
        /// The file; it must not exist.
        file: PathBuf,
    },
    /// Prints the address of an account key.
    Inspect {
        /// The file.
        file: PathBuf,
    },
    /// Prints the name of the data folder's node among its peers.
    Peer,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Says whether the configuration is valid.
    Check,
    /// Prints what is set in the end, as TOML.
    Show,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Prints the size of each column.
    Stats {
        /// Prints one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Checks the whole store against itself: every block, every root, every node. Exits 1 with a
    /// fault.
    Verify {
        /// Prints one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Copies the chain into a store of another engine, and reads it back. The source stays.
    Migrate {
        /// The engine: redb, fjall or postgresql.
        #[arg(long, value_name = "ENGINE", value_parser = engine)]
        to: Engine,
        /// Its file or folder; without it, the usual one in the data folder.
        #[arg(long, value_name = "PATH")]
        to_path: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReorgCommand {
    /// Takes the branch that ends in this block.
    Accept {
        /// The block's hash.
        block: String,
    },
}

fn engine(text: &str) -> Result<Engine, String> {
    [Engine::Redb, Engine::Fjall, Engine::PostgreSql]
        .into_iter()
        .find(|engine| engine.name() == text)
        .ok_or_else(|| "not one of redb, fjall, postgresql".to_owned())
}

impl Settings {
    /// Lays file, environment and flags over defaults.
    pub(crate) fn layers(&self, defaults: &Config) -> Result<Layers, ConfigError> {
        let mut layers = Layers::new(defaults)?;
        if let Some(file) = &self.config {
            layers.file(file)?;
        }
        layers.environment(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))?;
        if let Some(data) = &self.data {
            layers.flag("--data", "data", &data.to_string_lossy())?;
        }
        if let Some(level) = logging::level(self.verbose, self.quiet) {
            layers.flag("-v/-q", "log.filter", level)?;
        }
        if let Some(format) = self.log_format {
            let name = match format {
                LogFormat::Text => "text",
                LogFormat::Json => "json",
            };
            layers.flag("--log-format", "log.format", name)?;
        }
        for setting in &self.set {
            let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
            layers.flag("--set", key.trim(), value.trim())?;
        }
        Ok(layers)
    }
}

impl RunArgs {
    /// Lays the command's flags over settings.
    pub(crate) fn lay(&self, layers: &mut Layers) -> Result<(), ConfigError> {
        let texts = [
            ("--gas-limit", "chain.gas_limit", self.gas_limit.map(|gas| gas.to_string())),
            ("--block-time", "chain.interval_s", self.block_time.map(|time| time.to_string())),
            ("--rpc-listen", "rpc.listen", self.rpc_listen.map(|at| at.to_string())),
            ("--metrics-listen", "metrics.listen", self.metrics_listen.map(|at| at.to_string())),
            ("--p2p-listen", "network.listen", self.p2p_listen.clone()),
            ("--mine", "mining.miner", self.mine.clone()),
            ("--mine", "mining.enabled", self.mine.as_ref().map(|_| true.to_string())),
        ];
        for (flag, key, text) in texts {
            if let Some(text) = text {
                layers.flag(flag, key, &text)?;
            }
        }
        if !self.peer.is_empty() {
            layers.flag("--peer", "network.peers", &self.peer.join(","))?;
        }
        if self.allow_unprotected_txs {
            layers.flag("--allow-unprotected-txs", "pool.allow_unprotected", "true")?;
        }
        Ok(())
    }
}
