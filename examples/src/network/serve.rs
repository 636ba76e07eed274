//! Answers to peers' requests, from a snapshot of the chain.

use mbt_trie::StoreError;

use super::message::{
    BODIES_BYTES_SOFT, POOLED_BYTES_SOFT, POOLED_MAX, Request, Response, SentBody, Status,
};
use crate::node::NodeHandle;

/// Answers a request.
///
/// # Errors
/// When the node's own store cannot be read.
pub(super) fn answer(
    node: &NodeHandle,
    own: &Status,
    request: Request,
) -> Result<Response, StoreError> {
    match request {
        Request::Status(_) => Ok(Response::Status(*own)),
        Request::Headers { locator, max } => {
            let headers = node.reader().snapshot()?.headers_after(&locator, max)?;
            let headers = headers.into_iter().map(|sealed| sealed.header.as_ref().clone());
            Ok(Response::Headers(headers.collect()))
        }
        Request::Bodies(ids) => {
            let snapshot = node.reader().snapshot()?;
            let (mut bodies, mut sum) = (Vec::new(), 0_usize);
            for id in ids {
                let Some(bytes) = snapshot.body_bytes(&id)? else { continue };
                sum = sum.saturating_add(bytes.len());
                if sum > BODIES_BYTES_SOFT && !bodies.is_empty() {
                    break;
                }
                bodies.push(SentBody { id, bytes });
            }
            Ok(Response::Bodies(bodies))
        }
        Request::Pooled => Ok(Response::Pooled(pooled(node))),
    }
}

fn pooled(node: &NodeHandle) -> Vec<Vec<u8>> {
    let (mut transactions, mut sum) = (Vec::new(), 0_usize);
    for transaction in super::outbox::pending(node, POOLED_MAX) {
        let bytes = transaction.encode();
        sum = sum.saturating_add(bytes.len());
        if sum > POOLED_BYTES_SOFT {
            break;
        }
        transactions.push(bytes);
    }
    transactions
}
