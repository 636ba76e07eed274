//! The board on which the block to be sealed is posted.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use mbt_consensus::{Block, BlockId};
use mbt_crypto::H256;
use parking_lot::{Condvar, Mutex};

/// A block to be sealed, shared by all threads.
#[derive(Debug)]
pub(super) struct Work {
    block: Block,
    seal_hash: H256,
    next_nonce: AtomicU64,
    done: AtomicBool,
}

impl Work {
    pub(super) fn new(block: Block) -> Self {
        let seal_hash = block.header.seal_hash();
        Self { block, seal_hash, next_nonce: AtomicU64::new(0), done: AtomicBool::new(false) }
    }

    /// Takes the next nonces, which no other thread gets.
    pub(super) fn take(&self, nonces: u64) -> Range<u64> {
        let start = self.next_nonce.fetch_add(nonces, Ordering::Relaxed);
        start..start.saturating_add(nonces)
    }

    /// Looks for a nonce that seals the block.
    pub(super) fn search(&self, nonces: Range<u64>) -> Option<u64> {
        mbt_consensus::seal::search(self.seal_hash, self.block.header.target, nonces)
    }

    /// Returns the sealed block, to the first who found a nonce.
    pub(super) fn seal(&self, nonce: u64) -> Option<Block> {
        if self.done.swap(true, Ordering::Relaxed) {
            return None;
        }
        let mut block = self.block.clone();
        block.header.nonce = nonce;
        Some(block)
    }

    fn is_done(&self) -> bool {
        self.done.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Default)]
struct Posted {
    work: Option<Arc<Work>>,
    stopped: bool,
}

/// Where the foreman posts work and threads wait for it.
#[derive(Debug, Default)]
pub(super) struct Board {
    posted: Mutex<Posted>,
    changed: Condvar,
    hashes: AtomicU64,
}

impl Board {
    /// Replaces the work.
    pub(super) fn post(&self, work: Work) {
        self.posted.lock().work = Some(Arc::new(work));
        self.changed.notify_all();
    }

    /// Takes the work away.
    pub(super) fn clear(&self) {
        self.posted.lock().work = None;
    }

    /// Sends all threads home.
    pub(super) fn stop(&self) {
        self.posted.lock().stopped = true;
        self.changed.notify_all();
    }

    /// Returns the parent of the block that is worked on.
    pub(super) fn parent(&self) -> Option<BlockId> {
        self.posted.lock().work.as_ref().map(|work| work.block.header.parent_hash)
    }

    /// Waits for work; none when it is time to go.
    pub(super) fn wait(&self) -> Option<Arc<Work>> {
        let mut posted = self.posted.lock();
        loop {
            if posted.stopped {
                return None;
            }
            match &posted.work {
                Some(work) if !work.is_done() => return Some(Arc::clone(work)),
                _ => self.changed.wait(&mut posted),
            }
        }
    }

    /// Counts hashes that were tried.
    pub(super) fn count(&self, hashes: u64) {
        self.hashes.fetch_add(hashes, Ordering::Relaxed);
    }

    /// Returns hashes a second since the last call, `elapsed` ago.
    pub(super) fn rate(&self, elapsed: Duration) -> u64 {
        let hashes = u128::from(self.hashes.swap(0, Ordering::Relaxed));
        let rate = hashes.saturating_mul(1000) / elapsed.as_millis().max(1);
        u64::try_from(rate).unwrap_or(u64::MAX)
    }
}
