//! The thread that owns the chain.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use mbt_consensus::{
    AcceptError, Block, BlockId, BuildError, BuildRequest, Chain, HeadChange, Header, HeaderError,
    HeadersImported, ImportError, Imported, InvalidBody, SyncPhase, next_base_fee,
};
use mbt_trie::{Durability, StateError, StoreError};
use mbt_vm::Evm;

use super::{HeadEvent, NodeEvent, NodeStore, Shared, pool};

/// Deferred imports after which everything goes to disk.
const DEFERRED_BLOCKS_MAX: usize = 256;

/// Longest that a deferred import waits to go to disk.
const DEFERRED_TIME_MAX: Duration = Duration::from_secs(1);

/// How long an idle thread sleeps.
const IDLE: Duration = Duration::from_secs(3600);

/// What the thread is sent.
pub(super) enum Message {
    /// Something to do with the chain.
    Work(Box<dyn FnOnce(&mut Keeper) + Send>),
    /// The end.
    Stop,
}

/// The chain's owner.
pub(super) struct Keeper {
    chain: Chain<Evm, NodeStore>,
    shared: Arc<Shared>,
    deferred: usize,
    deferred_since: Instant,
}

impl Keeper {
    pub(super) fn new(chain: Chain<Evm, NodeStore>, shared: Arc<Shared>) -> Self {
        Self { chain, shared, deferred: 0, deferred_since: Instant::now() }
    }

