//! Blocks and their receipts.

use mbt_consensus::{BlockId, SealedHeader};
use mbt_crypto::H256;

use crate::rpc::{
    api::Api,
    error::RequestError,
    method::{Answer, Method, answer, null},
    params::Params,
    pending,
    types::{
        block::{Detail, RpcBlock},
        block_ref::{BlockRef, BlockTag},
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
    let tag: BlockTag = params.required("block")?;
    let detail = Detail::from_flag(params.optional("full")?.unwrap_or(false));
    let view = api.view()?;
    if tag == BlockTag::Pending {
        return answer(&pending::block(api, &view, detail));
    }
    let block = view.at(tag)?;
    answer_block(&view, block, detail)
}

fn block_by_hash(api: &Api, params: &mut Params) -> Answer {
    let id = BlockId(params.required::<H256>("blockHash")?);
    let detail = Detail::from_flag(params.optional("full")?.unwrap_or(false));
    let view = api.view()?;
    let block = view.named(&id)?;
    answer_block(&view, block, detail)
}

fn answer_block(view: &View, block: Option<SealedHeader>, detail: Detail) -> Answer {
    match block.map(|block| shown(view, &block, detail)).transpose()?.flatten() {
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
    let tag: BlockTag = params.required("block")?;
    let view = api.view()?;
    if tag == BlockTag::Pending {
        return answer(&count(pending::transactions(api, &view).len()));
    }
    let block = view.at(tag)?;
    answer_count(&view, block)
}

fn transaction_count_by_hash(api: &Api, params: &mut Params) -> Answer {
    let id = BlockId(params.required::<H256>("blockHash")?);
    let view = api.view()?;
    let block = view.named(&id)?;
    answer_count(&view, block)
}

fn answer_count(view: &View, block: Option<SealedHeader>) -> Answer {
    match block.map(|block| view.transactions(&block)).transpose()?.flatten() {
        Some(transactions) => answer(&count(transactions.len())),
        None => null(),
    }
}

fn uncle_count_by_number(api: &Api, params: &mut Params) -> Answer {
    let tag: BlockTag = params.required("block")?;
    let known = api.view()?.at(tag)?.is_some();
    if known { answer(&quantity(0_u64)) } else { null() }
}

fn uncle_count_by_hash(api: &Api, params: &mut Params) -> Answer {
    let id = BlockId(params.required::<H256>("blockHash")?);
    let known = api.view()?.named(&id)?.is_some();
    if known { answer(&quantity(0_u64)) } else { null() }
}

fn uncle_by_number(_: &Api, params: &mut Params) -> Answer {
    params.required::<BlockTag>("block")?;
    params.required::<u64>("index")?;
    null()
}

fn uncle_by_hash(_: &Api, params: &mut Params) -> Answer {
    params.required::<H256>("blockHash")?;
    params.required::<u64>("index")?;
    null()
}
