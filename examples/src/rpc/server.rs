//! The server: its methods, its layers, its start and stop.

use std::{collections::BTreeSet, io::ErrorKind, net::SocketAddr, sync::Arc, time::Duration};

use jsonrpsee::{
    core::middleware::RpcServiceBuilder,
    server::{
        BatchRequestConfig, PingConfig, RpcModule, ServerBuilder, ServerConfig, ServerHandle,
    },
};
use tokio::net::TcpListener;

use super::{
    Namespace, RpcConfig, RpcError,
    api::Api,
    deadline::Deadline,
    debug,
    dispatch::DispatchLayer,
    door::{Door, cors},
    eth::{self, sync_send},
    filters,
    ids::HexIds,
    mbt,
    method::{Method, Run},
    net, ots, send, subscriptions, txpool,
};
use crate::{network::NetworkHandle, node::NodeHandle};

/// All methods that answer from a table. Two more are served: the synchronous send and the
/// subscription.
const TABLES: &[&[Method]] = &[
    eth::chain::METHODS,
    eth::blocks::METHODS,
    eth::transactions::METHODS,
    eth::state::METHODS,
    eth::fees::METHODS,
    eth::execution::METHODS,
    eth::fill::METHODS,
    eth::logs::METHODS,
    send::METHODS,
    filters::METHODS,
    net::METHODS,
    txpool::METHODS,
    mbt::METHODS,
    debug::METHODS,
    ots::METHODS,
];

/// Time between pings of a WebSocket.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// A WebSocket that answers no ping for this long is closed.
const PING_TIMEOUT: Duration = Duration::from_secs(90);

/// JSON-RPC being served. Dropping it stops the server.
#[derive(Debug)]
pub struct RpcServer {
    address: SocketAddr,
    handle: ServerHandle,
}

impl RpcServer {
    /// Returns the address that is listened on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more requests, lets the running ones end, and closes all connections.
    pub async fn stop(self) {
        // An error means that it has stopped already.
        let _ = self.handle.stop();
        self.handle.clone().stopped().await;
    }
}

impl Drop for RpcServer {
    fn drop(&mut self) {
        let _ = self.handle.stop();
    }
}

/// Returns the names of all methods, whatever the configuration serves.
#[must_use]
pub fn method_names() -> BTreeSet<&'static str> {
    let table = TABLES.iter().flat_map(|methods| methods.iter().map(|method| method.name));
    table.chain([sync_send::NAME, mbt::ACCEPT_REORG]).chain(subscriptions::NAMES).collect()
}

/// Serves JSON-RPC.
///
/// # Errors
/// [`RpcError`]: the address cannot be listened on, or the configuration is wrong.
pub async fn serve(
    config: RpcConfig,
    node: NodeHandle,
    network: Option<NetworkHandle>,
) -> Result<RpcServer, RpcError> {
    check(&config)?;
    let cors = cors(&config)?;
    let door = Door::new(&config);
    let listener = listen(config.listen).await?;
    let address = listener
        .local_addr()
        .map_err(|source| RpcError::Listen { address: config.listen, source })?;
    let limits = limits(&config);
    let api = Arc::new(Api::new(config, node, network));
    let module = module(&api)?;
    let methods = Arc::new(module.method_names().collect());
    let layer = DispatchLayer { api: Arc::clone(&api), methods };
    let listener = listener.into_std().map_err(|source| RpcError::Listen { address, source })?;
    let server = ServerBuilder::with_config(limits)
        .set_http_middleware(tower::ServiceBuilder::new().layer(door).layer(cors))
        .set_rpc_middleware(RpcServiceBuilder::new().layer(layer))
        .build_from_tcp(listener)
        .map_err(|source| RpcError::Listen { address, source })?;
    tracing::info!(%address, methods = module.method_names().count(), "json-rpc is served");
    Ok(RpcServer { address, handle: server.start(module) })
}

fn check(config: &RpcConfig) -> Result<(), RpcError> {
    for (setting, value) in [
        ("connections_max", config.connections_max),
        ("request_bytes_max", config.request_bytes_max),
        ("response_bytes_max", config.response_bytes_max),
        ("message_buffer", config.message_buffer),
    ] {
        if value == 0 {
            return Err(RpcError::ZeroBound { setting });
        }
    }
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener, RpcError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        ErrorKind::AddrInUse => RpcError::AddressInUse { address },
        _ => RpcError::Listen { address, source },
    })
}

fn limits(config: &RpcConfig) -> ServerConfig {
    ServerConfig::builder()
        .max_connections(config.connections_max)
        .max_request_body_size(config.request_bytes_max)
        .max_response_body_size(config.response_bytes_max)
        .max_subscriptions_per_connection(config.subscriptions_per_connection_max)
        .set_batch_request_config(BatchRequestConfig::Limit(config.batch_requests_max))
        .set_message_buffer_capacity(config.message_buffer)
        .set_id_provider(HexIds)
        .enable_ws_ping(PingConfig::new().ping_interval(PING_INTERVAL).inactive_limit(PING_TIMEOUT))
        .build()
}

/// Registers the methods of the namespaces that are served.
fn module(api: &Arc<Api>) -> Result<RpcModule<Arc<Api>>, RpcError> {
    let served = |name: &str| {
        Namespace::of(name).is_some_and(|space| api.config.namespaces.contains(&space))
    };
    let mut module = RpcModule::new(Arc::clone(api));
    for method in TABLES.iter().flat_map(|methods| methods.iter()) {
        if served(method.name) {
            register(&mut module, *method)?;
        }
    }
    if served(sync_send::NAME) {
        module
            .register_async_method(sync_send::NAME, |params, api, _| {
                sync_send::send(Arc::clone(&*api), params.as_str().map(str::to_owned))
            })
            .map_err(|_| RpcError::DuplicateMethod { method: sync_send::NAME })?;
        subscriptions::register(&mut module)?;
    }
    if served(mbt::ACCEPT_REORG) {
        module
            .register_async_method(mbt::ACCEPT_REORG, |params, api, _| {
                mbt::accept_reorg(Arc::clone(&*api), params.as_str().map(str::to_owned))
            })
            .map_err(|_| RpcError::DuplicateMethod { method: mbt::ACCEPT_REORG })?;
    }
    Ok(module)
}

fn register(module: &mut RpcModule<Arc<Api>>, method: Method) -> Result<(), RpcError> {
    let registered = match method.run {
        Run::Inline => module.register_method(method.name, move |params, api, _| {
            method.call(api, params.as_str(), Deadline::NEVER)
        }),
        Run::Read | Run::Heavy => module
            .register_async_method(method.name, move |params, api, _| {
                Arc::clone(&*api).run(method, params.as_str().map(str::to_owned))
            }),
    };
    registered.map(|_| ()).map_err(|_| RpcError::DuplicateMethod { method: method.name })
}
