//! Why the chain refused. Each error says who is at fault: the sender of the block, nobody yet,
//! or this node.

use mbt_account::{InvalidTransaction, TransactionError};
use mbt_crypto::{H256, U256};
use mbt_trie::{StateError, StoreError};

use crate::BlockId;

/// A rule that a header breaks. Whoever sent it is at fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidHeader {
    /// The number is not the parent's plus one.
    #[error("number {found} does not follow the parent, expected {expected}")]
    Number {
        /// In the header.
        found: u64,
        /// The parent's plus one.
        expected: u64,
    },
    /// The time is below the parent's.
    #[error("timestamp {found} is below the parent's {parent}")]
    TimestampBelowParent {
        /// In the header.
        found: u64,
        /// The parent's.
        parent: u64,
    },
    /// The target is not the one of the schedule.
    #[error("target {found:#x} is not the scheduled {expected:#x}")]
    Target {
        /// In the header.
        found: U256,
        /// By the retarget.
        expected: U256,
    },
    /// The work does not meet the target.
    #[error("work hash {work:#x} is not below the target {target:#x}")]
    Work {
        /// `F(header)`.
        work: U256,
        /// The effective target.
        target: U256,
    },
    /// The gas limit is too far from the parent's, or too small.
    #[error("gas limit {found} does not follow the parent's {parent}")]
    GasLimit {
        /// In the header.
        found: u64,
        /// The parent's.
        parent: u64,
    },
    /// More gas used than the limit.
    #[error("gas used {used} is above the limit {limit}")]
    GasUsedAboveLimit {
        /// Gas used.
        used: u64,
        /// The limit.
        limit: u64,
    },
    /// The base fee is not the one that follows the parent.
    #[error("base fee {found} does not follow the parent, expected {expected}")]
    BaseFee {
        /// In the header.
        found: U256,
        /// By EIP-1559.
        expected: U256,
    },
    /// Too many extra bytes.
    #[error("extra data of {found} bytes is longer than {max}")]
    ExtraData {
        /// In the header.
        found: usize,
        /// Most allowed.
        max: usize,
    },
    /// The commitment to the earlier blocks is wrong.
    #[error(
        "ancestors root {found:#x} does not commit to the earlier blocks, expected {expected:#x}"
    )]
    AncestorsRoot {
        /// In the header.
        found: H256,
        /// Of the range over the ancestors.
        expected: H256,
    },
    /// A lot is named, and lots are not active on this chain.
    #[error("header names a lot, and lots are not active")]
    LotsNotActive,
    /// This block, or one before it, was found invalid earlier.
    #[error("block {0} is known to be invalid")]
    KnownInvalid(BlockId),
}

/// Why a block is invalid. Whoever sent it is at fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBlock {
    /// The header breaks a rule.
    #[error(transparent)]
    Header(#[from] InvalidHeader),
    /// The body is not the one that the header commits to. The header may still be good.
    #[error("transactions root {found:#x} is not the header's {expected:#x}")]
    TransactionsRoot {
        /// Of the body.
        found: H256,
        /// In the header.
        expected: H256,
    },
    /// The body is longer than a block may be.
    #[error("body of {found} bytes is longer than {max}")]
    BodyTooLong {
        /// Bytes of the body.
        found: usize,
        /// Most allowed.
        max: usize,
    },
    /// The body that the header commits to cannot be read.
    #[error("body: {0}")]
    Body(TransactionError),
    /// A transaction of the body that the header commits to is signed by nobody.
    #[error("a transaction is signed by nobody")]
    Signature,
    /// A transaction may not stand in the block.
    #[error("transaction {index}: {reason}")]
    Transaction {
        /// Its place.
        index: usize,
        /// Why not.
        reason: InvalidTransaction,
    },
    /// The gas used is not what execution used.
    #[error("gas used {expected} in the header, {found} by execution")]
    GasUsed {
        /// By execution.
        found: u64,
        /// In the header.
        expected: u64,
    },
    /// The receipts are not the ones that the header commits to.
    #[error("receipts root {found:#x} is not the header's {expected:#x}")]
    ReceiptsRoot {
        /// Of execution.
        found: H256,
        /// In the header.
        expected: H256,
    },
    /// The filter over the logs is not the header's.
    #[error("logs bloom is not the header's")]
    LogsBloom,
    /// The state after the block is not the one that the header commits to.
    #[error("state root {found:#x} is not the header's {expected:#x}")]
    StateRoot {
        /// Of execution.
        found: H256,
        /// In the header.
        expected: H256,
    },
}

