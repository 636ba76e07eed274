//! What the parts around the chain hold of it.

use std::sync::{Arc, mpsc::Sender};

use mbt_account::{Pool, RecoveredTransaction, TxHash};
use mbt_consensus::{
    AcceptError, Block, BlockId, BuildError, BuildRequest, ChainConfig, ChainReader, HeadChange,
    Header, HeaderError, HeadersImported, ImportError, Imported, InvalidBody, SealedHeader,
    SyncPhase,
};
use mbt_trie::{Durability, StoreError};
use mbt_vm::Evm;
use parking_lot::Mutex;
use tokio::sync::{broadcast, oneshot};

use super::{
    NodeEvent, NodeStore, Origin, Senders, Shared, Stopped, SubmitError, SyncStatus,
    keeper::{Keeper, Message},
    pool,
};
use crate::clock::ChainClock;

/// A node, from any thread. Cheap to clone. What changes the chain goes to its thread in order;
/// what only reads takes a snapshot.
#[derive(Clone, Debug)]
pub struct NodeHandle {
    shared: Arc<Shared>,
    messages: Sender<Message>,
}

impl NodeHandle {
    pub(super) const fn new(shared: Arc<Shared>, messages: Sender<Message>) -> Self {
        Self { shared, messages }
    }

    /// Returns the source of snapshots.
    #[must_use]
    pub fn reader(&self) -> &ChainReader<NodeStore> {
        &self.shared.reader
    }

    /// Returns the chain's rules.
    #[must_use]
    pub fn chain_config(&self) -> &ChainConfig {
        self.shared.reader.config()
    }

    /// Returns the machine.
    #[must_use]
    pub fn evm(&self) -> &Evm {
        &self.shared.evm
    }

    /// Returns the pool. To be held briefly.
    #[must_use]
    pub fn pool(&self) -> &Arc<Mutex<Pool>> {
        &self.shared.pool
    }

    /// Returns what finds the senders of transactions.
    #[must_use]
    pub fn senders(&self) -> &Senders {
        &self.shared.senders
    }

