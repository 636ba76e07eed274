//! Calls that nobody signed: what RPC asks of the machine.

use mbt_account::{AccessListItem, InvalidTransaction, Kind, Log, Transaction};
use mbt_consensus::BlockContext;
use mbt_crypto::{Address, U256};
use mbt_trie::{StateError, StateView};

use crate::{Evm, Halt, StateOverrides};

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
        let dynamic = matches!(transaction.kind, Kind::DynamicFee { .. });
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
        todo!()
    }
}
