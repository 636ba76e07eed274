//! `txpool_*`: what waits for a block.

use std::collections::BTreeMap;

use mbt_account::RecoveredTransaction;
use mbt_crypto::Address;
use serde::Serialize;
use serde_json::json;

use super::{
    api::Api,
    error::RequestError,
    method::{Answer, Method, answer},
    params::Params,
    types::{
        hex::count,
        transaction::{RpcTransaction, inspect_line},
    },
};

/// Methods of this file.
pub(crate) const METHODS: &[Method] = &[
    Method::inline("txpool_status", 0, status),
    Method::read("txpool_content", 0, content),
    Method::read("txpool_contentFrom", 1, content_from),
    Method::read("txpool_inspect", 0, inspect),
];

/// Bytes of a transaction's JSON, at least.
const SHOWN_BYTES_MIN: usize = 500;

type BySender<T> = BTreeMap<String, BTreeMap<u64, T>>;

#[derive(Serialize)]
struct Content<T> {
    pending: T,
    queued: T,
}

fn status(api: &Api, _: &mut Params) -> Answer {
    let (pending, queued) = api.node.pool().lock().status();
    answer(&json!({ "pending": count(pending), "queued": count(queued) }))
}

/// Shows the whole pool, unless the answer would certainly be too long.
fn whole<T: Serialize>(
    api: &Api,
    show: impl Fn(&RecoveredTransaction) -> T,
) -> Result<Content<BySender<T>>, RequestError> {
    let pool = api.node.pool().lock();
    let max = api.response_bytes_max() / SHOWN_BYTES_MIN;
    if pool.len() > max {
        return Err(RequestError::Limit(format!(
            "pool holds {} transactions, at most {max} can be shown: use txpool_contentFrom",
            pool.len()
        )));
    }
    let content = pool.content();
    drop(pool);
    let by_sender = |part: BTreeMap<Address, BTreeMap<u64, RecoveredTransaction>>| {
        part.into_iter()
            .map(|(sender, queue)| {
                let queue = queue.into_iter().map(|(nonce, tx)| (nonce, show(&tx))).collect();
                (sender.to_hex(), queue)
            })
            .collect()
    };
    Ok(Content { pending: by_sender(content.pending), queued: by_sender(content.queued) })
}

fn content(api: &Api, _: &mut Params) -> Answer {
    answer(&whole(api, |transaction| RpcTransaction::new(transaction, None))?)
}

fn inspect(api: &Api, _: &mut Params) -> Answer {
    answer(&whole(api, inspect_line)?)
}

fn content_from(api: &Api, params: &mut Params) -> Answer {
    let sender: Address = params.required("address")?;
    let content = api.node.pool().lock().content_from(&sender);
    let show = |queue: BTreeMap<u64, RecoveredTransaction>| {
        queue
            .into_iter()
            .map(|(nonce, transaction)| (nonce, RpcTransaction::new(&transaction, None)))
            .collect::<BTreeMap<_, _>>()
    };
    answer(&Content { pending: show(content.pending), queued: show(content.queued) })
}
