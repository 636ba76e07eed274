//! `eth_subscribe`. Events of the node only wake a subscription: what happened is read from the
//! chain, from the block sent last to the head, so that a slow client misses no block.

use std::sync::Arc;

use jsonrpsee::{
    server::{PendingSubscriptionSink, RpcModule, SubscriptionMessage, SubscriptionSink},
    types::ErrorObjectOwned,
};
use mbt_consensus::BlockId;
use serde::Serialize;
use serde_json::{Value, value::to_raw_value};
use tokio::sync::broadcast::error::RecvError;

use super::{
    RpcError,
    api::Api,
    branch::{Steps, steps},
    error::RequestError,
    eth::{chain::syncing_status, logs::Found},
    params::Params,
    types::{
        block::RpcHeader,
        hex::hash,
        log_filter::LogMatcher,
        param::{ParamError, text},
        receipt::{RpcLog, Standing},
        transaction::RpcTransaction,
    },
    view::derived,
};
use crate::node::NodeEvent;

/// Names of the subscription's methods.
pub(crate) const NAMES: [&str; 2] = ["eth_subscribe", "eth_unsubscribe"];

/// Most blocks sent after a pause; a client that missed more gets the head only.
const STEPS_MAX: usize = 1024;

#[derive(Clone, Debug)]
enum Topic {
    NewHeads,
    Logs(LogMatcher),
    PendingTransactions { full: bool },
    Syncing,
}

/// Why a subscription ends.
enum End {
    /// The client has gone, or the node stops.
    Closed,
}

/// Adds the subscription to the server.
pub(crate) fn register(module: &mut RpcModule<Arc<Api>>) -> Result<(), RpcError> {
    let [subscribe, unsubscribe] = NAMES;
    module
        .register_subscription(
            subscribe,
            "eth_subscription",
            unsubscribe,
            |params, pending, api, _| {
                let topic = read_topic(params.as_str());
                serve(topic, pending, Arc::clone(&*api))
            },
        )
        .map(|_| ())
        .map_err(|_| RpcError::DuplicateMethod { method: subscribe })
}

fn read_topic(json: Option<&str>) -> Result<Topic, RequestError> {
    let mut params = Params::parse(json, 2)?;
    let name: Value = params.required("subscription")?;
    let name = text(&name, "subscription name").map_err(|reason| RequestError::InvalidParam {
        index: 0,
        name: "subscription",
        reason,
    })?;
    Ok(match name {
        "newHeads" => Topic::NewHeads,
        "logs" => Topic::Logs(params.optional("filter")?.unwrap_or_default()),
        "newPendingTransactions" => {
            Topic::PendingTransactions { full: params.optional("full")?.unwrap_or(false) }
        }
        "syncing" => Topic::Syncing,
        other => {
            let word = super::types::block_ref::shorten(other);
            let reason = ParamError::UnknownWord { what: "subscription", word };
            return Err(RequestError::InvalidParam { index: 0, name: "subscription", reason });
        }
    })
}

async fn serve(
    topic: Result<Topic, RequestError>,
    pending: PendingSubscriptionSink,
    api: Arc<Api>,
) {
    let prepared = topic.and_then(|topic| Ok((topic, api.view()?.head().id)));
    let (topic, head) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return pending.reject(ErrorObjectOwned::from(error)).await,
    };
    let events = api.node.events();
    let Ok(sink) = pending.accept().await else { return };
    // Ends when the client has gone; there is nobody left to tell.
    let End::Closed = match topic {
        Topic::NewHeads => Feed { api, sink, events }.heads(head).await,
        Topic::Logs(matcher) => Feed { api, sink, events }.logs(head, matcher).await,
        Topic::PendingTransactions { full } => Feed { api, sink, events }.pending(full).await,
        Topic::Syncing => Feed { api, sink, events }.syncing().await,
    };
}