    /// Returns chain time, in seconds since 1970.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.shared.clock.now()
    }

    /// Returns the source of chain time.
    #[must_use]
    pub fn clock(&self) -> &ChainClock {
        &self.shared.clock
    }

    /// Returns the head.
    #[must_use]
    pub fn head(&self) -> SealedHeader {
        SealedHeader::clone(&self.shared.head.load())
    }

    /// Returns the header with the greatest total work, whose body may be missing.
    #[must_use]
    pub fn best_header(&self) -> SealedHeader {
        SealedHeader::clone(&self.shared.best_header.load())
    }

    /// Returns the end of a heavier branch that the depth rule keeps out, for the operator.
    #[must_use]
    pub fn refused_reorg(&self) -> Option<SealedHeader> {
        self.shared.refused.lock().clone()
    }

    /// Returns a receiver of what happens from now on.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<NodeEvent> {
        self.shared.events.subscribe()
    }

    /// Returns where the node stands.
    #[must_use]
    pub fn status(&self) -> SyncStatus {
        let current = self.shared.head.load().number;
        let status = self.shared.status.lock().clone();
        SyncStatus { current, highest: status.highest.max(current), ..status }
    }

    /// Changes what [`NodeHandle::status`] tells. Network, sync and miner each set their own
    /// fields.
    pub fn update_status(&self, change: impl FnOnce(&mut SyncStatus)) {
        change(&mut self.shared.status.lock());
    }

    /// Returns the transactions that were included since the node started.
    #[must_use]
    pub fn transactions_included(&self) -> u64 {
        self.shared.meters.included()
    }

    /// Returns the node's figures in Prometheus' text form.
    #[must_use]
    pub fn metrics(&self) -> String {
        let (pending, queued) = self.shared.pool.lock().status();
        self.shared.meters.render(&self.status(), pending, queued, self.refused_reorg().is_some())
    }

    /// Puts a transaction into the pool.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub fn submit(
        &self,
        transaction: RecoveredTransaction,
        origin: Origin,
    ) -> Result<TxHash, SubmitError> {
        pool::submit(&self.shared, std::iter::once(transaction), origin)
            .pop()
            .unwrap_or(Err(SubmitError::from(StoreError::from(Stopped))))
    }

    /// Puts transactions into the pool in their order: one answer each.
    #[must_use]
    pub fn submit_many(
        &self,
        transactions: Vec<RecoveredTransaction>,
        origin: Origin,
    ) -> Vec<Result<TxHash, SubmitError>> {
        pool::submit(&self.shared, transactions, origin)
    }

    /// Takes a peer's block. With [`Durability::Deferred`] (for sync) it survives a crash a second
    /// later at the latest.
    ///
    /// # Errors
    /// [`ImportError`].
    pub async fn import(
        &self,
        block: Block,
        durability: Durability,
    ) -> Result<Imported, ImportError> {
        self.ask(move |keeper| keeper.import(block, durability)).await?
    }

    /// Takes a block that this node sealed. It survives a crash before it is announced.
    ///
    /// # Errors
    /// [`ImportError`].
    pub async fn import_mined(&self, block: Block) -> Result<Imported, ImportError> {
        self.ask(move |keeper| keeper.import_mined(block)).await?
    }

    /// Executes blocks that an earlier run left behind the head, and looks again at branches that
    /// it kept out. To be called once, when chain time is set.
    ///
    /// # Errors
    /// [`ImportError`].
    pub async fn catch_up(&self) -> Result<(), ImportError> {
        self.ask(Keeper::catch_up).await?
    }

    /// Takes headers ahead of their bodies.
    ///
    /// # Errors
    /// [`HeaderError`].
    pub async fn import_headers(
        &self,
        headers: Vec<Header>,
    ) -> Result<HeadersImported, HeaderError> {
        self.ask(move |keeper| keeper.import_headers(&headers))
            .await
            .map_err(|stopped| HeaderError { index: 0, reason: stopped.into() })?
    }

    /// Drops a block that is proved invalid, and all that stands on it: at once for whatever is
    /// asked of the node afterwards, and for what it shows when the future is done.
    pub fn mark_invalid(&self, proof: InvalidBody) -> impl Future<Output = ()> + Send + use<> {
        let told = self.ask(move |keeper| keeper.mark_invalid(&proof));
        async move {
            if told.await.is_err() {
                tracing::debug!("a node that is stopping finds the block invalid in its next run");
            }
        }
    }

    /// Returns the next blocks along the best header chain whose bodies are missing; none of a
    /// node that is stopping.
    pub async fn wanted_bodies(&self, max: usize) -> Vec<(BlockId, Header)> {
        self.ask(move |keeper| keeper.chain().wanted_bodies(max)).await.unwrap_or_default()
    }

    /// Returns ids along the best header chain, for a peer to find where chains part.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn locator(&self) -> Result<Vec<BlockId>, StoreError> {
        self.ask(|keeper| keeper.chain().locator()).await?
    }

    /// Tells whether a block's header is here.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn contains_header(&self, id: BlockId) -> Result<bool, StoreError> {
        self.ask(move |keeper| keeper.chain().contains_header(&id)).await?
    }

    /// Says whether the node still looks for the chain, so that the depth rule does not bind.
    pub async fn set_sync_phase(&self, phase: SyncPhase) {
        let told = self.ask(move |keeper| keeper.set_sync_phase(phase)).await;
        if told.is_err() {
            tracing::debug!("sync phase of a node that is stopping is left as it is");
        }
    }

    /// Builds a block of the pool's best transactions on the head, to be sealed.
    ///
    /// # Errors
    /// [`BuildError`].
    pub async fn build(&self, request: BuildRequest) -> Result<Block, BuildError> {
        self.ask(move |keeper| keeper.build(&request)).await?
    }

    /// Takes a branch that the depth rule keeps out.
    ///
    /// # Errors
    /// [`AcceptError`].
    pub async fn accept_reorg(&self, id: BlockId) -> Result<HeadChange, AcceptError> {
        self.ask(move |keeper| keeper.accept_reorg(&id)).await?
    }

    /// Makes everything written so far survive a crash.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.ask(Keeper::flush).await?
    }

    pub(super) fn send(&self, message: Message) {
        if self.messages.send(message).is_err() {
            tracing::debug!("the chain's thread has ended already");
        }
    }

    /// Gives work to the chain's thread, in the order of the calls.
    fn ask<T, W>(&self, work: W) -> impl Future<Output = Result<T, Stopped>> + Send + use<T, W>
    where
        T: Send + 'static,
        W: FnOnce(&mut Keeper) -> T + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Work(Box::new(move |keeper| {
            // Nobody may wait any more: the work is done all the same.
            drop(reply.send(work(keeper)));
        })));
        async move { answer.await.map_err(|_| Stopped) }
    }
}
