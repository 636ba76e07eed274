//! Mining: blocks of the pool's best transactions, sealed by threads that only use idle time, or
//! on a timer where sealing costs nothing.

mod error;
mod timer;
mod work;
mod worker;

use std::{sync::Arc, time::Duration};

use mbt_consensus::{Block, BuildRequest};
use mbt_crypto::Address;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{broadcast::error::RecvError, mpsc},
    task::JoinHandle,
    time::Instant,
};

use crate::node::{NodeEvent, NodeHandle};
use work::{Board, Work};

pub use error::MiningError;
pub use timer::TimedSealer;

/// Whether and how a node mines.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MiningConfig {
    /// Mines.
    pub enabled: bool,
    /// The account that is paid: Base58Check or 0x-hex. Needed to mine.
    pub miner: String,
    /// Threads; 0 is one less than the cores, and at least one.
    pub threads: usize,
    /// Most hashes a second of all threads together; 0 is no bound.
    pub hashrate_max: u64,
    /// At most 32 bytes of text in each block.
    pub extra_data: String,
}

impl MiningConfig {
    /// Returns the number of threads.
    #[must_use]
    pub fn thread_count(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, |cores| cores.get() - 1).max(1),
            set => set,
        }
    }

    /// Returns who is paid and what is written into each block.
    ///
    /// # Errors
    /// [`MiningError`]: a setting is not valid.
    pub fn reward(&self) -> Result<Reward, MiningError> {
        if self.miner.is_empty() {
            return Err(MiningError::NoMiner);
        }
        let miner = self
            .miner
            .parse()
            .map_err(|reason| MiningError::Miner { miner: self.miner.clone(), reason })?;
        let extra_data = self.extra_data.clone().into_bytes();
        if extra_data.len() > mbt_consensus::EXTRA_DATA_BYTES_MAX {
            return Err(MiningError::ExtraData { bytes: extra_data.len() });
        }
        Ok(Reward { miner, extra_data })
    }
}

/// What a miner writes into its blocks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reward {
    /// Who is paid.
    pub miner: Address,
    /// At most 32 bytes.
    pub extra_data: Vec<u8>,
}

impl Reward {
    fn request(&self, node: &NodeHandle) -> BuildRequest {
        BuildRequest {
            timestamp: node.now(),
            miner: self.miner,
            extra_data: self.extra_data.clone(),
            lot: None,
        }
    }
}

/// Least time between two works on the same head.
const REFRESH_LEAST: Duration = Duration::from_millis(500);

/// Building a block takes at most this part of the time: a build of 100 ms is followed by 900 ms
/// without one.
const BUILD_SHARE: u32 = 10;

/// Time between looks at whether the node has caught up.
const SYNC_POLL: Duration = Duration::from_millis(500);

/// A node's miner. Dropping it stops its threads.
#[derive(Debug)]
pub struct Miner {
    board: Arc<Board>,
    foreman: JoinHandle<()>,
}

impl Miner {
    /// Starts the threads.
    ///
    /// # Errors
    /// [`MiningError`].
    pub fn start(config: &MiningConfig, node: NodeHandle) -> Result<Self, MiningError> {
        let reward = config.reward()?;
        let board = Arc::new(Board::default());
        let (found, sealed) = mpsc::unbounded_channel();
        let threads = config.thread_count();
        let share = match config.hashrate_max {
            0 => 0,
            max => (max / u64::try_from(threads).unwrap_or(u64::MAX)).max(1),
        };
        for index in 0..threads {
            worker::start(index, share, Arc::clone(&board), found.clone())?;
        }
        node.update_status(|status| status.mining = true);
        let foreman = Foreman { node, reward, board: Arc::clone(&board), sealed };
        Ok(Self { board, foreman: tokio::spawn(foreman.run()) })
    }
}

impl Drop for Miner {
    fn drop(&mut self) {
        self.board.stop();
        self.foreman.abort();
    }
}

/// Hands out work and takes sealed blocks in.
struct Foreman {
    node: NodeHandle,
    reward: Reward,
    board: Arc<Board>,
    sealed: mpsc::UnboundedReceiver<Block>,
}

/// What woke the foreman.
enum Woken {
    NewHead,
    NewTransaction,
    Sealed(Box<Block>),
    Due,
    Stopped,
}

impl Foreman {
    async fn run(mut self) {
        let mut events = self.node.events();
        let mut due = Instant::now();
        let mut rate_since = Instant::now();
        loop {
            let woken = tokio::select! {
                biased;
                Some(block) = self.sealed.recv() => Woken::Sealed(Box::new(block)),
                event = events.recv() => match event {
                    Ok(NodeEvent::Head(_)) | Err(RecvError::Lagged(_)) => Woken::NewHead,
                    Ok(NodeEvent::PendingTransaction(..)) => Woken::NewTransaction,
                    Ok(_) => continue,
                    Err(RecvError::Closed) => Woken::Stopped,
                },
                () = tokio::time::sleep_until(due) => Woken::Due,
            };
            match woken {
                Woken::Sealed(block) => {
                    if self.take(*block).await {
                        due = self.hand_out().await;
                    }
                }
                Woken::NewHead if self.board.parent() == Some(self.node.head().id) => {}
                Woken::NewHead | Woken::Due => due = self.hand_out().await,
                Woken::NewTransaction => due = due.min(Instant::now() + REFRESH_LEAST),
                Woken::Stopped => return,
            }
            if rate_since.elapsed() >= Duration::from_secs(2) {
                let rate = self.board.rate(rate_since.elapsed());
                self.node.update_status(|status| status.hashrate = rate);
                rate_since = Instant::now();
            }
        }
    }

    /// Builds a block on the head for the threads to seal. Returns when the next is due.
    async fn hand_out(&self) -> Instant {
        if self.node.status().syncing {
            self.board.clear();
            return Instant::now() + SYNC_POLL;
        }
        let begun = Instant::now();
        match self.node.build(self.reward.request(&self.node)).await {
            Ok(block) => self.board.post(Work::new(block)),
            Err(error) => {
                tracing::error!(%error, "no block can be built");
                self.board.clear();
            }
        }
        let pause = begun.elapsed().saturating_mul(BUILD_SHARE).max(REFRESH_LEAST);
        // Also without new transactions, so that the timestamp keeps up with the clock.
        Instant::now() + pause.max(Duration::from_secs(1))
    }

    /// Imports a sealed block. Tells whether it was wasted work, so that new is needed.
    async fn take(&self, block: Block) -> bool {
        let (number, transactions) = (block.header.number, block.transactions.len());
        let id = block.header.id();
        match self.node.import_mined(block).await {
            Ok(mbt_consensus::Imported::Head(_)) => {
                tracing::debug!(number, %id, transactions, "mined a block");
                false
            }
            Ok(_) => true,
            Err(error) => {
                tracing::warn!(number, %error, "a block mined here was refused");
                true
            }
        }
    }
}
