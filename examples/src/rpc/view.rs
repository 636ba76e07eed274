//! A consistent view of the chain for one request.

use mbt_account::{Receipt, RecoveredTransaction, TxHash};
use mbt_consensus::{BlockId, ChainSnapshot, PlacedReceipt, SealedHeader, prev_randao};
use mbt_trie::{KeyValueStore, StateView};

use super::{
    deadline::{Deadline, Timely},
    error::RequestError,
    types::{
        block::Derived,
        block_ref::{BlockRef, BlockTag},
        receipt::{Before, RpcReceipt},
        transaction::Place,
    },
};
use crate::node::{NodeHandle, NodeStore};

/// The chain's snapshot over the node's store.
pub(crate) type Snapshot = ChainSnapshot<<NodeStore as KeyValueStore>::Snapshot>;

/// The chain at one moment.
#[derive(Debug)]
pub(crate) struct View {
    snapshot: Snapshot,
    deadline: Deadline,
}

/// A transaction in its block.
#[derive(Debug)]
pub(crate) struct Mined {
    /// The block.
    pub(crate) block: SealedHeader,
    /// The transaction.
    pub(crate) transaction: RecoveredTransaction,
    /// Its place in the block.
    pub(crate) index: usize,
}

impl Mined {
    /// Returns the transaction's place.
    pub(crate) fn place(&self) -> Place {
        place(&self.block, self.index)
    }
}

/// Returns where a block's transaction at `index` stands.
pub(crate) fn place(block: &SealedHeader, index: usize) -> Place {
    Place {
        block: block.id,
        number: block.number,
        timestamp: block.timestamp,
        index,
        base_fee: block.base_fee,
    }
}

impl View {
    /// Takes a snapshot.
    pub(crate) fn new(node: &NodeHandle) -> Result<Self, RequestError> {
        Ok(Self { snapshot: node.reader().snapshot()?, deadline: Deadline::NEVER })
    }

    /// Lets executions on this view end soon after a deadline.
    pub(crate) fn until(self, deadline: Deadline) -> Self {
        Self { deadline, ..self }
    }

    /// Returns the head.
    pub(crate) const fn head(&self) -> &SealedHeader {
        self.snapshot.head()
    }

    /// Returns the chain's snapshot.
    pub(crate) const fn chain(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Returns the number that a tag stands for; `pending` is the head's.
    pub(crate) fn number_of(&self, tag: BlockTag) -> u64 {
        match tag {
            BlockTag::Earliest => 0,
            BlockTag::Finalized => self.snapshot.finalized(),
            BlockTag::Safe => self.snapshot.safe(),
            BlockTag::Latest | BlockTag::Pending => self.head().number,
            BlockTag::Number(number) => number,
        }
    }

    /// Returns the canonical block at a tag; none above the head.
    pub(crate) fn at(&self, tag: BlockTag) -> Result<Option<SealedHeader>, RequestError> {
        self.at_number(self.number_of(tag))
    }

    /// Returns the canonical block of a number; none above the head.
    pub(crate) fn at_number(&self, number: u64) -> Result<Option<SealedHeader>, RequestError> {
        Ok(self.snapshot.header_at(number)?)
    }

    /// Returns a block by name, on whatever branch.
    pub(crate) fn named(&self, id: &BlockId) -> Result<Option<SealedHeader>, RequestError> {
        Ok(self.snapshot.header(id)?)
    }

    /// Tells whether a block is on the head's branch.
    pub(crate) fn is_canonical(&self, block: &SealedHeader) -> Result<bool, RequestError> {
        Ok(self.snapshot.id_at(block.number)? == Some(block.id))
    }

    /// Returns the block whose state or content is asked for; it is on the head's branch.
    pub(crate) fn find(&self, block: BlockRef) -> Result<SealedHeader, RequestError> {
        match block {
            BlockRef::Tag(tag) => self.at(tag)?.ok_or(RequestError::UnknownBlock),
            BlockRef::Id { id, .. } => {
                let found = self.named(&id)?.ok_or(RequestError::UnknownBlock)?;
                if self.is_canonical(&found)? { Ok(found) } else { Err(RequestError::NotCanonical) }
            }
        }
    }

    /// Returns the block for methods that answer null when there is none.
    pub(crate) fn lookup(&self, block: BlockRef) -> Result<Option<SealedHeader>, RequestError> {
        match block {
            BlockRef::Tag(tag) => self.at(tag),
            BlockRef::Id { id, canonical } => match self.named(&id)? {
                Some(found) if canonical && !self.is_canonical(&found)? => {
                    Err(RequestError::NotCanonical)
                }
                found => Ok(found),
            },
        }
    }

    /// Returns a block's transactions; none when its body is not here.
    pub(crate) fn transactions(
        &self,
        block: &SealedHeader,
    ) -> Result<Option<Vec<RecoveredTransaction>>, RequestError> {
        Ok(self.snapshot.block(&block.id)?.map(|block| block.transactions))
    }

    /// Returns a block's receipts; none when it was not executed.
    pub(crate) fn receipts(
        &self,
        block: &SealedHeader,
    ) -> Result<Option<Vec<Receipt>>, RequestError> {
        self.deadline.check()?;
        Ok(self.snapshot.receipts(&block.id)?)
    }

    /// Returns a block's receipts as JSON-RPC shows them.
    pub(crate) fn shown_receipts(
        &self,
        block: &SealedHeader,
    ) -> Result<Option<Vec<RpcReceipt>>, RequestError> {
        let (Some(transactions), Some(receipts)) =
            (self.transactions(block)?, self.receipts(block)?)
        else {
            return Ok(None);
        };
        let mut before = Before::default();
        let shown = transactions.iter().zip(&receipts).enumerate().map(|(index, (tx, receipt))| {
            let shown = RpcReceipt::new(tx, receipt, place(block, index), before);
            before = before.after(receipt);
            shown
        });
        Ok(Some(shown.collect()))
    }

    /// Returns the state after a block of the head's branch.
    pub(crate) fn state(&self, number: u64) -> Result<impl StateView + '_, RequestError> {
        Ok(Timely::new(self.snapshot.state_at(number)?, self.deadline))
    }

    /// Returns a mined transaction and its place.
    pub(crate) fn transaction(&self, hash: &TxHash) -> Result<Option<Mined>, RequestError> {
        let Some((id, _, index)) = self.snapshot.transaction(hash)? else { return Ok(None) };
        let Some(block) = self.named(&id)? else { return Ok(None) };
        let transaction = self.snapshot.transaction_at(&id, index)?;
        Ok(transaction.map(|transaction| Mined { block, transaction, index }))
    }

    /// Returns a mined transaction's receipt, and what its block holds before it.
    pub(crate) fn receipt(&self, mined: &Mined) -> Result<Option<PlacedReceipt>, RequestError> {
        Ok(self.snapshot.receipt_at(&mined.block.id, mined.index)?)
    }
}

/// Returns figures of a mined block that its header does not hold itself.
pub(crate) fn derived(block: &SealedHeader) -> Derived {
    Derived {
        id: Some(block.id),
        prev_randao: prev_randao(block.parent_hash),
        total_work: Some(block.total_work),
    }
}
