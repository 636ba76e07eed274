//! Executions repeated under a tracer, in geth's shapes.

mod options;

use mbt_account::{InvalidTransaction, RecoveredTransaction};
use mbt_consensus::{BlockContext, ExecuteError};
use mbt_trie::{StateError, StateView};
use serde_json::Value;

pub use options::{
    CallTracerOptions, PrestateTracerOptions, StructLogOptions, TracerConfig, TracerError,
};

use crate::{CallRequest, Evm, StateOverrides};

/// Why there is no trace.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// The call cannot even start.
    #[error(transparent)]
    Invalid(#[from] InvalidTransaction),
    /// The block's transactions cannot be repeated on the state given.
    #[error(transparent)]
    Replay(#[from] ExecuteError),
    /// This node's state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
}

impl Evm {
    /// Traces a transaction of a block. `state` is that of the block's parent, `earlier` are the
    /// block's transactions before it.
    ///
    /// # Errors
    /// [`TraceError::Replay`] when a transaction is not valid on the state.
    pub fn trace_transaction(
        &self,
        block: &BlockContext<'_>,
        earlier: &[RecoveredTransaction],
        transaction: &RecoveredTransaction,
        state: &dyn StateView,
        tracer: &TracerConfig,
    ) -> Result<Value, TraceError> {
        todo!()
    }

    /// Traces all transactions of a block. `state` is that of the block's parent.
    ///
    /// # Errors
    /// [`TraceError::Replay`] when a transaction is not valid on the state.
    pub fn trace_block(
        &self,
        block: &BlockContext<'_>,
        transactions: &[RecoveredTransaction],
        state: &dyn StateView,
        tracer: &TracerConfig,
    ) -> Result<Vec<Value>, TraceError> {
        todo!()
    }

    /// Traces a call that nobody signed.
    ///
    /// # Errors
    /// [`TraceError::Invalid`] and [`TraceError::State`].
    pub fn trace_call(
        &self,
        block: &BlockContext<'_>,
        request: &CallRequest,
        state: &dyn StateView,
        overrides: &StateOverrides,
        tracer: &TracerConfig,
    ) -> Result<Value, TraceError> {
        todo!()
    }
}
