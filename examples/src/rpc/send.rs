//! Raw transactions on their way into the pool.

use std::sync::Arc;

use mbt_account::{
    RecoveredTransaction, SignedTransaction, TransactionError, TxHash, codec::DecodeError,
};
use mbt_crypto::InvalidSignature;
use serde_json::value::RawValue;

use super::{
    api::Api,
    error::RequestError,
    method::{Answer, Method, answer},
    params::Params,
    types::{hex::hash, param::data},
};
use crate::node::{Origin, SubmitError};

/// Methods of this file.
pub(crate) const METHODS: &[Method] =
    &[Method::inline("eth_sendRawTransaction", 1, send_raw_transaction)];

fn send_raw_transaction(api: &Api, params: &mut Params) -> Answer {
    let raw: Vec<u8> = params.required("data")?;
    let transaction = recover(api, &raw)?;
    answer(&hash(submit(api, transaction)?.0))
}

/// Puts one transaction into the pool.
pub(crate) fn submit(api: &Api, transaction: RecoveredTransaction) -> Result<TxHash, RequestError> {
    api.node.submit(transaction, Origin::Local).map_err(not_taken)
}

fn not_taken(error: SubmitError) -> RequestError {
    match error {
        SubmitError::Pool(error) => RequestError::Refused(error.to_string()),
        SubmitError::State(error) => error.into(),
    }
}

/// Reads the parameters of one `eth_sendRawTransaction`.
pub(crate) fn raw_param(params: Option<&RawValue>) -> Result<Vec<u8>, RequestError> {
    let json = params.map(RawValue::get);
    // Nearly all calls are one plain string, and need no tree of values.
    if let Some(json) = json
        && let Ok([text]) = serde_json::from_str::<[&str; 1]>(json)
        && let Ok(raw) = data(text)
    {
        return Ok(raw);
    }
    Params::parse(json, 1)?.required("data")
}

/// Decodes, recovers in parallel, then puts all into the pool in their order and one go.
pub(crate) async fn submit_many(
    api: &Arc<Api>,
    raw: Vec<Result<Vec<u8>, RequestError>>,
) -> Vec<Result<TxHash, RequestError>> {
    let count = raw.len();
    let work = api.blocking(move |api| {
        let decoded: Vec<_> = raw.into_iter().map(|raw| decode(&raw?)).collect();
        Ok(submit_recovered(api, recover_good(api, decoded)))
    });
    match work.await {
        Ok(results) => results,
        Err(error) => vec![Err(error); count],
    }
}

fn recover_good(
    api: &Api,
    decoded: Vec<Result<SignedTransaction, RequestError>>,
) -> Vec<Result<RecoveredTransaction, RequestError>> {
    let mut errors = Vec::with_capacity(decoded.len());
    let mut good = Vec::with_capacity(decoded.len());
    for item in decoded {
        errors.push(item.map(|transaction| good.push(Arc::new(transaction))).err());
    }
    let mut recovered = api.node.senders().recover_each(good).into_iter();
    let next = |error: Option<RequestError>| match error {
        Some(error) => Some(Err(error)),
        None => recovered.next().map(|result| result.map_err(|error| nobody(&error))),
    };
    errors.into_iter().filter_map(next).collect()
}

fn submit_recovered(
    api: &Api,
    recovered: Vec<Result<RecoveredTransaction, RequestError>>,
) -> Vec<Result<TxHash, RequestError>> {
    let mut results = Vec::with_capacity(recovered.len());
    let mut good = Vec::with_capacity(recovered.len());
    for item in recovered {
        results.push(item.map(|transaction| {
            let hash = transaction.hash();
            good.push(transaction);
            hash
        }));
    }
    let mut submitted = api.node.submit_many(good, Origin::Local).into_iter();
    for result in results.iter_mut().filter(|result| result.is_ok()) {
        if let Some(Err(error)) = submitted.next() {
            *result = Err(not_taken(error));
        }
    }
    results
}

/// Decodes a raw transaction and finds its sender. All other checks are the pool's.
pub(crate) fn recover(api: &Api, raw: &[u8]) -> Result<RecoveredTransaction, RequestError> {
    api.node.senders().recover(decode(raw)?).map_err(|error| nobody(&error))
}

fn decode(raw: &[u8]) -> Result<SignedTransaction, RequestError> {
    SignedTransaction::decode(raw).map_err(refused)
}

fn nobody(error: &InvalidSignature) -> RequestError {
    RequestError::Refused(format!("invalid sender: {error}"))
}

fn refused(error: TransactionError) -> RequestError {
    RequestError::Refused(match error {
        TransactionError::Decode(DecodeError::UnknownTransactionType(_)) => {
            "transaction type not supported".to_owned()
        }
        TransactionError::Decode(DecodeError::ReservedTransactionType) => {
            "transaction type not supported: 0x19 is reserved for signed messages".to_owned()
        }
        TransactionError::Decode(error) => format!("rlp: {error}"),
        other => other.to_string(),
    })
}
