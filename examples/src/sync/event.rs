//! What goes into the synchroniser and what comes out.

use mbt_consensus::{Block, BlockId, BodyError, Header, ImportError, Imported, InvalidBody};
use mbt_crypto::U256;

use crate::network::Fault;

/// Milliseconds since the synchroniser started.
pub type Millis = u64;

/// Names a request, so that an answer that comes too late is told from one that is awaited.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RequestId(pub u64);

/// The end of a chain.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tip {
    /// The last block.
    pub id: BlockId,
    /// Its number.
    pub number: u64,
    /// Sum of nominal work up to it.
    pub total_work: U256,
}

/// Why a request brought nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RequestFailure {
    /// The peer closed it without an answer, or the connection broke.
    Refused,
    /// The network gave up waiting.
    Timeout,
    /// The answer was no message. The network holds it against the peer itself.
    Garbage,
}

/// What became of a run of headers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HeadersOutcome {
    /// All were taken.
    Taken {
        /// How many were new.
        added: usize,
    },
    /// One breaks a rule.
    Invalid,
    /// The first follows nothing known.
    Detached,
    /// Bodies must come first.
    TooFarAhead,
    /// One is ahead of this node's clock.
    Future,
    /// They fork off below what this node can leave.
    BelowHistory,
    /// This node could not store them.
    OwnFault,
}

impl From<&ImportError> for HeadersOutcome {
    fn from(error: &ImportError) -> Self {
        match error {
            ImportError::Invalid(_) => Self::Invalid,
            ImportError::ParentUnknown(_) => Self::Detached,
            ImportError::TooFarAhead { .. } => Self::TooFarAhead,
            ImportError::Future { .. } => Self::Future,
            ImportError::BelowHistory { .. } => Self::BelowHistory,
            _ => Self::OwnFault,
        }
    }
}

/// What became of a block.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BlockOutcome {
    /// It was taken, or was here already.
    Taken,
    /// It breaks a rule.
    Invalid,
    /// It cannot be taken now: a block before it is missing, or clocks differ.
    Later,
    /// This node could not store it.
    OwnFault,
}

impl From<&Result<Imported, ImportError>> for BlockOutcome {
    fn from(result: &Result<Imported, ImportError>) -> Self {
        match result {
            Ok(_) => Self::Taken,
            Err(ImportError::Invalid(_)) => Self::Invalid,
            Err(ImportError::State(_)) => Self::OwnFault,
            Err(_) => Self::Later,
        }
    }
}

/// A body that is to be joined to its header.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Job {
    /// The block.
    pub id: BlockId,
    /// Its header.
    pub header: Header,
    /// RLP of what should be its body.
    pub body: Vec<u8>,
}

/// What the synchroniser is told. `P` names a peer.
#[derive(Clone, Debug)]
pub enum Input<P> {
    /// A peer on this chain says how far it is.
    Peer {
        /// The peer.
        peer: P,
        /// The number of its head.
        number: u64,
        /// The work of its chain.
        total_work: U256,
    },
    /// A peer sent a block whose parent is unknown.
    Ahead(P),
    /// A peer is gone. What was asked of it is asked of others.
    Gone(P),
    /// An answer to [`Effect::AskHeaders`].
    Headers {
        /// The request.
        request: RequestId,
        /// Lowest first.
        headers: Vec<Header>,
    },
    /// An answer to [`Effect::AskBodies`].
    Bodies {
        /// The request.
        request: RequestId,
        /// Block and RLP, in the order asked for.
        bodies: Vec<(BlockId, Vec<u8>)>,
    },
    /// A request brought nothing.
    Failed {
        /// The request.
        request: RequestId,
        /// Why.
        failure: RequestFailure,
    },
    /// The outcome of [`Effect::ImportHeaders`].
    HeadersImported {
        /// Who sent them.
        peer: P,
        /// What became of them.
        outcome: HeadersOutcome,
    },
    /// The outcome of one job of [`Effect::Prepare`].
    Prepared {
        /// Who sent the body.
        peer: P,
        /// The block.
        id: BlockId,
        /// Its number.
        number: u64,
        /// The block with its senders.
        outcome: Result<Box<Block>, BodyError>,
    },
    /// The outcome of [`Effect::ImportBlock`].
    BlockImported {
        /// The block.
        id: BlockId,
        /// Its number.
        number: u64,
        /// What became of it.
        outcome: BlockOutcome,
    },
    /// The answer to [`Effect::FindWanted`]: the next blocks without a body, lowest first.
    Wanted(Vec<(BlockId, Header)>),
    /// Where the node's own chain ends now.
    Own {
        /// The last executed block.
        head: Tip,
        /// The last header.
        best: Tip,
    },
    /// The deadline passed.
    DeadlineReached,
}

/// What the synchroniser wants done, in this order. `P` names a peer.
#[derive(Clone, Debug)]
pub enum Effect<P> {
    /// Ask a peer for headers.
    AskHeaders {
        /// The peer.
        peer: P,
        /// The request.
        request: RequestId,
        /// The id to put in front of the chain's locator.
        after: Option<BlockId>,
    },
    /// Ask a peer for bodies.
    AskBodies {
        /// The peer.
        peer: P,
        /// The request.
        request: RequestId,
        /// The blocks.
        ids: Vec<BlockId>,
    },
    /// Give headers to the chain.
    ImportHeaders {
        /// Who sent them.
        peer: P,
        /// Lowest first, each the parent of the next.
        headers: Vec<Header>,
    },
    /// Decode bodies, check them against their headers and recover the senders.
    Prepare {
        /// Who sent them.
        peer: P,
        /// The bodies.
        jobs: Vec<Job>,
    },
    /// Give a block to the chain.
    ImportBlock {
        /// The block's id.
        id: BlockId,
        /// The block.
        block: Box<Block>,
    },
    /// Tell the chain that a block is invalid, then where it ends without it ([`Input::Own`]).
    MarkInvalid(InvalidBody),
    /// Ask the chain which bodies it misses.
    FindWanted {
        /// At most so many.
        max: usize,
    },
    /// Hold a fault against a peer.
    Report {
        /// The peer.
        peer: P,
        /// What it did.
        fault: Fault,
    },
}
