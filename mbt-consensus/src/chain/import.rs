//! Blocks, the choice between branches, and the move from one to another.

use mbt_account::RecoveredTransaction;
use mbt_trie::{Durability, KeyValueStore, Stage, StoreError, WriteBatch};

use crate::{
    AcceptError, Block, BlockId, Execute, HeadChange, ImportError, Imported, InvalidBlock,
    InvalidHeader, SealedHeader, SyncPhase,
    block::{BODY_BYTES_MAX, EncodedBody},
    chain::{
        Chain, SIDE_HEADERS_MAX, build::Built, execution::Failure, headers::Admitted,
        open::fork_window, tree::Route,
    },
    table,
};

/// The block at which a move from branch to branch ended, and why.
type Broken = Box<(SealedHeader, Failure)>;

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
        self.garbage.extend(self.tree.evict(SIDE_HEADERS_MAX));
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

    /// Takes a branch that the depth rule keeps out.
    ///
    /// # Errors
    /// [`AcceptError`].
    pub fn accept_reorg(&mut self, id: &BlockId) -> Result<HeadChange, AcceptError> {
        if !self.tree.is_complete(id) || self.tree.is_canonical(id) {
            return Err(AcceptError::Unknown(*id));
        }
        let route = self.tree.route_to(id).ok_or(AcceptError::Unknown(*id))?;
        let mut change = HeadChange::default();
        match self.switch(&route, Durability::Durable) {
            Ok(()) => {
                if let Some(first) = route.adopted.first() {
                    self.tree.unrefuse(&first.id);
                }
                change.follow(&route);
                Ok(change)
            }
            Err(broken) => {
                let (culprit, failure) = *broken;
                Err(self.fail(&culprit, failure).into())
            }
        }
    }

    /// Tells whether a reorganisation deeper than `max_reorg` is kept out.
    fn depth_rule_binds(&self, now: u64) -> bool {
        self.phase == SyncPhase::InSync
            && now.saturating_sub(self.head.timestamp) <= self.config.stale_tip_s()
    }

    fn has_body(&self, sealed: &SealedHeader) -> bool {
        // What is in the store and no longer in the tree was executed.
        self.tree.get(&sealed.id).is_none_or(super::tree::Entry::has_body)
    }

    /// Starts a batch with what is to be forgotten.
    pub(super) fn new_batch(&self) -> WriteBatch {
        let mut batch = WriteBatch::new();
        self.put_garbage(&mut batch);
        batch
    }

    fn put_garbage(&self, batch: &mut WriteBatch) {
        for (number, id) in &self.garbage {
            table::forget(batch, *number, id);
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
        table::put_body(&mut batch, sealed.number, &sealed.id, bytes, transactions);
        table::adopt(&mut batch, sealed.number, &sealed.id, &hashes, &receipts);
        self.write(&batch, durability)?;
        if let Admitted::New(new) = admitted {
            self.link(new);
        }
        self.tree.set_body(&sealed.id);
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
        table::put_body(&mut batch, sealed.number, &sealed.id, body.bytes, transactions);
        self.write(&batch, durability)?;
        if let Admitted::New(new) = admitted {
            self.link(new);
        }
        self.tree.set_body(&sealed.id);
        Ok(())
    }

    /// Moves the head as far as complete branches with more work allow. Fails when this node does,
    /// or when `subject` is invalid.
    fn advance(
        &mut self,
        now: u64,
        durability: Durability,
        subject: &BlockId,
        change: &mut HeadChange,
    ) -> Result<(), ImportError> {
        let mut outcome = Ok(());
        while let Some(target) = self.tree.candidate().map(|best| best.id) {
            let Some(mut route) = self.tree.route_to(&target) else { break };
            let depth = u64::try_from(route.retired.len()).unwrap_or(u64::MAX);
            if depth > self.config.max_reorg
                && self.depth_rule_binds(now)
                && let Some(first) = route.adopted.first()
            {
                self.tree.refuse(&first.id);
                continue;
            }
            if route.retired.is_empty() {
                // Nothing is undone, so each block has a batch of its own.
                route.adopted.truncate(1);
            }
            match self.switch(&route, durability) {
                Ok(()) => change.follow(&route),
                Err(broken) => {
                    let (culprit, failure) = *broken;
                    match self.fail(&culprit, failure) {
                        ImportError::State(error) => return Err(error.into()),
                        error if culprit.id == *subject => outcome = Err(error),
                        _ => {}
                    }
                }
            }
        }
        if outcome.is_ok() && self.invalid.contains(subject) {
            return Err(InvalidHeader::KnownInvalid(*subject).into());
        }
        outcome
    }

    /// Leaves the blocks of a route and executes others in their place, in one batch. On an error,
    /// which names the block that caused it, nothing changed.
    fn switch(&mut self, route: &Route, durability: Durability) -> Result<(), Broken> {
        let store = std::sync::Arc::clone(&self.store);
        let mut stage = Stage::new(&*store);
        let mut lists = WriteBatch::new();
        for block in &route.retired {
            let at = |error| Box::new((block.clone(), error));
            self.state.rollback(&mut stage, block.number).map_err(|e| at(e.into()))?;
            let transactions = self.stored_transactions(block).map_err(at)?;
            let hashes: Vec<_> = transactions.iter().map(|t| t.hash()).collect();
            table::retire(&mut lists, block.number, &hashes);
        }
        for block in &route.adopted {
            let at = |error| Box::new((block.clone(), error));
            let transactions = self.stored_transactions(block).map_err(at)?;
            let parent = self.tree.get(&block.parent_hash).map(|entry| entry.sealed.clone());
            let parent = parent.ok_or_else(|| at(missing("the parent of a block is missing")))?;
            let receipts = self.execute(&mut stage, &parent, block, &transactions).map_err(at)?;
            let hashes: Vec<_> = transactions.iter().map(|t| t.hash()).collect();
            table::adopt(&mut lists, block.number, &block.id, &hashes, &receipts);
        }
        let mut batch = stage.into_batch();
        self.put_garbage(&mut batch);
        batch.extend(lists);
        if let Err(error) = self.write(&batch, durability) {
            let block = self.head.clone();
            return Err(Box::new((block, Failure::State(error.into()))));
        }
        self.tree.follow(route);
        self.moved();
        Ok(())
    }

    fn stored_transactions(
        &self,
        block: &SealedHeader,
    ) -> Result<Vec<RecoveredTransaction>, Failure> {
        table::transactions(&*self.store, block.number, &block.id)
            .map_err(|error| Failure::State(error.into()))?
            .ok_or_else(|| missing("the body of a block is missing"))
    }

    /// Takes over the tree's head and drops what lies too far below it.
    fn moved(&mut self) {
        self.head = self.tree.head().clone();
        self.built.clear();
        let oldest = self.head.number.saturating_sub(fork_window(&self.config));
        self.garbage.extend(self.tree.prune(oldest));
    }

    /// Remembers a block that is invalid, forgets all that stands on it, and names who is at fault.
    fn fail(&mut self, culprit: &SealedHeader, failure: Failure) -> ImportError {
        match failure {
            Failure::State(error) => error.into(),
            Failure::Invalid(reason) => {
                self.invalid.insert(culprit.id);
                if self.tree.get(&culprit.id).is_some() {
                    let removed = self.tree.remove(&culprit.id);
                    for (_, id) in &removed {
                        self.invalid.insert(*id);
                    }
                    self.garbage.extend(removed);
                }
                reason.into()
            }
        }
    }
}

impl HeadChange {
    fn follow(&mut self, route: &Route) {
        for block in &route.retired {
            if self.adopted.last() == Some(&block.id) {
                self.adopted.pop();
            } else {
                self.retired.push(block.id);
            }
        }
        self.adopted.extend(route.adopted.iter().map(|block| block.id));
    }
}

fn missing(what: &'static str) -> Failure {
    Failure::State(StoreError::Corrupt { column: table::BODIES, what }.into())
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
