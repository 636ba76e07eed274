//! Transactions and their receipts.

use mbt_account::TxHash;
use mbt_consensus::{BlockId, SealedHeader};
use mbt_crypto::H256;

use crate::rpc::{
    api::Api,
    error::RequestError,
    method::{Answer, Method, answer, null},
    params::Params,
    pending,
    types::{
        block_ref::BlockTag,
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
        return answer(&RpcTransaction::new(mined.transaction(), Some(mined.place())));
    }
    let pending = api.node.pool().lock().get(&hash).cloned();
    answer(&pending.map(|transaction| RpcTransaction::new(&transaction, None)))
}

fn raw_by_hash(api: &Api, params: &mut Params) -> Answer {
    let hash = TxHash(params.required::<H256>("transactionHash")?);
    if let Some(mined) = api.view()?.transaction(&hash)? {
        return answer(&prefixed(&mined.transaction().encode()));
    }
    let pending = api.node.pool().lock().get(&hash).cloned();
    answer(&pending.map(|transaction| prefixed(&transaction.encode())))
}

fn by_block_hash(api: &Api, params: &mut Params) -> Answer {
    let id = BlockId(params.required::<H256>("blockHash")?);
    let index = params.required::<u64>("index")?;
    let view = api.view()?;
    let block = view.named(&id)?;
    answer_indexed(&view, block, index)
}

fn by_block_number(api: &Api, params: &mut Params) -> Answer {
    let tag: BlockTag = params.required("block")?;
    let index = params.required::<u64>("index")?;
    let view = api.view()?;
    if tag == BlockTag::Pending {
        let transactions = pending::transactions(api, &view);
        let found = usize::try_from(index).ok().and_then(|index| transactions.get(index));
        return answer(&found.map(|transaction| RpcTransaction::new(transaction, None)));
    }
    let block = view.at(tag)?;
    answer_indexed(&view, block, index)
}

fn answer_indexed(view: &View, block: Option<SealedHeader>, index: u64) -> Answer {
    let (Some(block), Ok(index)) = (block, usize::try_from(index)) else { return null() };
    let transactions = view.transactions(&block)?.unwrap_or_default();
    answer(
        &transactions
            .get(index)
            .map(|transaction| RpcTransaction::new(transaction, Some(place(&block, index)))),
    )
}

fn receipt(api: &Api, params: &mut Params) -> Answer {
    let hash = TxHash(params.required::<H256>("transactionHash")?);
    answer(&receipt_of(&api.view()?, &hash)?)
}

/// Returns the receipt of a mined transaction; none while it is pending.
pub(crate) fn receipt_of(view: &View, hash: &TxHash) -> Result<Option<RpcReceipt>, RequestError> {
    let Some(mined) = view.transaction(hash)? else { return Ok(None) };
    let Some(receipts) = view.receipts(&mined.block)? else { return Ok(None) };
    let Some((receipt, earlier)) = receipts.get(..=mined.index).and_then(<[_]>::split_last) else {
        return Ok(None);
    };
    let before = earlier.iter().fold(Before::default(), Before::after);
    Ok(Some(RpcReceipt::new(mined.transaction(), receipt, mined.place(), before)))
}
