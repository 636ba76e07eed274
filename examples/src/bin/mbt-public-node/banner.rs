//! What a person sees first.

use mbt_examples::{
    config::{Config, Engine, Network},
    exit::print_line,
    localnet::account_table,
    service::Service,
};

/// Prints where the node is to be reached, and who holds what on a development chain.
pub(crate) fn banner(config: &Config, service: &Service, ephemeral: bool) {
    let handle = service.handle();
    print_line(&format!("MBT public node {}", env!("CARGO_PKG_VERSION")));
    if config.chain.network == Network::Development {
        print_line("");
        for line in account_table() {
            print_line(&line);
        }
        print_line("");
    }
    let head = handle.head();
    print_line(&format!("Chain id:  {}", handle.chain_config().chain_id));
    match handle.reader().snapshot() {
        Ok(snapshot) => print_line(&format!("Genesis:   {}", snapshot.genesis_id())),
        Err(error) => tracing::error!(%error, "the chain cannot be read"),
    }
    print_line(&format!("Head:      {} {}", head.number, head.id));
    print_line(&format!("Gas limit: {}  base fee: {} wei", head.gas_limit, head.base_fee));
    let data = match config.storage.engine {
        Engine::Memory if ephemeral => "in memory, gone at the end".to_owned(),
        Engine::Memory => "in memory".to_owned(),
        Engine::Redb | Engine::Fjall => config.data.display().to_string(),
        Engine::PostgreSql => match config.storage.location(&config.data) {
            Ok(location) => format!("{}, chain in {location}", config.data.display()),
            Err(reason) => reason,
        },
    };
    print_line(&format!("Data:      {data}"));
    let rpc = service.rpc_address();
    print_line(&format!("JSON-RPC:  http://{rpc}  ws://{rpc}"));
    if let Some(network) = service.network() {
        for address in network.listen_addresses() {
            print_line(&format!("Peers:     {address}/p2p/{}", network.peer_id()));
        }
    }
    if let Some(metrics) = service.metrics_address() {
        print_line(&format!("Metrics:   http://{metrics}/metrics  /health  /ready"));
    }
    print_line(&format!("Listening on {rpc}"));
}
