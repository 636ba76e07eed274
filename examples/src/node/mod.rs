//! A node's chain and pool: one thread owns the chain, everybody else holds a [`NodeHandle`].

mod error;
mod event;
mod handle;
mod keeper;
mod meters;
mod pool;
mod senders;

use std::{
    sync::{Arc, mpsc},
    thread::{Builder, JoinHandle},
};

use arc_swap::ArcSwap;
use mbt_account::{Pool, PoolConfig};
use mbt_consensus::{Chain, ChainConfig, ChainReader, Genesis, OpenError, SealedHeader};
use mbt_vm::Evm;
use parking_lot::Mutex;
use tokio::sync::broadcast;

use crate::{clock::ChainClock, storage::Store};
use keeper::{Keeper, Message};
use meters::Meters;

pub use error::{Stopped, SubmitError};
pub use event::{HeadEvent, NodeEvent, Origin, SyncStatus};
pub use handle::NodeHandle;
pub use senders::Senders;

/// The store that every node uses.
pub type NodeStore = Store;

/// Events kept for a slow receiver before it misses some.
const EVENTS_KEPT: usize = 16_384;

/// What a node is made of.
#[derive(Debug)]
pub struct NodeConfig {
    /// The chain's rules.
    pub chain: ChainConfig,
    /// Its first block.
    pub genesis: Genesis,
    /// The machine.
    pub evm: Evm,
    /// Where the chain is kept.
    pub store: NodeStore,
    /// The pool's bounds.
    pub pool: PoolConfig,
    /// Chain time.
    pub clock: ChainClock,
}

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The chain in the store cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The system gives no thread.
    #[error("thread of the chain: {0}")]
    Thread(#[from] std::io::Error),
}

/// A running node. Dropping it stops its thread once the last batch is on disk.
#[derive(Debug)]
pub struct Node {
    handle: NodeHandle,
    thread: Option<JoinHandle<()>>,
}

/// What the chain's thread and all handles share.
pub(crate) struct Shared {
    reader: ChainReader<NodeStore>,
    evm: Evm,
    pool: Arc<Mutex<Pool>>,
    senders: Senders,
    clock: ChainClock,
    events: broadcast::Sender<NodeEvent>,
    meters: Meters,
    head: ArcSwap<SealedHeader>,
    best_header: ArcSwap<SealedHeader>,
    refused: Mutex<Option<SealedHeader>>,
    status: Mutex<SyncStatus>,
}

impl Node {
    /// Opens the chain and starts its thread.
    ///
    /// # Errors
    /// [`NodeError`].
    pub fn open(config: NodeConfig) -> Result<Self, NodeError> {
        let evm = config.evm.clone();
        let chain = Chain::open(config.chain, &config.genesis, config.evm, config.store)?;
        let shared = Arc::new(Shared {
            reader: chain.reader(),
            evm,
            pool: Arc::new(Mutex::new(Pool::new(config.pool))),
            senders: Senders::new(),
            clock: config.clock,
            events: broadcast::Sender::new(EVENTS_KEPT),
            meters: Meters::new(),
            head: ArcSwap::from_pointee(chain.head().clone()),
            best_header: ArcSwap::from_pointee(chain.best_header().clone()),
            refused: Mutex::new(chain.refused_reorg().cloned()),
            status: Mutex::default(),
        });
        let (messages, inbox) = mpsc::channel();
        let keeper = Keeper::new(chain, Arc::clone(&shared));
        let thread = Builder::new().name("chain".to_owned()).spawn(move || keeper.run(&inbox))?;
        Ok(Self { handle: NodeHandle::new(shared, messages), thread: Some(thread) })
    }

    /// Returns a handle.
    #[must_use]
    pub const fn handle(&self) -> &NodeHandle {
        &self.handle
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.handle.send(Message::Stop);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the chain's thread failed");
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("head", &self.head.load().number).finish_non_exhaustive()
    }
}
