//! What a node tells the parts around it.

use std::sync::Arc;

use mbt_account::RecoveredTransaction;
use mbt_consensus::{Block, HeadChange, SealedHeader};
use mbt_trie::Durability;

/// Something happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum NodeEvent {
    /// The head moved. The store and the pool are up to date already.
    Head(Arc<HeadEvent>),
    /// A transaction entered the pool and can be executed.
    PendingTransaction(RecoveredTransaction, Origin),
    /// This node mined a block. It survives a crash already, and may be announced.
    Mined(Arc<Block>),
}

/// How the head moved.
#[derive(Clone, Debug)]
pub struct HeadEvent {
    /// Blocks that left and joined the chain.
    pub change: HeadChange,
    /// The new head.
    pub head: SealedHeader,
    /// Whether the head survives a crash already, so that it may be announced.
    pub durability: Durability,
}

/// Where a transaction comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// A user of this node. To be sent to peers.
    Local,
    /// A peer.
    Peer,
    /// A block that left the chain.
    Retired,
}

/// Where a node stands.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SyncStatus {
    /// Whether the node is catching up with its peers.
    pub syncing: bool,
    /// Head's number when it began to catch up.
    pub starting: u64,
    /// Head's number.
    pub current: u64,
    /// Highest number that is known of.
    pub highest: u64,
    /// Connected peers.
    pub peers: usize,
    /// Whether the node mines.
    pub mining: bool,
    /// Hashes a second that it tries.
    pub hashrate: u64,
    /// Why the store can no longer be written, if so.
    pub store_failure: Option<String>,
}
