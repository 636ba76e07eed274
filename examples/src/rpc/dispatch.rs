//! The way of a request from transport to method.
//!
//! Neighbouring `eth_sendRawTransaction` calls of a batch are taken together: their signatures are
//! recovered in parallel and they enter the pool in one go, in their order. All other calls of a
//! batch run one after another, so that a batch costs no more threads than a single call.

use std::{collections::BTreeSet, future::Future, mem, sync::Arc};

use jsonrpsee::{
    core::middleware::{Batch, BatchEntry, Notification, RpcServiceT},
    server::{BatchResponseBuilder, MethodResponse, ResponsePayload},
    types::{ErrorObjectOwned, Id, Request},
};
use tower::Layer;

use super::{api::Api, door::PlainHttp, error::RequestError, send};

/// Adds [`Dispatch`] to the server's own service.
#[derive(Clone, Debug)]
pub(crate) struct DispatchLayer {
    /// What methods work on.
    pub(crate) api: Arc<Api>,
    /// Methods that are served.
    pub(crate) methods: Arc<BTreeSet<&'static str>>,
}

impl<S> Layer<S> for DispatchLayer {
    type Service = Dispatch<S>;

    fn layer(&self, inner: S) -> Dispatch<S> {
        Dispatch { inner, layer: self.clone() }
    }
}

/// The server's own service with geth's words for unknown methods and batches of transactions.
#[derive(Clone, Debug)]
pub(crate) struct Dispatch<S> {
    inner: S,
    layer: DispatchLayer,
}

const SEND: &str = "eth_sendRawTransaction";

impl<S> Dispatch<S> {
    /// Returns why a call is not passed on.
    fn refusal(&self, request: &Request<'_>) -> Option<ErrorObjectOwned> {
        let method = request.method_name();
        if !self.layer.methods.contains(method) {
            let name = super::types::block_ref::shorten(method);
            return Some(RequestError::UnknownMethod(name).into());
        }
        let plain = request.extensions().get::<PlainHttp>().is_some();
        (plain && matches!(method, "eth_subscribe" | "eth_unsubscribe")).then(|| {
            ErrorObjectOwned::owned(
                super::error::CODE_METHOD,
                "notifications not supported",
                None::<()>,
            )
        })
    }

    fn is_send(&self, entry: &BatchEntry<'_>) -> bool {
        matches!(entry, BatchEntry::Call(call) if call.method_name() == SEND)
            && self.layer.methods.contains(SEND)
    }
}

impl<S> RpcServiceT for Dispatch<S>
where
    S: RpcServiceT<
            MethodResponse = MethodResponse,
            BatchResponse = MethodResponse,
            NotificationResponse = MethodResponse,
        > + Clone
        + Send
        + Sync
        + 'static,
{
    type MethodResponse = MethodResponse;
    type NotificationResponse = MethodResponse;
    type BatchResponse = MethodResponse;

    fn call<'a>(&self, request: Request<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let refusal = self.refusal(&request);
        let inner = self.inner.clone();
        async move {
            match refusal {
                Some(error) => MethodResponse::error(request.id, error),
                None => inner.call(request).await,
            }
        }
    }

    fn batch<'a>(&self, batch: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let this = self.clone();
        async move {
            let bytes_max = this.layer.api.response_bytes_max();
            let mut answer = Answer { builder: BatchResponseBuilder::new_with_limit(bytes_max) };
            match this.answer_batch(batch, &mut answer).await {
                Err(too_large) => *too_large,
                Ok(Calls::None) => MethodResponse::notification(),
                Ok(Calls::Some) => MethodResponse::from_batch(answer.builder.finish()),
            }
        }
    }

    fn notification<'a>(
        &self,
        notification: Notification<'a>,
    ) -> impl Future<Output = MethodResponse> + Send + 'a {
        self.inner.notification(notification)
    }
}

/// Whether a batch held anything that is answered.
enum Calls {
    None,
    Some,
}

struct Answer {
    builder: BatchResponseBuilder,
}

impl Answer {
    fn push(&mut self, response: MethodResponse) -> Result<(), Box<MethodResponse>> {
        self.builder.append(response).map_err(Box::new)
    }
}

impl<S> Dispatch<S>
where
    Self: RpcServiceT<MethodResponse = MethodResponse>,
{
    async fn answer_batch(
        &self,
        batch: Batch<'_>,
        answer: &mut Answer,
    ) -> Result<Calls, Box<MethodResponse>> {
        let mut notified = false;
        let mut sends = Vec::new();
        for entry in batch {
            match entry {
                Ok(entry) if self.is_send(&entry) => {
                    if let BatchEntry::Call(call) = entry {
                        sends.push(call);
                    }
                    continue;
                }
                _ => self.answer_sends(mem::take(&mut sends), answer).await?,
            }
            match entry {
                Ok(BatchEntry::Call(call)) => answer.push(self.call(call).await)?,
                Ok(BatchEntry::Notification(_)) => notified = true,
                Err(error) => {
                    let (error, id) = error.into_parts();
                    answer.push(MethodResponse::error(id, error))?;
                }
            }
        }
        self.answer_sends(sends, answer).await?;
        Ok(if notified && answer.builder.is_empty() { Calls::None } else { Calls::Some })
    }

    async fn answer_sends(
        &self,
        calls: Vec<Request<'_>>,
        answer: &mut Answer,
    ) -> Result<(), Box<MethodResponse>> {
        if calls.is_empty() {
            return Ok(());
        }
        let api = &self.layer.api;
        let raw = calls.iter().map(|call| send::raw_param(call.params.as_deref())).collect();
        let results = send::submit_many(api, raw).await;
        for (call, result) in calls.into_iter().zip(results) {
            answer.push(send_response(call.id, result, api.response_bytes_max()))?;
        }
        Ok(())
    }
}

fn send_response(
    id: Id<'_>,
    result: Result<mbt_account::TxHash, RequestError>,
    bytes_max: usize,
) -> MethodResponse {
    match result {
        Ok(hash) => {
            let hash = super::types::hex::hash(hash.0);
            MethodResponse::response(id, ResponsePayload::success(hash), bytes_max)
        }
        Err(error) => MethodResponse::error(id, ErrorObjectOwned::from(error)),
    }
}
