//! The choice between branches, and the move from one to another.

use mbt_account::RecoveredTransaction;
use mbt_trie::{Durability, KeyValueStore, Stage, StoreError, WriteBatch};

use crate::{
    AcceptError, BlockId, Execute, HeadChange, ImportError, InvalidHeader, SealedHeader, SyncPhase,
    chain::{Chain, execution::Failure, open::fork_window, tree::Route},
    table,
};

/// The block at which a move from branch to branch ended, and why.
type Broken = Box<(SealedHeader, Failure)>;

impl<E: Execute, S: KeyValueStore> Chain<E, S> {
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
    pub(super) fn depth_rule_binds(&self, now: u64) -> bool {
        self.phase == SyncPhase::InSync
            && now.saturating_sub(self.head.timestamp) <= self.config.stale_tip_s()
    }

    /// Moves the head as far as complete branches with more work allow. Fails when this node does,
    /// or when `subject` is invalid.
    pub(super) fn advance(
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
    pub(super) fn moved(&mut self) {
        self.head = self.tree.head().clone();
        self.built.clear();
        let oldest = self.head.number.saturating_sub(fork_window(&self.config));
        self.garbage.extend(self.tree.prune(oldest));
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
