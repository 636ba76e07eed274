//! What peers do wrong, and of what type that is.

use std::time::Duration;

/// How a fault is answered.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum FaultKind {
    /// The peer broke the protocol: it is banned.
    Misbehaved,
    /// The peer is honest on another chain: it is let go, without a ban.
    Incompatible,
    /// The peer is slow or forgetful: its score falls, and other peers are asked first.
    Unreliable,
}

/// What a peer did wrong.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It sent bytes that are no message.
    #[error("sent bytes that are no message")]
    Garbage,
    /// It answered another question than the one asked, or more than was asked for.
    #[error("answered what was not asked")]
    Unasked,
    /// Its headers do not follow each other, or follow nothing that was named.
    #[error("sent headers that are not a chain")]
    BrokenChain,
    /// A header of its chain breaks a rule.
    #[error("sent an invalid header")]
    InvalidHeader,
    /// A body is not the one that its header commits to.
    #[error("sent a body that its header does not commit to")]
    InvalidBody,
    /// A block of its chain breaks a rule.
    #[error("announced an invalid block")]
    InvalidBlock,
    /// A transaction is malformed or signed by nobody.
    #[error("sent an invalid transaction")]
    InvalidTransaction,
    /// It is on a chain of another id.
    #[error("follows chain {found}, not {expected}")]
    OtherChain {
        /// The peer's.
        found: u64,
        /// This node's.
        expected: u64,
    },
    /// Its chain has another genesis block.
    #[error("follows a chain with another genesis block")]
    OtherGenesis,
    /// It does not speak the request protocol.
    #[error("does not speak the protocol")]
    OtherProtocol,
    /// It left a request without an answer for too long.
    #[error("left a request unanswered")]
    Timeout,
    /// It closed a request without an answer.
    #[error("refused a request")]
    Refused,
    /// It claims work that it does not show, or offers a chain without its bodies.
    #[error("does not show what it claims")]
    Unproven,
}

impl Fault {
    /// Returns how the fault is answered.
    #[must_use]
    pub const fn kind(&self) -> FaultKind {
        match self {
            Self::Garbage
            | Self::Unasked
            | Self::BrokenChain
            | Self::InvalidHeader
            | Self::InvalidBody
            | Self::InvalidBlock
            | Self::InvalidTransaction => FaultKind::Misbehaved,
            Self::OtherChain { .. } | Self::OtherGenesis | Self::OtherProtocol => {
                FaultKind::Incompatible
            }
            Self::Timeout | Self::Refused | Self::Unproven => FaultKind::Unreliable,
        }
    }

    /// Returns what the score loses. Zero where the score does not decide.
    #[must_use]
    pub const fn points(&self) -> u32 {
        match self {
            Self::Timeout => 20,
            Self::Refused => 5,
            Self::Unproven => 25,
            _ => 0,
        }
    }

    /// Returns how long the first ban lasts; none for faults without one.
    #[must_use]
    pub const fn ban(&self) -> Option<Duration> {
        match self.kind() {
            FaultKind::Misbehaved => match self {
                // Versions may differ by accident; a forged block is no accident.
                Self::Garbage | Self::Unasked | Self::InvalidTransaction => {
                    Some(Duration::from_secs(600))
                }
                _ => Some(Duration::from_secs(3_600)),
            },
            FaultKind::Incompatible | FaultKind::Unreliable => None,
        }
    }
}
