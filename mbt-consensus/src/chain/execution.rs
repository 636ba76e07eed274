//! Executing a block on the state of its parent and holding it against its header.

use mbt_account::{Bloom, Receipt, RecoveredTransaction};
use mbt_trie::{KeyValueRead, KeyValueStore, Latest, Stage, StateError, StoreError};

use crate::{
    Ancestors, BlockContext, BlockId, Execute, ExecuteError, Execution, Header, InvalidBlock,
    SealedHeader,
    chain::{Chain, tree::Tree},
    table,
};

/// The ids of a block's ancestors on its own branch.
#[derive(Debug)]
pub(super) struct Ancestry<'a, R> {
    pub(super) tree: &'a Tree,
    pub(super) store: &'a R,
    /// The block whose ancestors, itself among them, are asked for.
    pub(super) tip: BlockId,
    pub(super) number: u64,
}

impl<R: KeyValueRead> Ancestry<'_, R> {
    /// Returns the id of an ancestor or of the tip.
    pub(super) fn id_at_or_below(&self, number: u64) -> Result<BlockId, StoreError> {
        self.id(number)?.ok_or(StoreError::Corrupt {
            column: table::CANONICAL,
            what: "the executed chain has a gap",
        })
    }
}

impl<R: KeyValueRead> Ancestors for Ancestry<'_, R> {
    fn id(&self, number: u64) -> Result<Option<BlockId>, StoreError> {
        if number > self.number {
            return Ok(None);
        }
        match self.tree.ancestor(&self.tip, number) {
            Some(id) => Ok(Some(id)),
            // Below the tree all branches are one: the executed chain.
            None => table::canonical(self.store, number),
        }
    }
}

/// Why a block of a branch could not be executed.
#[derive(Debug)]
pub(super) enum Failure {
    /// It is invalid.
    Invalid(InvalidBlock),
    /// The state failed.
    State(StateError),
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

impl From<ExecuteError> for Failure {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::InvalidTransaction { index, reason } => {
                Self::Invalid(InvalidBlock::Transaction { index, reason })
            }
            ExecuteError::State(error) => Self::State(error),
        }
    }
}

impl<E: Execute, S: KeyValueStore> Chain<E, S> {
    pub(super) fn ancestry(&self, tip: &SealedHeader) -> Ancestry<'_, S> {
        Ancestry { tree: &self.tree, store: &self.store, tip: tip.id, number: tip.number }
    }

    /// Executes a block, checks all that its header says of it, and commits its state to the
    /// stage. Returns the receipts' encodings.
    pub(super) fn execute(
        &mut self,
        stage: &mut Stage<'_, S>,
        parent: &SealedHeader,
        header: &Header,
        transactions: &[RecoveredTransaction],
    ) -> Result<Vec<Vec<u8>>, Failure> {
        let ancestry = self.ancestry(parent);
        let context = BlockContext::new(self.config.chain_id, header, &ancestry);
        let execution = self.executor.execute(&context, transactions, &Latest::new(&*stage))?;
        let receipts = check_execution(header, &execution).map_err(Failure::Invalid)?;
        let root = self.state.commit(stage, header.number, &execution.diff)?;
        if root != header.state_root {
            let expected = header.state_root;
            return Err(Failure::Invalid(InvalidBlock::StateRoot { found: root, expected }));
        }
        Ok(receipts)
    }
}

/// Holds gas, logs and receipts against the header, and returns the receipts' encodings.
fn check_execution(header: &Header, execution: &Execution) -> Result<Vec<Vec<u8>>, InvalidBlock> {
    if execution.gas_used != header.gas_used {
        let (found, expected) = (execution.gas_used, header.gas_used);
        return Err(InvalidBlock::GasUsed { found, expected });
    }
    if logs_bloom(&execution.receipts) != header.logs_bloom {
        return Err(InvalidBlock::LogsBloom);
    }
    let encoded: Vec<Vec<u8>> = execution.receipts.iter().map(Receipt::encode).collect();
    let found = mbt_trie::ordered_root(encoded.iter().cloned());
    if found != header.receipts_root {
        return Err(InvalidBlock::ReceiptsRoot { found, expected: header.receipts_root });
    }
    Ok(encoded)
}

/// Returns the filter over the logs of a block.
pub(super) fn logs_bloom(receipts: &[Receipt]) -> Bloom {
    let mut bloom = Bloom::ZERO;
    for receipt in receipts.iter().filter(|receipt| !receipt.logs.is_empty()) {
        bloom.accrue_bloom(&receipt.logs_bloom);
    }
    bloom
}
