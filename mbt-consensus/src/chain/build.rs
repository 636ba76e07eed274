//! Building a block on the head.

use mbt_account::{InvalidTransaction, Receipt, RecoveredTransaction};
use mbt_crypto::H256;
use mbt_trie::{KeyValueStore, Latest, Stage, WriteBatch};

use crate::{
    Block, BlockContext, BuildError, BuildRequest, Candidates, Execute, ExecuteError, Execution,
    Header, SealedHeader,
    body::{BODY_BYTES_MAX, EncodedBody},
    chain::{Chain, execution::logs_bloom},
    header::EXTRA_DATA_BYTES_MAX,
    rules::{next_base_fee, next_gas_limit},
};

/// Executions kept: a miner works on the last blocks it asked for.
const BUILT_MAX: usize = 4;

/// A block that was executed on the head: its state's batch, its encodings.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) batch: WriteBatch,
    pub(super) body: EncodedBody,
    pub(super) receipts: Vec<Vec<u8>>,
}

impl<E: Execute, S: KeyValueStore> Chain<E, S> {
    /// Builds a block on the head, with nonce 0: sealing is the miner's. The execution is kept, so
    /// that importing the sealed block does not execute it again.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn build(
        &mut self,
        request: &BuildRequest,
        candidates: &mut dyn Candidates,
    ) -> Result<Block, BuildError> {
        let mut header = self.next_header(request)?;
        let store = std::sync::Arc::clone(&self.store);
        let mut stage = Stage::new(&*store);
        let ancestry = self.ancestry(&self.head);
        let context = BlockContext::new(self.config.chain_id, &header, &ancestry);
        let mut bounded = Bounded { candidates, left: BODY_BYTES_MAX - LIST_HEADER_BYTES, last: 0 };
        let filled = self.executor.fill(&context, &mut bounded, &Latest::new(&stage))?;
        let Execution { diff, receipts, gas_used } = filled.execution;
        header.state_root = self.state.commit(&mut stage, header.number, &diff)?;
        header.gas_used = gas_used;
        header.logs_bloom = logs_bloom(&receipts);
        let receipts: Vec<Vec<u8>> = receipts.iter().map(Receipt::encode).collect();
        header.receipts_root = mbt_trie::ordered_root(receipts.iter().cloned());
        let body = EncodedBody::new(&filled.transactions);
        header.transactions_root = body.root;
        if self.built.len() == BUILT_MAX {
            self.built.pop_front();
        }
        let built = Built { batch: stage.into_batch(), body, receipts };
        self.built.push_back((header.seal_hash(), built));
        Ok(Block { header, transactions: filled.transactions })
    }

    fn next_header(&mut self, request: &BuildRequest) -> Result<Header, BuildError> {
        if request.lot.is_some() {
            return Err(BuildError::LotsNotActive);
        }
        if request.extra_data.len() > EXTRA_DATA_BYTES_MAX {
            return Err(BuildError::ExtraData {
                found: request.extra_data.len(),
                max: EXTRA_DATA_BYTES_MAX,
            });
        }
        let target = self.target_behind(&self.head);
        let range = self.ranges.up_to(&self.tree, &*self.store, &self.head)?;
        let head = &self.head;
        Ok(Header {
            parent_hash: head.id,
            number: head.number.saturating_add(1),
            timestamp: request.timestamp.max(head.timestamp),
            miner: request.miner,
            target,
            gas_limit: next_gas_limit(head.gas_limit, self.config.gas_limit_target),
            base_fee: next_base_fee(head),
            extra_data: request.extra_data.clone(),
            ancestors_root: range.root()?,
            ..Header::default()
        })
    }

    /// Returns the execution of a block that was built here on the head.
    pub(super) fn take_built(
        &mut self,
        sealed: &SealedHeader,
        transactions: &[RecoveredTransaction],
    ) -> Option<Built> {
        if self.built.is_empty() {
            return None;
        }
        let seal_hash: H256 = sealed.seal_hash();
        let place = self.built.iter().position(|(hash, _)| *hash == seal_hash)?;
        let (_, built) = self.built.get(place)?;
        let same = built.body.hashes.iter().copied().eq(transactions.iter().map(|t| t.hash()));
        if same { self.built.remove(place).map(|(_, built)| built) } else { None }
    }
}

/// Most bytes of the header of an RLP list.
const LIST_HEADER_BYTES: usize = 9;

/// Candidates that fit into a body.
struct Bounded<'a> {
    candidates: &'a mut dyn Candidates,
    left: usize,
    last: usize,
}

impl Candidates for Bounded<'_> {
    fn next(&mut self) -> Option<RecoveredTransaction> {
        loop {
            let transaction = self.candidates.next()?;
            let bytes = transaction.encode().len().saturating_add(LIST_HEADER_BYTES);
            if let Some(left) = self.left.checked_sub(bytes) {
                self.left = left;
                self.last = bytes;
                return Some(transaction);
            }
            self.candidates.reject(&transaction, InvalidTransaction::BlockFull);
        }
    }

    fn reject(&mut self, transaction: &RecoveredTransaction, reason: InvalidTransaction) {
        self.left = self.left.saturating_add(std::mem::take(&mut self.last));
        self.candidates.reject(transaction, reason);
    }
}

impl From<ExecuteError> for BuildError {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::InvalidTransaction { index, reason } => {
                Self::Transaction { index, reason }
            }
            ExecuteError::State(error) => Self::State(error),
        }
    }
}
