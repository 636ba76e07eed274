//! The seam between the chain and the machine that executes its blocks.

use mbt_account::{Best, InvalidTransaction, Receipt, RecoveredTransaction};
use mbt_crypto::{Address, H256, U256};
use mbt_trie::{StateDiff, StateError, StateView, StoreError};

use crate::{BlockId, Header, rules::prev_randao};

/// Ids of the blocks before one, for `BLOCKHASH`.
pub trait Ancestors {
    /// Returns the id of an ancestor; none when `number` is not below the block's.
    ///
    /// # Errors
    /// [`StoreError`].
    fn id(&self, number: u64) -> Result<Option<BlockId>, StoreError>;
}

/// What a block gives its transactions to see.
#[derive(Clone, Copy)]
pub struct BlockContext<'a> {
    /// The chain.
    pub chain_id: u64,
    /// The block's parent.
    pub parent: BlockId,
    /// The block's number.
    pub number: u64,
    /// Seconds since 1970.
    pub timestamp: u64,
    /// Who is paid the tips.
    pub beneficiary: Address,
    /// Most gas the block may use.
    pub gas_limit: u64,
    /// Base fee per unit of gas.
    pub base_fee: U256,
    /// PREVRANDAO.
    pub prev_randao: H256,
    /// Ids of earlier blocks.
    pub ancestors: &'a dyn Ancestors,
}

impl<'a> BlockContext<'a> {
    /// Returns the context of the block with this header.
    #[must_use]
    pub fn new(chain_id: u64, header: &Header, ancestors: &'a dyn Ancestors) -> Self {
        Self {
            chain_id,
            parent: header.parent_hash,
            number: header.number,
            timestamp: header.timestamp,
            beneficiary: header.miner,
            gas_limit: header.gas_limit,
            base_fee: header.base_fee,
            prev_randao: prev_randao(header.parent_hash),
            ancestors,
        }
    }
}

impl core::fmt::Debug for BlockContext<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("BlockContext")
            .field("number", &self.number)
            .field("parent", &self.parent)
            .finish_non_exhaustive()
    }
}

/// What executing a block's transactions gave.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Execution {
    /// What changed.
    pub diff: StateDiff,
    /// One for each transaction.
    pub receipts: Vec<Receipt>,
    /// Gas used by all of them.
    pub gas_used: u64,
}

/// Transactions chosen for a block, and what executing them gave.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FilledBlock {
    /// In the order of execution.
    pub transactions: Vec<RecoveredTransaction>,
    /// Their execution.
    pub execution: Execution,
}

/// Why a block cannot be executed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecuteError {
    /// The block is at fault: this transaction may not stand in it.
    #[error("transaction {index}: {reason}")]
    InvalidTransaction {
        /// Its place in the block.
        index: usize,
        /// Why not.
        reason: InvalidTransaction,
    },
    /// This node is at fault: its state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
}

/// A source of transactions for a block that is being built, best first.
pub trait Candidates {
    /// Returns the next transaction to try.
    fn next(&mut self) -> Option<RecoveredTransaction>;

    /// Says that the last one was not taken: its sender's later ones are not to be offered.
    fn reject(&mut self, transaction: &RecoveredTransaction, reason: InvalidTransaction);
}

impl Candidates for Best {
    fn next(&mut self) -> Option<RecoveredTransaction> {
        Iterator::next(self)
    }

    fn reject(&mut self, transaction: &RecoveredTransaction, _: InvalidTransaction) {
        Self::reject(self, transaction);
    }
}

/// A machine that executes blocks. Same inputs, same outputs.
pub trait Execute {
    /// Executes a block's transactions on the state of its parent.
    ///
    /// # Errors
    /// [`ExecuteError`].
    fn execute(
        &self,
        block: &BlockContext<'_>,
        transactions: &[RecoveredTransaction],
        state: &dyn StateView,
    ) -> Result<Execution, ExecuteError>;

    /// Fills a block with as many candidates as fit. One that may not stand in the block is
    /// rejected and leaves no trace.
    ///
    /// # Errors
    /// [`ExecuteError::State`].
    fn fill(
        &self,
        block: &BlockContext<'_>,
        candidates: &mut dyn Candidates,
        state: &dyn StateView,
    ) -> Result<FilledBlock, ExecuteError>;
}
