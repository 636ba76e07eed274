//! What methods work on: the node, the network, the limits, the filters.

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;

use super::{
    RpcConfig,
    deadline::Deadline,
    error::RequestError,
    eth::fees::TipSamples,
    filters::Filters,
    method::{Answer, Method, Run},
    view::View,
};
use crate::{network::NetworkHandle, node::NodeHandle};

/// Reads from blocking threads that run at the same time.
const READS_MAX: usize = 16;

/// Everything a method may use.
pub(crate) struct Api {
    /// The node.
    pub(crate) node: NodeHandle,
    /// The network, when the node has one.
    pub(crate) network: Option<NetworkHandle>,
    /// The limits.
    pub(crate) config: RpcConfig,
    /// Filters that clients poll.
    pub(crate) filters: Filters,
    /// Tips of recent blocks.
    pub(crate) tips: TipSamples,
    reads: Arc<Semaphore>,
    heavy: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Api {
    /// Joins the parts.
    pub(crate) fn new(config: RpcConfig, node: NodeHandle, network: Option<NetworkHandle>) -> Self {
        let filters = Filters::new(config.filters_max, Duration::from_secs(config.filter_idle_s));
        let waiting = config.heavy_requests().saturating_add(config.heavy_requests_queue);
        Self {
            reads: Arc::new(Semaphore::new(READS_MAX)),
            heavy: Arc::new(Semaphore::new(config.heavy_requests())),
            waiting: Arc::new(Semaphore::new(waiting.min(Semaphore::MAX_PERMITS))),
            node,
            network,
            config,
            filters,
            tips: TipSamples::default(),
        }
    }

    /// Takes a consistent view of the chain.
    pub(crate) fn view(&self) -> Result<View, RequestError> {
        View::new(&self.node)
    }

    /// Returns the bound on a response.
    pub(crate) fn response_bytes_max(&self) -> usize {
        usize::try_from(self.config.response_bytes_max).unwrap_or(usize::MAX)
    }

    /// Runs a method where it belongs.
    pub(crate) async fn run(self: Arc<Self>, method: Method, params: Option<String>) -> Answer {
        match method.run {
            Run::Inline => method.call(&self, params.as_deref(), Deadline::NEVER),
            Run::Read => {
                let permit = acquire(&self.reads).await?;
                self.blocking(move |api| {
                    let answer = method.call(api, params.as_deref(), Deadline::NEVER);
                    drop(permit);
                    answer
                })
                .await
            }
            Run::Heavy => self.run_heavy(method, params).await,
        }
    }

    /// Runs a heavy method in its turn, for a bounded time. The place stays taken until its thread
    /// has noticed.
    async fn run_heavy(self: Arc<Self>, method: Method, params: Option<String>) -> Answer {
        let place = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| {
            RequestError::Limit("too many calls, traces and log queries are waiting".to_owned())
        })?;
        let permit = acquire(&self.heavy).await?;
        let time = Duration::from_millis(self.config.call_timeout_ms);
        let deadline = Deadline::after(time);
        let work = self.blocking(move |api| {
            let answer = method.call(api, params.as_deref(), deadline);
            drop((permit, place));
            answer
        });
        match tokio::time::timeout(time, work).await {
            Ok(Err(_)) if deadline.passed() => Err(Deadline::aborted(time)),
            Ok(answer) => answer,
            Err(_) => Err(Deadline::aborted(time)),
        }
    }

    /// Runs work on a blocking thread.
    pub(crate) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Arc<Self>) -> Result<T, RequestError> + Send + 'static,
    ) -> Result<T, RequestError> {
        let api = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&api))
            .await
            .map_err(|error| RequestError::Internal(format!("request failed: {error}")))?
    }
}

async fn acquire(
    semaphore: &Arc<Semaphore>,
) -> Result<tokio::sync::OwnedSemaphorePermit, RequestError> {
    Arc::clone(semaphore)
        .acquire_owned()
        .await
        .map_err(|_| RequestError::Internal("server is stopping".to_owned()))
}
