//! Taking blocks: onto the head, or aside until a branch is complete.

use mbt_account::RecoveredTransaction;
use mbt_trie::{Durability, KeyValueStore, Stage, StoreError, WriteBatch};

use crate::{
    Block, BlockId, Execute, HeadChange, ImportError, Imported, InvalidBlock, SealedHeader,
    body::{BODY_BYTES_MAX, EncodedBody},
    chain::{Chain, SIDE_HEADERS_MAX, build::Built, headers::Admitted},
    table,
};

impl<E: Execute, S: KeyValueStore> Chain<E, S> {
    /// Takes a block, and moves the head when a better branch is complete with it.
    ///
    /// # Errors
    /// [`ImportError`].
    pub fn import(
        &mut self,
        now: u64,
        block: Block,
        durability: Durability,
    ) -> Result<Imported, ImportError> {
        if self.tree.refused().is_some() && !self.depth_rule_binds(now) {
            self.tree.unrefuse_all();
        }
        let Block { header, transactions } = block;
        let admitted = self.admit(now, &header)?;
        let sealed = match &admitted {
            Admitted::Known(sealed) if self.has_body(sealed) => {
                let change = self.catch_up(now, durability)?;
                let moved = !change.adopted.is_empty();
                return Ok(if moved { Imported::Head(change) } else { Imported::Known });
            }
            Admitted::Known(sealed) => sealed.clone(),
            Admitted::New(new) => new.sealed.clone(),
        };
        let mut change = HeadChange::default();
        if sealed.parent_hash == self.head.id {
            self.extend(admitted, &sealed, &transactions, durability)?;
            change.adopted.push(sealed.id);
        } else {
            self.keep_aside(admitted, &sealed, &transactions, durability)?;
        }
        let advanced = self.advance(now, durability, &sealed.id, &mut change);
        self.evict();
        if change.adopted.is_empty() {
            advanced.map(|()| Imported::Side)
        } else {
            // What failed behind the new head fails again with the next block.
            Ok(Imported::Head(change))
        }
    }

    /// Executes blocks that are here and not executed: those that a crash or a store that failed
    /// left behind the head. To be called once after opening.
    ///
    /// # Errors
    /// [`ImportError::State`].
    pub fn catch_up(
        &mut self,
        now: u64,
        durability: Durability,
    ) -> Result<HeadChange, ImportError> {
        let mut change = HeadChange::default();
        let advanced = self.advance(now, durability, &BlockId::ZERO, &mut change);
        if change.adopted.is_empty() {
            advanced?;
        }
        Ok(change)
    }

    fn has_body(&self, sealed: &SealedHeader) -> bool {
        // What is in the store and no longer in the tree was executed.
        self.tree.get(&sealed.id).is_none_or(super::tree::Entry::has_body)
    }

    /// Bounds what is kept on side branches.
    pub(super) fn evict(&mut self) {
        self.garbage.extend(self.tree.evict(SIDE_HEADERS_MAX, self.config.side_body_bytes_max));
    }

    /// Starts a batch with what is to be forgotten.
    pub(super) fn new_batch(&self) -> WriteBatch {
        let mut batch = WriteBatch::new();
        self.put_garbage(&mut batch);
        batch
    }

    pub(super) fn put_garbage(&self, batch: &mut WriteBatch) {
        for block in &self.garbage {
            table::forget(batch, block.number, &block.id);
        }
    }

    pub(super) fn write(
        &mut self,
        batch: &WriteBatch,
        durability: Durability,
    ) -> Result<(), StoreError> {
        self.store.write(batch, durability)?;
        self.garbage.clear();
        Ok(())
    }

    /// Executes a block on the head and makes it the head, in one batch.
    fn extend(
        &mut self,
        admitted: Admitted,
        sealed: &SealedHeader,
        transactions: &[RecoveredTransaction],
        durability: Durability,
    ) -> Result<(), ImportError> {
        let Built { mut batch, body, receipts } = match self.take_built(sealed, transactions) {
            Some(built) => built,
            None => self.execute_on_head(sealed, transactions)?,
        };
        self.put_garbage(&mut batch);
        if let Admitted::New(new) = &admitted {
            new.put(&mut batch);
        }
        let EncodedBody { bytes, hashes, .. } = body;
        let length = bytes.len();
        table::put_body(&mut batch, sealed.number, &sealed.id, bytes, transactions);
        table::adopt(&mut batch, sealed.number, &sealed.id, &hashes, &receipts);
        self.write(&batch, durability)?;
        if let Admitted::New(new) = admitted {
            self.link(new);
        }
        self.tree.set_body(&sealed.id, length);
        self.tree.adopt(sealed);
        self.moved();
        Ok(())
    }

    fn execute_on_head(
        &mut self,
        sealed: &SealedHeader,
        transactions: &[RecoveredTransaction],
    ) -> Result<Built, ImportError> {
        let body = check_body(sealed, transactions)?;
        let store = std::sync::Arc::clone(&self.store);
        let mut stage = Stage::new(&*store);
        let head = self.head.clone();
        match self.execute(&mut stage, &head, sealed, transactions) {
            Ok(receipts) => Ok(Built { batch: stage.into_batch(), body, receipts }),
            Err(failure) => Err(self.fail(sealed, failure)),
        }
    }

    /// Keeps a block that does not extend the head.
    fn keep_aside(
        &mut self,
        admitted: Admitted,
        sealed: &SealedHeader,
        transactions: &[RecoveredTransaction],
        durability: Durability,
    ) -> Result<(), ImportError> {
        let body = check_body(sealed, transactions)?;
        let mut batch = self.new_batch();
        if let Admitted::New(new) = &admitted {
            new.put(&mut batch);
        }
        let length = body.bytes.len();
        table::put_body(&mut batch, sealed.number, &sealed.id, body.bytes, transactions);
        self.write(&batch, durability)?;
        if let Admitted::New(new) = admitted {
            self.link(new);
        }
        self.tree.set_body(&sealed.id, length);
        Ok(())
    }
}

/// Checks that a body is the one its header commits to.
fn check_body(
    sealed: &SealedHeader,
    transactions: &[RecoveredTransaction],
) -> Result<EncodedBody, InvalidBlock> {
    let body = EncodedBody::new(transactions);
    if body.bytes.len() > BODY_BYTES_MAX {
        return Err(InvalidBlock::BodyTooLong { found: body.bytes.len(), max: BODY_BYTES_MAX });
    }
    if body.root != sealed.transactions_root {
        return Err(InvalidBlock::TransactionsRoot {
            found: body.root,
            expected: sealed.transactions_root,
        });
    }
    Ok(body)
}
