//! `eth_fillTransaction`: everything a wallet needs before it signs, in one request.

use std::sync::Arc;

use mbt_account::{RecoveredTransaction, SignedTransaction, Transaction};
use mbt_consensus::next_base_fee;
use mbt_crypto::{Address, Signature, U256};
use mbt_vm::{BlockOverrides, StateOverrides};
use serde_json::json;

use super::{
    execution::{Prepared, estimate},
    fees::suggested_tip,
    state::nonce_of,
};
use crate::rpc::{
    api::Api,
    error::RequestError,
    method::{Answer, Method, answer},
    params::Params,
    types::{
        block_ref::{BlockRef, BlockTag},
        call::RpcCall,
        hex::prefixed,
        transaction::RpcTransaction,
    },
    view::View,
};

/// Methods of this file.
pub(crate) const METHODS: &[Method] = &[Method::heavy("eth_fillTransaction", 1, fill)];

fn fill(api: &Api, params: &mut Params) -> Answer {
    let call: RpcCall = params.required("transaction")?;
    if call.to.is_none() && call.input.is_empty() {
        let words = "contract creation without any data provided";
        return Err(RequestError::Refused(words.to_owned()));
    }
    let view = api.view()?.until(params.deadline());
    let sender = call.from.unwrap_or(Address::ZERO);
    let pending = BlockRef::Tag(BlockTag::Pending);
    let nonce = match call.nonce {
        Some(nonce) => nonce,
        None => nonce_of(api, &sender, pending)?,
    };
    let gas_limit = match call.gas {
        Some(gas) => gas,
        None => {
            let (state, block) = (StateOverrides::default(), BlockOverrides::default());
            estimate(api, &view, &Prepared::new(call.clone(), pending, state, block))?
        }
    };
    let (tip, cap) = fees(api, &view, &call)?;
    let chain_id = call.chain_id.unwrap_or(api.node.chain_config().chain_id);
    let transaction = Transaction {
        kind: call.kind(chain_id, tip, cap),
        nonce,
        gas_limit,
        to: call.to,
        value: call.value.unwrap_or_default(),
        input: call.input,
    };
    let unsigned = Arc::new(SignedTransaction::new(transaction, Signature::default()));
    let raw = prefixed(&unsigned.encode());
    let shown = RecoveredTransaction::new_unchecked(unsigned, sender);
    answer(&json!({ "raw": raw, "tx": RpcTransaction::new(&shown, None) }))
}

/// Returns tip and cap: those given, or the suggested tip and room for the base fee to double.
fn fees(api: &Api, view: &View, call: &RpcCall) -> Result<(U256, U256), RequestError> {
    let base_fee = next_base_fee(view.head());
    let tip = match call.max_priority_fee_per_gas {
        Some(tip) => tip,
        None => {
            let tip = suggested_tip(api, view)?;
            call.max_fee_per_gas.map_or(tip, |cap| tip.min(cap))
        }
    };
    let doubled = base_fee.saturating_mul(2.into()).saturating_add(tip);
    Ok((tip, call.max_fee_per_gas.unwrap_or(doubled)))
}
