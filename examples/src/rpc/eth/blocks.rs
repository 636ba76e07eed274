//! Blocks and their receipts.

use mbt_consensus::SealedHeader;

use crate::rpc::{
    api::Api,
    error::RequestError,
    method::{Answer, Method, answer, null},
    params::Params,
    pending,
    types::{
        block::{Detail, RpcBlock},
        block_ref::BlockRef,
        hex::{count, quantity},
    },
    view::{View, derived},
};

/// Methods of this file.
pub(crate) const METHODS: &[Method] = &[
    Method::read("eth_getBlockByNumber", 2, block_by_number),
    Method::read("eth_getBlockByHash", 2, block_by_hash),
    Method::read("eth_getBlockReceipts", 1, block_receipts),
    Method::read("eth_getBlockTransactionCountByNumber", 1, transaction_count_by_number),
    Method::read("eth_getBlockTransactionCountByHash", 1, transaction_count_by_hash),
    Method::inline("eth_getUncleCountByBlockNumber", 1, uncle_count_by_number),
    Method::inline("eth_getUncleCountByBlockHash", 1, uncle_count_by_hash),
    Method::inline("eth_getUncleByBlockNumberAndIndex", 2, uncle_by_number),
    Method::inline("eth_getUncleByBlockHashAndIndex", 2, uncle_by_hash),
];

fn block_by_number(api: &Api, params: &mut Params) -> Answer {
    let block = params.numbered()?;
    show_block(api, block, params)
}

fn block_by_hash(api: &Api, params: &mut Params) -> Answer {
    let block = params.named()?;
    show_block(api, block, params)
}

fn show_block(api: &Api, block: BlockRef, params: &mut Params) -> Answer {
    let detail = Detail::from_flag(params.optional("full")?.unwrap_or(false));
    let view = api.view()?;
    if block == BlockRef::PENDING {
        return answer(&pending::block(api, &view, detail));
    }
    match view.lookup(block)?.map(|block| shown(&view, &block, detail)).transpose()?.flatten() {
        Some(shown) => answer(&shown),
        None => null(),
    }
}

/// Returns a block as JSON-RPC shows it; none when its body is not here.
pub(crate) fn shown(
    view: &View,
    block: &SealedHeader,
    detail: Detail,
) -> Result<Option<RpcBlock>, RequestError> {
    let Some(transactions) = view.transactions(block)? else { return Ok(None) };
    Ok(Some(RpcBlock::new(&block.header, &transactions, derived(block), detail)))
}

fn block_receipts(api: &Api, params: &mut Params) -> Answer {
    let block: BlockRef = params.required("block")?;
    let view = api.view()?;
    let receipts = match view.lookup(block)? {
        Some(block) => view.shown_receipts(&block)?,
        None => None,
    };
    answer(&receipts)
}

fn transaction_count_by_number(api: &Api, params: &mut Params) -> Answer {
    transaction_count(api, params.numbered()?)
}

fn transaction_count_by_hash(api: &Api, params: &mut Params) -> Answer {
    transaction_count(api, params.named()?)
}

fn transaction_count(api: &Api, block: BlockRef) -> Answer {
    let view = api.view()?;
    if block == BlockRef::PENDING {
        return answer(&count(pending::transactions(api, &view).len()));
    }
    match view.lookup(block)?.map(|block| view.transactions(&block)).transpose()?.flatten() {
        Some(transactions) => answer(&count(transactions.len())),
        None => null(),
    }
}

fn uncle_count_by_number(api: &Api, params: &mut Params) -> Answer {
    uncle_count(api, params.numbered()?)
}

fn uncle_count_by_hash(api: &Api, params: &mut Params) -> Answer {
    uncle_count(api, params.named()?)
}

fn uncle_count(api: &Api, block: BlockRef) -> Answer {
    let known = api.view()?.lookup(block)?.is_some();
    if known { answer(&quantity(0_u64)) } else { null() }
}

fn uncle_by_number(_: &Api, params: &mut Params) -> Answer {
    params.numbered()?;
    params.required::<u64>("index")?;
    null()
}

fn uncle_by_hash(_: &Api, params: &mut Params) -> Answer {
    params.named()?;
    params.required::<u64>("index")?;
    null()
}
