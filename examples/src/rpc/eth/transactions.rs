//! Transactions and their receipts.

use mbt_account::TxHash;
use mbt_crypto::H256;

use crate::rpc::{
    api::Api,
    error::RequestError,
    method::{Answer, Method, answer, null},
    params::Params,
    pending,
    types::{
        block_ref::BlockRef,
        hex::prefixed,
        receipt::{Before, RpcReceipt},
        transaction::RpcTransaction,
    },
    view::{View, place},
};

/// Methods of this file.
pub(crate) const METHODS: &[Method] = &[
    Method::read("eth_getTransactionByHash", 1, by_hash),
    Method::read("eth_getRawTransactionByHash", 1, raw_by_hash),
    Method::read("eth_getTransactionByBlockHashAndIndex", 2, by_block_hash),
    Method::read("eth_getTransactionByBlockNumberAndIndex", 2, by_block_number),
    Method::read("eth_getTransactionReceipt", 1, receipt),
];

fn by_hash(api: &Api, params: &mut Params) -> Answer {
    let hash = TxHash(params.required::<H256>("transactionHash")?);
    let view = api.view()?;
    if let Some(mined) = view.transaction(&hash)? {
        return answer(&RpcTransaction::new(&mined.transaction, Some(mined.place())));
    }
    let pending = api.node.pool().lock().get(&hash).cloned();
    answer(&pending.map(|transaction| RpcTransaction::new(&transaction, None)))
}

fn raw_by_hash(api: &Api, params: &mut Params) -> Answer {
    let hash = TxHash(params.required::<H256>("transactionHash")?);
    if let Some(mined) = api.view()?.transaction(&hash)? {
        return answer(&prefixed(&mined.transaction.encode()));
    }
    let pending = api.node.pool().lock().get(&hash).cloned();
    answer(&pending.map(|transaction| prefixed(&transaction.encode())))
}

fn by_block_hash(api: &Api, params: &mut Params) -> Answer {
    let block = params.named()?;
    indexed(api, block, params)
}

fn by_block_number(api: &Api, params: &mut Params) -> Answer {
    let block = params.numbered()?;
    indexed(api, block, params)
}

fn indexed(api: &Api, block: BlockRef, params: &mut Params) -> Answer {
    let index = usize::try_from(params.required::<u64>("index")?).unwrap_or(usize::MAX);
    let view = api.view()?;
    let (transactions, block) = if block == BlockRef::PENDING {
        (pending::transactions(api, &view), None)
    } else {
        let Some(block) = view.lookup(block)? else { return null() };
        (view.transactions(&block)?.unwrap_or_default(), Some(block))
    };
    let place = block.map(|block| place(&block, index));
    answer(&transactions.get(index).map(|transaction| RpcTransaction::new(transaction, place)))
}

fn receipt(api: &Api, params: &mut Params) -> Answer {
    let hash = TxHash(params.required::<H256>("transactionHash")?);
    answer(&receipt_of(&api.view()?, &hash)?)
}

/// Returns the receipt of a mined transaction; none while it is pending.
pub(crate) fn receipt_of(view: &View, hash: &TxHash) -> Result<Option<RpcReceipt>, RequestError> {
    let Some(mined) = view.transaction(hash)? else { return Ok(None) };
    let Some(placed) = view.receipt(&mined)? else { return Ok(None) };
    let before = Before { gas_used: placed.gas_used_before, logs: placed.logs_before };
    Ok(Some(RpcReceipt::new(&mined.transaction, &placed.receipt, mined.place(), before)))
}
