//! `debug_*`: executions repeated under a tracer.

use mbt_account::{RecoveredTransaction, TxHash};
use mbt_consensus::SealedHeader;
use mbt_crypto::H256;
use mbt_vm::{BlockOverrides, StateOverrides, TraceError, TracerConfig};
use serde::Serialize;
use serde_json::Value;

use super::{
    api::Api,
    error::RequestError,
    eth::execution::Prepared,
    method::{Answer, Method, answer},
    params::Params,
    types::{
        block_ref::BlockRef,
        call::RpcCall,
        hex::{Data, hash, prefixed},
        param::{Fields, Param, ParamError},
    },
    view::{Mined, View},
};

/// Methods of this file.
pub(crate) const METHODS: &[Method] = &[
    Method::heavy("debug_traceTransaction", 2, trace_transaction),
    Method::heavy("debug_traceCall", 3, trace_call),
    Method::heavy("debug_traceBlockByNumber", 2, trace_block_by_number),
    Method::heavy("debug_traceBlockByHash", 2, trace_block_by_hash),
    Method::read("debug_getRawHeader", 1, raw_header),
    Method::read("debug_getRawReceipts", 1, raw_receipts),
    Method::read("debug_getRawTransaction", 1, raw_transaction),
];

/// What a trace shall show.
#[derive(Clone, Debug, Default)]
struct TraceOptions {
    tracer: TracerConfig,
    state: StateOverrides,
    block: BlockOverrides,
}

impl Param for TraceOptions {
    fn read(value: &Value) -> Result<Self, ParamError> {
        let fields = Fields::of(value)?;
        Ok(Self {
            tracer: TracerConfig::from_json(value)
                .map_err(|error| ParamError::Tracer(error.to_string()))?,
            state: fields.optional("stateOverrides")?.unwrap_or_default(),
            block: fields.optional("blockOverrides")?.unwrap_or_default(),
        })
    }
}

/// A transaction's trace in its block's.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TracedTransaction {
    tx_hash: Data<[u8; 32]>,
    result: Value,
}

fn options(params: &mut Params) -> Result<TraceOptions, RequestError> {
    Ok(params.optional("options")?.unwrap_or_default())
}

fn trace_transaction(api: &Api, params: &mut Params) -> Answer {
    let hash = TxHash(params.required::<H256>("transactionHash")?);
    let options = options(params)?;
    let view = api.view()?.until(params.deadline());
    let mined = view
        .transaction(&hash)?
        .ok_or_else(|| RequestError::Refused("transaction not found".to_owned()))?;
    answer(&trace_mined(api, &view, &mined, &options.tracer)?)
}

/// Repeats the block up to a transaction, and traces that one.
pub(crate) fn trace_mined(
    api: &Api,
    view: &View,
    mined: &Mined,
    tracer: &TracerConfig,
) -> Result<Value, RequestError> {
    let block = &mined.block;
    let context = view.chain().block_context(block.number)?.ok_or(RequestError::UnknownBlock)?;
    let state = view.state(parent_of(block)?)?;
    let mut earlier = view.transactions(block)?.unwrap_or_default();
    earlier.truncate(mined.index);
    api.node
        .evm()
        .trace_transaction(&context.context(), &earlier, &mined.transaction, &state, tracer)
        .map_err(untraceable)
}

fn untraceable(error: TraceError) -> RequestError {
    match error {
        TraceError::State(error) => error.into(),
        other => RequestError::Refused(other.to_string()),
    }
}

/// Returns the number of the block whose state a block was executed on.
fn parent_of(block: &SealedHeader) -> Result<u64, RequestError> {
    let genesis = || RequestError::Refused("genesis is not traceable".to_owned());
    block.number.checked_sub(1).ok_or_else(genesis)
}

fn trace_block_by_number(api: &Api, params: &mut Params) -> Answer {
    let block = params.numbered()?;
    trace_block(api, block, params)
}

fn trace_block_by_hash(api: &Api, params: &mut Params) -> Answer {
    let block = params.named()?;
    trace_block(api, block, params)
}

fn trace_block(api: &Api, block: BlockRef, params: &mut Params) -> Answer {
    let options = options(params)?;
    let view = api.view()?.until(params.deadline());
    let block = &view.find(block)?;
    let transactions = view.transactions(block)?.ok_or(RequestError::UnknownBlock)?;
    let context = view.chain().block_context(block.number)?.ok_or(RequestError::UnknownBlock)?;
    let state = view.state(parent_of(block)?)?;
    let traces = api
        .node
        .evm()
        .trace_block(&context.context(), &transactions, &state, &options.tracer)
        .map_err(untraceable)?;
    let traced = |(transaction, result): (&RecoveredTransaction, Value)| TracedTransaction {
        tx_hash: hash(transaction.hash().0),
        result,
    };
    answer(&transactions.iter().zip(traces).map(traced).collect::<Vec<_>>())
}

fn trace_call(api: &Api, params: &mut Params) -> Answer {
    let call: RpcCall = params.required("transaction")?;
    let block: BlockRef = params.optional("block")?.unwrap_or_default();
    let options = options(params)?;
    let view = api.view()?.until(params.deadline());
    let prepared = Prepared::new(call, block, options.state.clone(), options.block);
    let trace = prepared.run(api, &view, |context, request, scene| {
        api.node
            .evm()
            .trace_call(context, request, scene.state, scene.overrides, &options.tracer)
            .map_err(untraceable)
    })?;
    answer(&trace)
}

fn raw_header(api: &Api, params: &mut Params) -> Answer {
    let block: BlockRef = params.required("block")?;
    let block = api.view()?.find(block)?;
    answer(&prefixed(&rlp::encode(&*block.header)))
}

fn raw_receipts(api: &Api, params: &mut Params) -> Answer {
    let block: BlockRef = params.required("block")?;
    let view = api.view()?;
    let receipts = view.receipts(&view.find(block)?)?.unwrap_or_default();
    answer(&receipts.iter().map(|receipt| prefixed(&receipt.encode())).collect::<Vec<_>>())
}

fn raw_transaction(api: &Api, params: &mut Params) -> Answer {
    let hash = TxHash(params.required::<H256>("transactionHash")?);
    let mined = api.view()?.transaction(&hash)?;
    answer(&mined.map(|mined| prefixed(&mined.transaction.encode())))
}
