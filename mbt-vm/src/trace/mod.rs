//! Executions repeated under a tracer, in geth's shapes.

mod access;
mod call;
mod inspector;
mod opcode;
mod options;
mod prestate;
mod structs;

use mbt_account::{InvalidTransaction, RecoveredTransaction};
use mbt_consensus::{BlockContext, ExecuteError};
use mbt_crypto::Address;
use mbt_trie::{StateError, StateView};
use serde_json::Value;

pub use options::{
    CallTracerOptions, PrestateTracerOptions, StructLogOptions, TracerConfig, TracerError,
};

pub(crate) use self::inspector::{CallKind, Entered, Inspector, Step};
use self::{call::CallTree, prestate::Prestate, structs::StepLog};
use crate::{
    CallRequest, Evm, StateOverrides,
    call::Scene,
    journal::Journal,
    process::{BlockRun, NotExecuted},
    transaction::Outcome,
};

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
        let mut run = BlockRun::open(self, block, state)?;
        for (index, earlier) in earlier.iter().enumerate() {
            run.execute(earlier).map_err(|error| not_executed(index, error))?;
        }
        trace_next(&mut run, earlier.len(), transaction, *tracer)
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
        let mut run = BlockRun::open(self, block, state)?;
        let trace = |(index, transaction)| trace_next(&mut run, index, transaction, *tracer);
        transactions.iter().enumerate().map(trace).collect()
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
        let scene = Scene::new(self, block, request, state, overrides)?;
        let mut journal = scene.journal();
        let message = scene.message(&journal, request.gas_limit)?;
        journal.inspector = tracer.inspector();
        let outcome = scene.execute(&message, &mut journal)?;
        let target = message.to.or(outcome.created);
        let ended = Ended { from: message.from, target, gas_limit: message.gas_limit };
        let open = OpenTrace::take(*tracer, &ended, &mut journal);
        journal.finish_transaction();
        journal.check()?;
        Ok(open.into_json(&outcome, &journal))
    }
}

fn not_executed(index: usize, error: NotExecuted) -> TraceError {
    match error {
        NotExecuted::Invalid(reason) => ExecuteError::InvalidTransaction { index, reason }.into(),
        NotExecuted::State(error) => error.into(),
    }
}

fn trace_next(
    run: &mut BlockRun<'_>,
    index: usize,
    transaction: &RecoveredTransaction,
    tracer: TracerConfig,
) -> Result<Value, TraceError> {
    run.journal.inspector = tracer.inspector();
    let outcome = run.execute_open(transaction).map_err(|error| not_executed(index, error))?;
    let target = transaction.to.or(outcome.created);
    let ended = Ended { from: transaction.sender(), target, gas_limit: transaction.gas_limit };
    let open = OpenTrace::take(tracer, &ended, &mut run.journal);
    run.close(transaction, &outcome);
    run.journal.check()?;
    Ok(open.into_json(&outcome, &run.journal))
}

/// What a trace needs to know of its message.
struct Ended {
    from: Address,
    target: Option<Address>,
    gas_limit: u64,
}

/// A trace whose transaction ran and is not yet closed.
enum OpenTrace {
    Steps(Box<StepLog>),
    Calls(Box<CallTree>, u64),
    Prestate(Prestate),
    Nothing,
}

impl TracerConfig {
    fn inspector(&self) -> Inspector {
        match *self {
            Self::StructLogs(options) => Inspector::Steps(Box::new(StepLog::new(options))),
            Self::Call(options) => Inspector::Calls(Box::new(CallTree::new(options))),
            Self::Prestate(_) => Inspector::Accesses(Box::default()),
        }
    }
}

impl OpenTrace {
    fn take(tracer: TracerConfig, ended: &Ended, journal: &mut Journal<'_>) -> Self {
        match (core::mem::take(&mut journal.inspector), tracer) {
            (Inspector::Steps(log), _) => Self::Steps(log),
            (Inspector::Calls(tree), _) => Self::Calls(tree, ended.gas_limit),
            (Inspector::Accesses(accesses), TracerConfig::Prestate(options)) => {
                let mut always = vec![ended.from, journal.block.beneficiary];
                always.extend(ended.target);
                Self::Prestate(Prestate::of(options, *accesses, &always, journal))
            }
            _ => Self::Nothing,
        }
    }

    fn into_json(self, outcome: &Outcome, journal: &Journal<'_>) -> Value {
        match self {
            Self::Steps(log) => {
                log.into_json(outcome.gas_used, outcome.result.is_err(), &outcome.output)
            }
            Self::Calls(tree, gas_limit) => tree.into_json(gas_limit, outcome.gas_used),
            Self::Prestate(prestate) => prestate.into_json(journal),
            Self::Nothing => Value::Null,
        }
    }
}