/// Why a header or a block was not taken, whoever is at fault. Nothing changed but, for a block
/// that is invalid, that the chain remembers it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The sender is at fault.
    #[error("invalid block: {0}")]
    Invalid(#[from] InvalidBlock),
    /// Nobody is at fault: the block before must come first.
    #[error("parent {0} is unknown")]
    ParentUnknown(BlockId),
    /// Nobody is at fault: clocks differ. It may be offered again later.
    #[error("block from the future: timestamp {timestamp}, at most {latest} now")]
    Future {
        /// In the header.
        timestamp: u64,
        /// Latest that is taken.
        latest: u64,
    },
    /// Nobody is at fault: it forks off where this node keeps no history to go back to.
    #[error("block {number} forks off below block {oldest}, the oldest that can be left")]
    BelowHistory {
        /// The block.
        number: u64,
        /// Oldest fork point.
        oldest: u64,
    },
    /// Nobody is at fault: bodies must come before more headers.
    #[error("header {number} is too far ahead of the head, at most {max}")]
    TooFarAhead {
        /// The header.
        number: u64,
        /// The highest taken.
        max: u64,
    },
    /// This node is at fault: its state cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
}

impl ImportError {
    /// Tells whether whoever sent the block broke the protocol.
    #[must_use]
    pub const fn is_peers_fault(&self) -> bool {
        matches!(self, Self::Invalid(_))
    }
}

impl From<InvalidHeader> for ImportError {
    fn from(error: InvalidHeader) -> Self {
        Self::Invalid(error.into())
    }
}

impl From<StoreError> for ImportError {
    fn from(error: StoreError) -> Self {
        Self::State(error.into())
    }
}

/// Why a run of headers was not taken to its end. Those before `index` were taken.
#[derive(Clone, Debug, thiserror::Error)]
#[error("header {index}: {reason}")]
pub struct HeaderError {
    /// Place of the first header that was refused.
    pub index: usize,
    /// Why.
    #[source]
    pub reason: ImportError,
}

/// Why a chain could not be opened.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The store holds another chain.
    #[error("store holds a chain with genesis {stored}, expected {expected}")]
    GenesisMismatch {
        /// In the store.
        stored: BlockId,
        /// Of the configuration.
        expected: BlockId,
    },
    /// The configuration contradicts itself.
    #[error("configuration: {0}")]
    Config(&'static str),
    /// The store failed or is corrupt.
    #[error(transparent)]
    State(#[from] StateError),
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        Self::State(error.into())
    }
}

/// Why no block could be built.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Too many extra bytes.
    #[error("extra data of {found} bytes is longer than {max}")]
    ExtraData {
        /// Asked for.
        found: usize,
        /// Most allowed.
        max: usize,
    },
    /// A lot is named, and lots are not active on this chain.
    #[error("lots are not active")]
    LotsNotActive,
    /// The machine put a transaction into the block that may not stand there.
    #[error("transaction {index} of the block built: {reason}")]
    Transaction {
        /// Its place.
        index: usize,
        /// Why not.
        reason: InvalidTransaction,
    },
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
}

impl From<StoreError> for BuildError {
    fn from(error: StoreError) -> Self {
        Self::State(error.into())
    }
}

/// Why a branch could not be accepted.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// No such block, or its bodies are not all here.
    #[error("block {0} is unknown or its branch has not all bodies")]
    Unknown(BlockId),
    /// The branch cannot be taken.
    #[error(transparent)]
    Import(#[from] ImportError),
}