    /// Works until it is told to stop or all handles are gone.
    pub(super) fn run(mut self, inbox: &Receiver<Message>) {
        loop {
            let wait = match self.deferred {
                0 => IDLE,
                _ => DEFERRED_TIME_MAX.saturating_sub(self.deferred_since.elapsed()),
            };
            match inbox.recv_timeout(wait) {
                Ok(Message::Work(work)) => work(&mut self),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
            let due = self.deferred_since.elapsed() >= DEFERRED_TIME_MAX;
            if self.deferred >= DEFERRED_BLOCKS_MAX || (self.deferred > 0 && due) {
                self.report(Self::flush);
            }
        }
        self.report(Self::flush);
    }

    pub(super) const fn chain(&self) -> &Chain<Evm, NodeStore> {
        &self.chain
    }

    pub(super) fn import(
        &mut self,
        block: Block,
        durability: Durability,
    ) -> Result<Imported, ImportError> {
        self.import_inner(block, durability).map(|(imported, _)| imported)
    }

    pub(super) fn import_mined(&mut self, block: Block) -> Result<Imported, ImportError> {
        let (imported, block) = self.import_inner(block, Durability::Durable)?;
        if matches!(imported, Imported::Head(_)) {
            self.shared.meters.blocks_mined.increment(1);
            self.tell(NodeEvent::Mined(block));
        }
        Ok(imported)
    }

    fn import_inner(
        &mut self,
        block: Block,
        durability: Durability,
    ) -> Result<(Imported, Arc<Block>), ImportError> {
        let block = Arc::new(block);
        let mut result = self.import_now(&block, durability);
        if let Err(ImportError::Future { timestamp, .. }) = &result
            && self.shared.clock.follow(*timestamp)
        {
            result = self.import_now(&block, durability);
        }
        let result = self.note_failure(result, store_failure_of);
        self.publish();
        let imported = result?;
        match durability {
            Durability::Durable => self.deferred = 0,
            Durability::Deferred => {
                if self.deferred == 0 {
                    self.deferred_since = Instant::now();
                }
                self.deferred += 1;
            }
        }
        if let Imported::Head(change) = &imported {
            self.head_moved(change, Some(&block), durability);
        }
        Ok((imported, block))
    }

    pub(super) fn catch_up(&mut self) -> Result<(), ImportError> {
        let result = self.chain.catch_up(self.shared.clock.now(), Durability::Durable);
        let result = self.note_failure(result, store_failure_of);
        self.publish();
        let change = result?;
        if !change.adopted.is_empty() {
            self.head_moved(&change, None, Durability::Durable);
        }
        Ok(())
    }

    fn import_now(
        &mut self,
        block: &Block,
        durability: Durability,
    ) -> Result<Imported, ImportError> {
        self.chain.import(self.shared.clock.now(), block.clone(), durability)
    }

    pub(super) fn import_headers(
        &mut self,
        headers: &[Header],
    ) -> Result<HeadersImported, HeaderError> {
        let result = self.admit_headers(headers);
        self.publish();
        self.note_failure(result, |error| store_failure_of(&error.reason))
    }

    /// Takes headers. One whose only fault is that it is ahead of chain time shows, by its work,
    /// what time it is on a network that went on elsewhere. Those before it count as new.
    fn admit_headers(&mut self, headers: &[Header]) -> Result<HeadersImported, HeaderError> {
        let mut taken = 0;
        loop {
            let clock = &self.shared.clock;
            let rest = headers.get(taken..).unwrap_or_default();
            match self.chain.import_headers(clock.now(), rest) {
                Ok(HeadersImported { added, known, best }) => {
                    return Ok(HeadersImported { added: added + taken, known, best });
                }
                Err(HeaderError { index, reason: ImportError::Future { timestamp, .. } })
                    if clock.follow(timestamp) =>
                {
                    taken += index;
                }
                Err(HeaderError { index, reason }) => {
                    return Err(HeaderError { index: taken + index, reason });
                }
            }
        }
    }

    pub(super) fn mark_invalid(&mut self, proof: &InvalidBody) {
        self.chain.mark_invalid(proof);
        self.publish();
    }

    pub(super) fn build(&mut self, request: &BuildRequest) -> Result<Block, BuildError> {
        let mut best = self.shared.pool.lock().best(next_base_fee(self.chain.head()));
        self.chain.build(request, &mut best)
    }

    pub(super) fn accept_reorg(&mut self, id: &BlockId) -> Result<HeadChange, AcceptError> {
        let result = self.chain.accept_reorg(id);
        self.publish();
        let change = result?;
        self.head_moved(&change, None, Durability::Durable);
        Ok(change)
    }

    pub(super) const fn set_sync_phase(&mut self, phase: SyncPhase) {
        self.chain.set_sync_phase(phase);
    }

    pub(super) fn flush(&mut self) -> Result<(), StoreError> {
        let result = self.chain.flush();
        self.deferred = 0;
        self.note_failure(result, |error| Some(error.to_string()))
    }

    fn report(&mut self, work: impl FnOnce(&mut Self) -> Result<(), StoreError>) {
        if let Err(error) = work(self) {
            tracing::error!(%error, "the chain cannot be written");
        }
    }

    /// Shows everybody where the chain stands.
    fn publish(&self) {
        let shared = &self.shared;
        if shared.head.load().id != self.chain.head().id {
            shared.head.store(Arc::new(self.chain.head().clone()));
        }
        if shared.best_header.load().id != self.chain.best_header().id {
            shared.best_header.store(Arc::new(self.chain.best_header().clone()));
        }
        *shared.refused.lock() = self.chain.refused_reorg().cloned();
    }

    fn head_moved(&self, change: &HeadChange, block: Option<&Arc<Block>>, durability: Durability) {
        if let Err(error) = pool::follow_head(&self.shared, change, block.map(|block| &**block)) {
            tracing::error!(%error, "the pool cannot follow the head");
        }
        let head = self.chain.head().clone();
        self.shared.clock.follow(head.timestamp);
        self.shared.meters.head_moved(change, block.map_or(0, |block| block.transactions.len()));
        let event = HeadEvent { change: change.clone(), head, durability };
        self.tell(NodeEvent::Head(Arc::new(event)));
    }

    fn tell(&self, event: NodeEvent) {
        // Without a receiver there is nobody to tell.
        drop(self.shared.events.send(event));
    }

    fn note_failure<T, E>(
        &self,
        result: Result<T, E>,
        failure: impl FnOnce(&E) -> Option<String>,
    ) -> Result<T, E> {
        if let Some(failure) = result.as_ref().err().and_then(failure) {
            self.shared.status.lock().store_failure = Some(failure);
        }
        result
    }
}

fn store_failure_of(error: &ImportError) -> Option<String> {
    match error {
        ImportError::State(StateError::Store(error)) => Some(error.to_string()),
        _ => None,
    }
}
