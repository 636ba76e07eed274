//! A block in execution: its start, its transactions one by one, its end.

use mbt_account::{InvalidTransaction, Receipt, RecoveredTransaction};
use mbt_consensus::{BlockContext, Candidates, Execute, ExecuteError, Execution, FilledBlock};
use mbt_crypto::{H256, U256};
use mbt_trie::{StateError, StateView};

use crate::{
    Evm, FeePolicy, FeeSplit,
    journal::Journal,
    system,
    transaction::{self, Fees, Message, Outcome, TOTAL_BURNED_SLOT},
};

/// Gas below which no transaction fits a block.
const TRANSACTION_GAS_MIN: u64 = 21_000;

/// Why a transaction was not executed.
#[derive(Debug)]
pub(crate) enum NotExecuted {
    Invalid(InvalidTransaction),
    State(StateError),
}

/// A block in execution.
pub(crate) struct BlockRun<'a> {
    policy: FeePolicy,
    pub(crate) journal: Journal<'a>,
    receipts: Vec<Receipt>,
    gas_used: u64,
    fees: Fees,
}

impl<'a> BlockRun<'a> {
    /// Opens the block: the parent's id enters the history (EIP-2935).
    pub(crate) fn open(
        evm: &'a Evm,
        block: &BlockContext<'a>,
        state: &'a dyn StateView,
    ) -> Result<Self, StateError> {
        let mut journal = Journal::new(evm, block, state);
        if let Some(parent) = block.number.checked_sub(1)
            && evm.fee_policy() == FeePolicy::Mbt
            && journal.has_code(system::HISTORY_STORAGE)
        {
            let slot = H256::from_low_u64_be(parent % system::HISTORY_SERVE_WINDOW);
            let id = U256::from_big_endian(block.parent.as_bytes());
            journal.set_slot(system::HISTORY_STORAGE, slot, id);
            journal.finish_transaction();
        }
        journal.check()?;
        let fees = Fees::default();
        Ok(Self { policy: evm.fee_policy(), journal, receipts: Vec::new(), gas_used: 0, fees })
    }

    fn gas_left(&self) -> u64 {
        self.journal.block.gas_limit.saturating_sub(self.gas_used)
    }

    /// Executes the next transaction. One that is not valid changes nothing.
    pub(crate) fn execute(
        &mut self,
        transaction: &RecoveredTransaction,
    ) -> Result<Outcome, NotExecuted> {
        let outcome = self.execute_open(transaction)?;
        self.close(transaction, &outcome);
        Ok(outcome)
    }

    /// Executes the next transaction and leaves it open, for a tracer to look around.
    pub(crate) fn execute_open(
        &mut self,
        transaction: &RecoveredTransaction,
    ) -> Result<Outcome, NotExecuted> {
        let checked = Message::of(transaction, &self.journal, self.gas_left());
        self.journal.check().map_err(NotExecuted::State)?;
        let message = checked.map_err(NotExecuted::Invalid)?;
        let outcome = transaction::execute(&message, &mut self.journal);
        self.journal.check().map_err(NotExecuted::State)?;
        let outcome = outcome.map_err(NotExecuted::Invalid)?;
        self.fees.collect(&message, outcome.gas_used, self.policy, &mut self.journal);
        Ok(outcome)
    }

    /// Ends the transaction that was executed last.
    pub(crate) fn close(&mut self, transaction: &RecoveredTransaction, outcome: &Outcome) {
        let logs = self.journal.finish_transaction();
        self.gas_used = self.gas_used.saturating_add(outcome.gas_used);
        let succeeded = outcome.result.is_ok();
        let receipt = Receipt::new(transaction.tx_type(), succeeded, self.gas_used, logs);
        self.receipts.push(receipt);
    }

    /// Pays the fees out and returns what the block changed.
    pub(crate) fn finish(mut self) -> Result<Execution, StateError> {
        if self.policy == FeePolicy::Mbt {
            self.pay_fees();
        }
        self.journal.check()?;
        Ok(Execution {
            diff: self.journal.into_diff(),
            receipts: self.receipts,
            gas_used: self.gas_used,
        })
    }

    fn pay_fees(&mut self) {
        // All fees are coin that accounts held: their sum fits.
        let split = FeeSplit::of(self.fees.tips, self.fees.base).unwrap_or_default();
        let journal = &mut self.journal;
        journal.credit(journal.block.beneficiary, split.miner);
        journal.credit(system::COMMUNITY_POOL, split.pool);
        let destroyed = journal.take_burned();
        let burned = split.burned.saturating_add(destroyed);
        if !burned.is_zero() {
            if journal.nonce(system::COMMUNITY_POOL) == 0 {
                // Storage of an account that counts as empty would be lost with it.
                journal.set_nonce(system::COMMUNITY_POOL, 1);
            }
            let total = journal.storage(system::COMMUNITY_POOL, TOTAL_BURNED_SLOT);
            let total = total.saturating_add(burned);
            journal.set_slot(system::COMMUNITY_POOL, TOTAL_BURNED_SLOT, total);
        }
        journal.finish_transaction();
    }
}

impl Execute for Evm {
    fn execute(
        &self,
        block: &BlockContext<'_>,
        transactions: &[RecoveredTransaction],
        state: &dyn StateView,
    ) -> Result<Execution, ExecuteError> {
        let mut run = BlockRun::open(self, block, state)?;
        run.receipts.reserve(transactions.len());
        for (index, transaction) in transactions.iter().enumerate() {
            run.execute(transaction).map_err(|error| match error {
                NotExecuted::Invalid(reason) => ExecuteError::InvalidTransaction { index, reason },
                NotExecuted::State(error) => error.into(),
            })?;
        }
        Ok(run.finish()?)
    }

    fn fill(
        &self,
        block: &BlockContext<'_>,
        candidates: &mut dyn Candidates,
        state: &dyn StateView,
    ) -> Result<FilledBlock, ExecuteError> {
        let mut run = BlockRun::open(self, block, state)?;
        let mut transactions = Vec::new();
        while run.gas_left() >= TRANSACTION_GAS_MIN {
            let Some(transaction) = candidates.next() else { break };
            match run.execute(&transaction) {
                Ok(_) => transactions.push(transaction),
                Err(NotExecuted::Invalid(reason)) => candidates.reject(&transaction, reason),
                Err(NotExecuted::State(error)) => return Err(error.into()),
            }
        }
        Ok(FilledBlock { transactions, execution: run.finish()? })
    }
}