struct Feed {
    api: Arc<Api>,
    sink: SubscriptionSink,
    events: tokio::sync::broadcast::Receiver<NodeEvent>,
}

/// Something happened: an event, or more of them than were kept.
enum Woken {
    Event(NodeEvent),
    Missed,
}

impl Feed {
    async fn next(&mut self) -> Result<Woken, End> {
        tokio::select! {
            () = self.sink.closed() => Err(End::Closed),
            event = self.events.recv() => match event {
                Ok(event) => Ok(Woken::Event(event)),
                Err(RecvError::Lagged(_)) => Ok(Woken::Missed),
                Err(RecvError::Closed) => Err(End::Closed),
            },
        }
    }

    /// Waits until the head may have changed.
    async fn next_head(&mut self) -> Result<(), End> {
        loop {
            if matches!(self.next().await?, Woken::Missed | Woken::Event(NodeEvent::Head(..))) {
                return Ok(());
            }
        }
    }

    async fn send(&self, value: &impl Serialize) -> Result<(), End> {
        let Ok(json) = to_raw_value(value) else { return Ok(()) };
        self.sink.send(SubscriptionMessage::from(json)).await.map_err(|_| End::Closed)
    }

    async fn heads(mut self, mut last: BlockId) -> End {
        loop {
            if let Err(end) = self.next_head().await {
                return end;
            }
            let from = last;
            let read = self.api.blocking(move |api| {
                let view = api.view()?;
                let way = steps(&view, &from, STEPS_MAX)?;
                let missed = || Steps { adopted: vec![view.head().clone()], ..Steps::default() };
                Ok((view.head().id, way.unwrap_or_else(missed)))
            });
            let Ok((head, way)) = read.await else { continue };
            last = head;
            for block in way.adopted {
                if let Err(end) = self.send(&RpcHeader::new(&block, derived(&block))).await {
                    return end;
                }
            }
        }
    }

    async fn logs(mut self, mut last: BlockId, matcher: LogMatcher) -> End {
        let matcher = Arc::new(matcher);
        loop {
            if let Err(end) = self.next_head().await {
                return end;
            }
            let (from, matcher) = (last, Arc::clone(&matcher));
            let read = self.api.blocking(move |api| changed_logs(api, &from, &matcher));
            let Ok((head, logs)) = read.await else { continue };
            last = head;
            for log in logs {
                if let Err(end) = self.send(&log).await {
                    return end;
                }
            }
        }
    }

    async fn pending(mut self, full: bool) -> End {
        loop {
            let transaction = match self.next().await {
                Ok(Woken::Event(NodeEvent::PendingTransaction(transaction, _))) => transaction,
                Ok(_) => continue,
                Err(end) => return end,
            };
            let sent = if full {
                self.send(&RpcTransaction::new(&transaction, None)).await
            } else {
                self.send(&hash(transaction.hash().0)).await
            };
            if let Err(end) = sent {
                return end;
            }
        }
    }

    async fn syncing(mut self) -> End {
        let mut told = Value::Null;
        loop {
            let status = syncing_status(&self.api);
            if status != told {
                if let Err(end) = self.send(&status).await {
                    return end;
                }
                told = status;
            }
            if let Err(end) = self.next_head().await {
                return end;
            }
        }
    }
}

/// Returns the logs of blocks that left the chain, marked removed, and of those that are new.
fn changed_logs(
    api: &Api,
    from: &BlockId,
    matcher: &LogMatcher,
) -> Result<(BlockId, Vec<RpcLog>), RequestError> {
    let view = api.view()?;
    let way = steps(&view, from, STEPS_MAX)?.unwrap_or_default();
    let mut found = Found::new(usize::MAX);
    for block in &way.retired {
        found.scan(&view, block, matcher, Standing::Removed)?;
    }
    for block in &way.adopted {
        found.scan(&view, block, matcher, Standing::Canonical)?;
    }
    Ok((view.head().id, found.logs))
}
