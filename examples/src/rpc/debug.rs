//! `debug_*`: executions repeated under a tracer.

use mbt_account::TxHash;
use mbt_consensus::{BlockId, SealedHeader};
use mbt_crypto::H256;
use mbt_vm::TracerConfig;
use serde::Serialize;
use serde_json::{Value, value::RawValue};

use super::{
    api::Api,
    error::RequestError,
    eth::execution::{Prepared, refused},
    method::{Answer, Method, answer},
    params::Params,
    types::{
        block_ref::{BlockRef, BlockTag},
        call::RpcCall,
        hex::{Data, hash, prefixed},
        overrides::{RpcBlockOverrides, RpcStateOverrides},
        param::{Fields, Param, ParamError, wrong_type},
    },
    view::View,
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
    state: RpcStateOverrides,
    block: RpcBlockOverrides,
}

impl Param for TraceOptions {
    fn read(value: &Value) -> Result<Self, ParamError> {
        let fields = Fields::of(value)?;
        Ok(Self {
            tracer: tracer(value, &fields)?,
            state: fields.optional("stateOverrides")?.unwrap_or_default(),
            block: fields.optional("blockOverrides")?.unwrap_or_default(),
        })
    }
}
