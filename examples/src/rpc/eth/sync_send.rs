//! `eth_sendRawTransactionSync` (EIP-7966): answers with the receipt.

use std::{sync::Arc, time::Duration};

use mbt_account::TxHash;
use tokio::{sync::broadcast::error::RecvError, time::Instant};

use super::transactions::receipt_of;
use crate::{
    node::NodeEvent,
    rpc::{
        api::Api,
        error::RequestError,
        method::{Answer, answer},
        params::Params,
        send::{recover, submit},
        types::param::PlainNumber,
    },
};

/// The method's name.
pub(crate) const NAME: &str = "eth_sendRawTransactionSync";

/// Sends and waits for the receipt.
pub(crate) async fn send(api: Arc<Api>, json: Option<String>) -> Answer {
    let (raw, timeout_ms) = read_params(&api, json.as_deref())?;
    let mut events = api.node.events();
    let hash = api.blocking(move |api| submit(api, recover(api, &raw)?)).await?;
    let deadline = Instant::now() + Duration::from_millis(timeout_ms);
    loop {
        if let Some(receipt) = mined(&api, hash).await? {
            return Ok(receipt);
        }
        // A missed event is a reason to look again, as every new head is.
        loop {
            match tokio::time::timeout_at(deadline, events.recv()).await {
                Err(_) | Ok(Err(RecvError::Closed)) => {
                    let hash = hash.to_string();
                    return Err(RequestError::SyncTimeout { waited_ms: timeout_ms, hash });
                }
                Ok(Ok(NodeEvent::Head(..)) | Err(RecvError::Lagged(_))) => break,
                Ok(Ok(_)) => {}
            }
        }
    }
}

fn read_params(api: &Api, json: Option<&str>) -> Result<(Vec<u8>, u64), RequestError> {
    let mut params = Params::parse(json, 2)?;
    let raw = params.required("data")?;
    let max = api.config.sync_send_timeout_ms;
    let wanted = params.optional::<PlainNumber>("timeoutMs")?;
    Ok((raw, wanted.map_or(max, |wanted| wanted.0.min(max))))
}

async fn mined(
    api: &Arc<Api>,
    hash: TxHash,
) -> Result<Option<Box<serde_json::value::RawValue>>, RequestError> {
    api.blocking(move |api| receipt_of(&api.view()?, &hash)?.map(|r| answer(&r)).transpose()).await
}
