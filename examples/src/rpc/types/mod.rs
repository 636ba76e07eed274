//! What JSON-RPC carries: Ethereum's encodings, objects read from parameters, objects answered.

pub(crate) mod block;
pub(crate) mod block_ref;
pub(crate) mod call;
pub(crate) mod hex;
pub(crate) mod log_filter;
pub(crate) mod overrides;
pub(crate) mod param;
pub(crate) mod receipt;
pub(crate) mod transaction;
