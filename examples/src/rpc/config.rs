//! What an operator may set about JSON-RPC.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

/// A group of methods that share a prefix.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Namespace {
    /// `eth_*`: the chain, its state, transactions, filters and subscriptions.
    Eth,
    /// `net_*`: the network.
    Net,
    /// `web3_*`: the program.
    Web3,
    /// `txpool_*`: the pool's content.
    Txpool,
    /// `mbt_*`: what Ethereum does not have.
    Mbt,
    /// `debug_*`: execution traces. Costly.
    Debug,
    /// `ots_*` and `erigon_*`: what the explorer Otterscan needs.
    Ots,
    /// `admin_*`: commands of the operator.
    Admin,
}

impl Namespace {
    /// Returns the namespace that a method belongs to.
    #[must_use]
    pub fn of(method: &str) -> Option<Self> {
        Some(match method.split_once('_')?.0 {
            "eth" => Self::Eth,
            "net" => Self::Net,
            "web3" => Self::Web3,
            "txpool" => Self::Txpool,
            "mbt" => Self::Mbt,
            "debug" => Self::Debug,
            "ots" | "erigon" => Self::Ots,
            "admin" => Self::Admin,
            _ => return None,
        })
    }
}

/// Where and how JSON-RPC is served. Every bound is named here.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RpcConfig {
    /// Address of HTTP and WebSocket. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// Methods served.
    pub namespaces: Vec<Namespace>,
    /// Web origins that browsers may call from; `*` allows all.
    pub cors: Vec<String>,
    /// Names that a request's Host header may carry besides IP addresses; `*` allows all.
    pub hosts: Vec<String>,
    /// Most open connections.
    pub connections_max: u32,
    /// Most bytes of a request.
    pub request_bytes_max: u32,
    /// Most bytes of a response, batches included.
    pub response_bytes_max: u32,
    /// Most requests in a batch.
    pub batch_requests_max: u32,
    /// Most subscriptions of a connection.
    pub subscriptions_per_connection_max: u32,
    /// Messages kept for a slow WebSocket before its subscriptions wait.
    pub message_buffer: u32,
    /// Most filters alive.
    pub filters_max: usize,
    /// A filter that was not asked for this long is forgotten.
    pub filter_idle_s: u64,
    /// Most blocks that one log query may look at.
    pub log_blocks_max: u64,
    /// Most logs that one query answers.
    pub log_results_max: usize,
    /// Most gas of a call, whatever it asks for.
    pub call_gas_max: u64,
    /// A call or trace that takes longer is answered with an error.
    pub call_timeout_ms: u64,
    /// Calls, traces and log queries that run at the same time; 0 is one less than the cores, and
    /// at least one.
    pub heavy_requests_max: usize,
    /// Heavy requests that may wait for their turn.
    pub heavy_requests_queue: usize,
    /// Most time that `eth_sendRawTransactionSync` waits.
    pub sync_send_timeout_ms: u64,
}

impl Default for RpcConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8545),
            namespaces: vec![
                Namespace::Eth,
                Namespace::Net,
                Namespace::Web3,
                Namespace::Txpool,
                Namespace::Mbt,
            ],
            cors: Vec::new(),
            hosts: vec!["localhost".to_owned()],
            connections_max: 500,
            request_bytes_max: 10 << 20,
            response_bytes_max: 25 << 20,
            batch_requests_max: 1000,
            subscriptions_per_connection_max: 100,
            message_buffer: 1024,
            filters_max: 1000,
            filter_idle_s: 300,
            log_blocks_max: 10_000,
            log_results_max: 10_000,
            call_gas_max: 50_000_000,
            call_timeout_ms: 5_000,
            heavy_requests_max: 0,
            heavy_requests_queue: 256,
            sync_send_timeout_ms: 30_000,
        }
    }
}

impl RpcConfig {
    /// Returns the settings of a development chain on loopback: every method, any web page.
    #[must_use]
    pub fn development() -> Self {
        let mut config = Self::default();
        config.namespaces.extend([Namespace::Debug, Namespace::Ots, Namespace::Admin]);
        config.cors = vec!["*".to_owned()];
        config
    }

    /// Returns the number of heavy requests that run at the same time.
    #[must_use]
    pub fn heavy_requests(&self) -> usize {
        match self.heavy_requests_max {
            0 => std::thread::available_parallelism().map_or(1, |cores| cores.get() - 1).max(1),
            set => set,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_toml_and_unknown_ones_are_refused() {
        let config = RpcConfig::development();
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<RpcConfig>(&text).unwrap(), config);
        assert!(toml::from_str::<RpcConfig>("conections_max = 5").is_err());
    }
}
