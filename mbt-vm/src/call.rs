//! Calls that nobody signed: what RPC asks of the machine.

use mbt_account::{AccessListItem, InvalidTransaction, Log, Transaction};
use mbt_consensus::BlockContext;
use mbt_crypto::{Address, U256};
use mbt_trie::{StateError, StateView};

use crate::{
    Evm, Halt, StateOverrides, TraceError,
    journal::Journal,
    overrides::Overlaid,
    transaction::{self, Message, Outcome, check_init_code},
};

/// A message to execute without a signature. Absent fields are chosen for the caller.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CallRequest {
    /// The caller.
    pub from: Address,
    /// The account called; none creates a contract.
    pub to: Option<Address>,
    /// Most gas. It may be above the block's limit.
    pub gas_limit: u64,
    /// Price of gas, before EIP-1559.
    pub gas_price: Option<U256>,
    /// Most that is paid for a unit of gas.
    pub max_fee_per_gas: Option<U256>,
    /// Most that goes to the miner for a unit of gas.
    pub max_priority_fee_per_gas: Option<U256>,
    /// Coin moved.
    pub value: U256,
    /// The caller's nonce, used for the address of a contract created; the account's when absent.
    pub nonce: Option<u64>,
    /// Call data or init code.
    pub input: Vec<u8>,
    /// Declared accesses.
    pub access_list: Vec<AccessListItem>,
}

/// How a call ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CallResult {
    /// Without failure.
    Success,
    /// By `REVERT`: the output says why.
    Reverted,
    /// By an exception that took all gas.
    Halted(Halt),
}

/// What a call gave. The state was not changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallOutcome {
    /// How it ended.
    pub result: CallResult,
    /// Gas used, refunds taken off.
    pub gas_used: u64,
    /// Data returned, or the reason of a revert; the deployed code for a creation.
    pub output: Vec<u8>,
    /// Events, if it succeeded.
    pub logs: Vec<Log>,
    /// The contract created, if it was a creation.
    pub created: Option<Address>,
}

/// The accesses of a call and what it uses with them declared.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccessListOutcome {
    /// Accounts and slots, in order.
    pub access_list: Vec<AccessListItem>,
    /// Gas used with the list declared.
    pub gas_used: u64,
    /// What went wrong with the list declared, if it failed.
    pub error: Option<String>,
}

/// Why a call has no outcome.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// It could not even start.
    #[error(transparent)]
    Invalid(#[from] InvalidTransaction),
    /// The estimate found that it reverts, with this output.
    #[error("execution reverted")]
    Reverted {
        /// What `REVERT` returned.
        output: Vec<u8>,
    },
    /// The estimate found that it fails whatever the gas.
    #[error("{0}")]
    Halted(Halt),
    /// The estimate found that it needs more gas than the caller may use or pay.
    #[error("gas required exceeds allowance ({allowance})")]
    AllowanceTooLow {
        /// Most gas that was tried.
        allowance: u64,
    },
    /// This node's state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
}

impl CallRequest {
    /// Returns the request that repeats a transaction.
    #[must_use]
    pub fn from_transaction(from: Address, transaction: &Transaction) -> Self {
        let dynamic = transaction.has_dynamic_fee();
        let price = transaction.max_fee_per_gas();
        Self {
            from,
            to: transaction.to,
            gas_limit: transaction.gas_limit,
            gas_price: (!dynamic).then_some(price),
            max_fee_per_gas: dynamic.then_some(price),
            max_priority_fee_per_gas: dynamic.then(|| transaction.max_priority_fee_per_gas()),
            value: transaction.value,
            nonce: Some(transaction.nonce),
            input: transaction.input.clone(),
            access_list: transaction.access_list().to_vec(),
        }
    }
}

impl Evm {
    /// Executes a call in a block's context on a state, and forgets what it changed.
    ///
    /// Without a price the base fee counts as zero, as in geth.
    ///
    /// # Errors
    /// [`CallError::Invalid`] and [`CallError::State`]; a revert is an outcome.
    pub fn call(
        &self,
        block: &BlockContext<'_>,
        request: &CallRequest,
        state: &dyn StateView,
        overrides: &StateOverrides,
    ) -> Result<CallOutcome, CallError> {
        let scene = Scene::new(self, block, request, state, overrides)?;
        let mut journal = scene.journal();
        let message = scene.message(&journal, request.gas_limit)?;
        let outcome = scene.execute(&message, &mut journal)?;
        let logs = journal.finish_transaction();
        journal.check()?;
        Ok(CallOutcome {
            result: CallResult::of(&outcome),
            gas_used: outcome.gas_used,
            output: outcome.output,
            logs,
            created: outcome.created,
        })
    }
}

