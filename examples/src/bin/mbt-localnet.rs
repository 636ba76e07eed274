//! Starts a whole network on loopback from nothing: public nodes that mine, funded accounts, and
//! the addresses to reach them. It runs until Ctrl-C. Leagues are not part of it yet.
//!
//!     cargo run --release --bin mbt-localnet
//!     cargo run --release --bin mbt-localnet -- --public-nodes 3 --data net --base-port 8545
//!     cargo run --release --bin mbt-localnet -- --demo

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use mbt_examples::{
    clock::ChainClock,
    exit::{self, Failure, finish, print_line},
    localnet::{Localnet, LocalnetConfig, account_table, demo},
    logging::{self, LogConfig, LogFormat},
    metrics::collect_process_figures,
    service::{Service, Signals, force_exit_on_second_signal},
};

/// Starts a local MBT network: public nodes that mine on loopback, with funded accounts.
#[derive(Debug, Parser)]
#[command(version, after_help = exit::HELP)]
struct Args {
    /// Public nodes.
    #[arg(long, value_name = "N", default_value_t = 3,
        value_parser = clap::value_parser!(u16).range(1..=16))]
    public_nodes: u16,
    /// Leagues. There are none yet, so only 0 is taken.
    #[arg(long, value_name = "N", default_value_t = 0,
        value_parser = clap::value_parser!(u16).range(0..=0))]
    leagues: u16,
    /// Keeps the chains in this folder; without it they go to a temporary one, removed at the end.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Port of the first node's JSON-RPC; node i uses the ten ports from P + 10 i. 0: any ports.
    #[arg(long, value_name = "P", default_value_t = 8545)]
    base_port: u16,
    /// Stops after this many seconds.
    #[arg(long, value_name = "S")]
    duration: Option<u64>,
    /// Walks one user through the network and exits: 0 when every step was proved.
    #[arg(long)]
    demo: bool,
    /// Prints one JSON line when everything is up, instead of text.
    #[arg(long)]
    json: bool,
    /// How log lines look.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
    /// Says more; twice, still more.
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Says less; twice, still less.
    #[arg(short, long, action = clap::ArgAction::Count)]
    quiet: u8,
}

#[tokio::main]
async fn main() -> ExitCode {
    finish(run(Args::parse()).await)
}

async fn run(args: Args) -> Result<(), Failure> {
    let filter = logging::level(args.verbose, args.quiet).unwrap_or("info").to_owned();
    logging::start(&LogConfig { format: args.log_format, filter }).map_err(Failure::runtime)?;
    collect_process_figures();
    let mut signals = Signals::listen()?;
    let config = LocalnetConfig {
        public_nodes: args.public_nodes,
        data: args.data.clone(),
        base_port: args.base_port,
    };
    let localnet = tokio::select! {
        started = Localnet::start(&config, ChainClock::system()) => started?,
        () = signals.next() => return Ok(()),
    };
    if args.json {
        print_line(&localnet.ready().to_string());
    } else {
        banner(&args, &localnet);
    }
    let result = tokio::select! {
        () = signals.next() => Ok(()),
        () = end(args.duration) => Ok(()),
        () = localnet.log_status() => Ok(()),
        result = walk(&args, &localnet) => result,
    };
    tracing::info!("stopping");
    force_exit_on_second_signal(signals);
    localnet.stop().await;
    result
}

async fn end(duration: Option<u64>) {
    match duration {
        Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
        None => std::future::pending().await,
    }
}

async fn walk(args: &Args, localnet: &Localnet) -> Result<(), Failure> {
    if !args.demo {
        return std::future::pending().await;
    }
    let nodes: Vec<SocketAddr> = localnet.nodes().iter().map(Service::rpc_address).collect();
    let json = args.json;
    let mut tell = move |line: &str| {
        if !json {
            print_line(line);
        }
    };
    let walked = tokio::task::spawn_blocking(move || demo(&nodes, &mut tell));
    walked
        .await
        .map_err(Failure::runtime)?
        .map_err(|error| Failure::runtime(format!("demonstration failed at {error}")))
}

fn banner(args: &Args, localnet: &Localnet) {
    print_line(&format!("MBT local network {}", env!("CARGO_PKG_VERSION")));
    let data = args.data.as_ref().map(|data| data.display().to_string());
    print_line(&format!("Data: {}", data.as_deref().unwrap_or("temporary, removed at the end")));
    print_line("");
    for line in account_table() {
        print_line(&line);
    }
    for (index, node) in localnet.nodes().iter().enumerate() {
        let rpc = node.rpc_address();
        print_line("");
        print_line(&format!(
            "Public node {index}: chain {}",
            node.handle().chain_config().chain_id
        ));
        print_line(&format!("  http://{rpc}  ws://{rpc}"));
        if let Some(network) = node.network() {
            for address in network.listen_addresses() {
                print_line(&format!("  {address}/p2p/{}", network.peer_id()));
            }
        }
        if let Some(metrics) = node.metrics_address() {
            print_line(&format!("  http://{metrics}/metrics  /health  /ready"));
        }
    }
    print_line("");
    print_line("Ready. Ctrl-C stops everything.");
}
