//! What an operator's tools ask a node: `/metrics` for Prometheus, `/health` (it lives), `/ready`
//! (it serves, or 503 and why not).

use std::{net::SocketAddr, sync::OnceLock};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{exit::Failure, node::NodeHandle};

/// Intervals without a block after which a chain counts as stalled. By chance alone that happens
/// once in `e^20` blocks.
const STALLED_INTERVALS: u64 = 20;

/// Figures that belong to no node, of the whole process.
static PROCESS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Collects the figures that belong to no node. To be called once, when a program starts.
pub fn collect_process_figures() {
    match PrometheusBuilder::new().install_recorder() {
        Ok(handle) => drop(PROCESS.set(handle)),
        Err(error) => tracing::debug!(%error, "figures are collected by another recorder"),
    }
}

/// Where figures are served.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsConfig {
    /// Serves them.
    pub enabled: bool,
    /// The address. Port 0 takes any free one.
    pub listen: SocketAddr,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self { enabled: true, listen: SocketAddr::from(([127, 0, 0, 1], 9615)) }
    }
}

/// Figures being served. Dropping it stops the server.
#[derive(Debug)]
pub struct MetricsServer {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl MetricsServer {
    /// Starts to serve a node's figures.
    ///
    /// # Errors
    /// [`Failure`]: the address cannot be listened on.
    pub async fn start(listen: SocketAddr, node: NodeHandle) -> Result<Self, Failure> {
        let failed = |error| Failure::bind("metrics", listen, &error);
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let router = Router::new()
            .route("/metrics", get(metrics))
            .route("/health", get(|| async { "ok\n" }))
            .route("/ready", get(ready))
            .with_state(node);
        let serve = async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "figures are no longer served");
            }
        };
        Ok(Self { address, task: tokio::spawn(serve) })
    }

    /// Returns the address that is listened on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for MetricsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn metrics(State(node): State<NodeHandle>) -> impl IntoResponse {
    let figures = node.metrics() + &PROCESS.get().map(PrometheusHandle::render).unwrap_or_default();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], figures)
}

async fn ready(State(node): State<NodeHandle>) -> impl IntoResponse {
    match unready(&node) {
        None => (StatusCode::OK, "ready\n".to_owned()),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}

/// Returns why a node is not ready; none when it is.
#[must_use]
pub fn unready(node: &NodeHandle) -> Option<String> {
    let status = node.status();
    if let Some(failure) = status.store_failure {
        return Some(format!("the chain cannot be written: {failure}"));
    }
    if let Some(branch) = node.refused_reorg() {
        return Some(format!(
            "a reorganisation deeper than {} blocks to block {} ({}) waits for the operator",
            node.chain_config().max_reorg,
            branch.number,
            branch.id
        ));
    }
    if status.syncing {
        return Some(format!("syncing: block {} of {}", status.current, status.highest));
    }
    let silent_s = node.now().saturating_sub(node.head().timestamp);
    let stalled_s = node.chain_config().interval_s.saturating_mul(STALLED_INTERVALS);
    (silent_s > stalled_s).then(|| format!("stalled: no block for {silent_s} s"))
}