impl CallResult {
    pub(crate) fn of(outcome: &Outcome) -> Self {
        match &outcome.result {
            Ok(_) => Self::Success,
            Err(error) => Halt::of(error).map_or(Self::Reverted, Self::Halted),
        }
    }
}

/// A call, the block and the state that it sees.
pub(crate) struct Scene<'a> {
    evm: &'a Evm,
    block: BlockContext<'a>,
    request: &'a CallRequest,
    state: Overlaid<'a>,
    cap: U256,
    tip: U256,
}

impl<'a> Scene<'a> {
    /// # Errors
    /// When the fees contradict each other or the block.
    pub(crate) fn new(
        evm: &'a Evm,
        block: &BlockContext<'a>,
        request: &'a CallRequest,
        state: &'a dyn StateView,
        overrides: &'a StateOverrides,
    ) -> Result<Self, InvalidTransaction> {
        let mut block = *block;
        let cap = request.gas_price.or(request.max_fee_per_gas).unwrap_or_default();
        let tip = request.gas_price.or(request.max_priority_fee_per_gas).unwrap_or_default();
        if tip > cap {
            return Err(InvalidTransaction::TipAboveFeeCap { tip, cap });
        }
        if cap.is_zero() {
            block.base_fee = U256::zero();
        }
        let left = cap.checked_sub(block.base_fee);
        let left =
            left.ok_or(InvalidTransaction::FeeCapTooLow { cap, base_fee: block.base_fee })?;
        let state = Overlaid::new(state, overrides);
        Ok(Self { evm, block, request, state, cap, tip: tip.min(left) })
    }

    pub(crate) fn journal(&'a self) -> Journal<'a> {
        Journal::new(self.evm, &self.block, &self.state)
    }

    pub(crate) const fn price_cap(&self) -> U256 {
        self.cap
    }

    /// Returns the message with a gas limit.
    ///
    /// # Errors
    /// When the caller cannot pay for it, or its init code is too long.
    pub(crate) fn message(
        &self,
        journal: &Journal<'_>,
        gas_limit: u64,
    ) -> Result<Message<'a>, InvalidTransaction> {
        let request = self.request;
        let balance = journal.balance(request.from);
        let fee = self.cap.checked_mul(gas_limit.into());
        match fee.and_then(|fee| fee.checked_add(request.value)) {
            Some(cost) if cost <= balance => {}
            cost => {
                let cost = cost.unwrap_or(U256::MAX);
                return Err(InvalidTransaction::InsufficientFunds { balance, cost });
            }
        }
        check_init_code(request.to.is_none(), request.input.len(), journal.fork)?;
        Ok(Message {
            from: request.from,
            to: request.to,
            nonce: request.nonce.unwrap_or_else(|| journal.nonce(request.from)),
            gas_limit,
            gas_price: self.block.base_fee.saturating_add(self.tip),
            tip: self.tip,
            value: request.value,
            input: &request.input,
            access_list: &request.access_list,
        })
    }

    /// Executes the message; what it changed stays in the journal.
    pub(crate) fn execute(
        &self,
        message: &Message<'_>,
        journal: &mut Journal<'_>,
    ) -> Result<Outcome, ExecuteCallError> {
        let outcome = transaction::execute(message, journal);
        journal.check().map_err(ExecuteCallError::State)?;
        outcome.map_err(ExecuteCallError::Invalid)
    }
}

/// Why a message of a call was not executed.
#[derive(Debug)]
pub(crate) enum ExecuteCallError {
    Invalid(InvalidTransaction),
    State(StateError),
}

impl From<ExecuteCallError> for CallError {
    fn from(error: ExecuteCallError) -> Self {
        match error {
            ExecuteCallError::Invalid(error) => error.into(),
            ExecuteCallError::State(error) => error.into(),
        }
    }
}

impl From<ExecuteCallError> for TraceError {
    fn from(error: ExecuteCallError) -> Self {
        match error {
            ExecuteCallError::Invalid(error) => error.into(),
            ExecuteCallError::State(error) => error.into(),
        }
    }
}
