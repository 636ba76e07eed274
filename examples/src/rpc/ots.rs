//! The part of Otterscan's interface that needs no index: the explorer shows blocks, transactions
//! and contracts with it.

use mbt_account::TxHash;
use mbt_crypto::{Address, H256, U256};
use mbt_trie::StateView;
use mbt_vm::{CallTracerOptions, TracerConfig};
use serde_json::{Value, json};

use super::{
    api::Api,
    debug::trace_mined,
    error::RequestError,
    eth::blocks::shown,
    method::{Answer, Method, answer, null},
    params::Params,
    types::{
        block::{Detail, RpcHeader},
        block_ref::{BlockRef, BlockTag},
        hex::{count, quantity},
        param::{Param, ParamError, PlainNumber},
        transaction::RpcTransaction,
    },
    view::{derived, place},
};

/// Methods of this file.
pub(crate) const METHODS: &[Method] = &[
    Method::inline("erigon_getHeaderByNumber", 1, header_by_number),
    Method::inline("ots_getApiLevel", 0, api_level),
    Method::inline("ots_hasCode", 2, has_code),
    Method::read("ots_getBlockDetails", 1, block_details),
    Method::read("ots_getBlockDetailsByHash", 1, block_details_by_hash),
    Method::read("ots_getBlockTransactions", 3, block_transactions),
    Method::heavy("ots_getTransactionError", 1, transaction_error),
];

/// The level of the interface that Otterscan looks for.
const API_LEVEL: u64 = 8;
/// Most transactions of a page.
const PAGE_MAX: u64 = 100;

fn header_by_number(api: &Api, params: &mut Params) -> Answer {
    let tag: BlockTag = params.required("block")?;
    let block = api.view()?.at(tag)?;
    answer(&block.map(|block| RpcHeader::new(&block, derived(&block))))
}

fn api_level(_: &Api, _: &mut Params) -> Answer {
    answer(&API_LEVEL)
}

fn has_code(api: &Api, params: &mut Params) -> Answer {
    let address: Address = params.required("address")?;
    let block: BlockRef = params.optional("block")?.unwrap_or_default();
    let view = api.view()?;
    let number = view.find(block)?.number;
    let account = view.state(number)?.account(&address)?;
    answer(&account.is_some_and(|account| account.code_hash != mbt_account::EMPTY_CODE_HASH))
}

/// Reads a block's number as Otterscan sends it: plain, or as a quantity or tag.
fn read_tag(value: &Value) -> Result<BlockTag, ParamError> {
    value.as_u64().map_or_else(|| BlockTag::read(value), |number| Ok(BlockTag::Number(number)))
}

fn required_tag(params: &mut Params) -> Result<BlockTag, RequestError> {
    params
        .optional_with("block", read_tag)?
        .ok_or(RequestError::MissingParam { index: 0, name: "block" })
}

fn block_details(api: &Api, params: &mut Params) -> Answer {
    details(api, BlockRef::Tag(required_tag(params)?))
}

fn block_details_by_hash(api: &Api, params: &mut Params) -> Answer {
    details(api, params.named()?)
}

fn details(api: &Api, block: BlockRef) -> Answer {
    let view = api.view()?;
    let Some(block) = view.lookup(block)? else { return null() };
    let Some(block_json) = shown(&view, &block, Detail::Hashes)? else { return null() };
    let transactions = view.transactions(&block)?.unwrap_or_default();
    let receipts = view.receipts(&block)?.unwrap_or_default();
    let mut before = 0_u64;
    let mut fees = U256::zero();
    for (transaction, receipt) in transactions.iter().zip(&receipts) {
        let gas = receipt.cumulative_gas_used.saturating_sub(before);
        before = receipt.cumulative_gas_used;
        let price = transaction.effective_gas_price(block.base_fee).unwrap_or_default();
        fees = fees.saturating_add(price.saturating_mul(gas.into()));
    }
    let mut block_json = serde_json::to_value(block_json)
        .map_err(|error| RequestError::Internal(error.to_string()))?;
    block_json["transactionCount"] = json!(count(transactions.len()));
    block_json["transactions"] = json!([]);
    block_json["logsBloom"] = Value::Null;
    answer(&json!({
        "block": block_json,
        "issuance": { "blockReward": quantity(0_u64), "uncleReward": quantity(0_u64), "issuance": quantity(0_u64) },
        "totalFees": quantity(fees),
    }))
}

fn block_transactions(api: &Api, params: &mut Params) -> Answer {
    let tag = required_tag(params)?;
    let number = |params: &mut Params, name| {
        let number = params.optional::<PlainNumber>(name)?;
        Ok::<u64, RequestError>(number.map_or(0, |number| number.0))
    };
    let page = number(params, "page")?;
    let size = number(params, "pageSize")?.clamp(1, PAGE_MAX);
    let view = api.view()?;
    let Some(block) = view.at(tag)? else { return null() };
    let Some(block_json) = shown(&view, &block, Detail::Hashes)? else { return null() };
    let transactions = view.transactions(&block)?.unwrap_or_default();
    let receipts = view.shown_receipts(&block)?.unwrap_or_default();
    let skip = usize::try_from(page.saturating_mul(size)).unwrap_or(usize::MAX);
    let size = usize::try_from(size).unwrap_or(1);
    let on_page: Vec<_> = transactions
        .iter()
        .enumerate()
        .skip(skip)
        .take(size)
        .map(|(index, transaction)| RpcTransaction::new(transaction, Some(place(&block, index))))
        .collect();
    let receipts: Vec<_> = receipts.into_iter().skip(skip).take(size).collect();
    let mut fullblock = serde_json::to_value(block_json)
        .map_err(|error| RequestError::Internal(error.to_string()))?;
    fullblock["transactionCount"] = json!(count(transactions.len()));
    fullblock["transactions"] = json!(on_page);
    answer(&json!({ "fullblock": fullblock, "receipts": receipts }))
}

/// Answers what a failed transaction returned; nothing of one that succeeded.
fn transaction_error(api: &Api, params: &mut Params) -> Answer {
    let hash = TxHash(params.required::<H256>("transactionHash")?);
    let view = api.view()?.until(params.deadline());
    let Some(mined) = view.transaction(&hash)? else { return null() };
    if view.receipt(&mined)?.is_none_or(|placed| placed.receipt.succeeded) {
        return answer(&"0x");
    }
    let options = CallTracerOptions { only_top_call: true, with_log: false };
    let trace = trace_mined(api, &view, &mined, &TracerConfig::Call(options))?;
    answer(trace.get("output").unwrap_or(&json!("0x")))
}
