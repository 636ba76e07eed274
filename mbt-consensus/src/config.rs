//! What distinguishes one public chain from another.

use mbt_crypto::U256;
use mbt_trie::{History, StateDiff};

use crate::{
    Header,
    rules::{GAS_LIMIT_DEFAULT, asert::TAU_INTERVALS},
};
use mbt_account::{DEVELOPMENT_CHAIN_ID, PUBLIC_CHAIN_ID, TEST_CHAIN_ID};

/// Depth from which a block is final: a node in sync takes no deeper reorganisation (SPEC 6).
pub const MAX_REORG: u64 = 64;

/// Depth from which a block is called safe.
pub const SAFE_DEPTH: u64 = 12;

/// The rules and bounds of a public chain. All nodes of a chain agree on all but the last three.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChainConfig {
    /// The chain's id, which transactions are signed for.
    pub chain_id: u64,
    /// Seconds between blocks that the retarget aims at. At least one.
    pub interval_s: u64,
    /// Easiest target that the retarget gives.
    pub target_max: U256,
    /// Deepest reorganisation taken in sync, and the depth of finality.
    pub max_reorg: u64,
    /// Gas limit that this node's own blocks steer to.
    pub gas_limit_target: u64,
    /// Blocks whose state this node keeps. At least `2 * max_reorg + 1`.
    pub history: History,
    /// Most bytes of bodies that this node keeps on side branches.
    pub side_body_bytes_max: usize,
}

/// The first block of a chain and the state after it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Genesis {
    /// The header. Its roots of state and ancestors are worked out when a chain is opened.
    pub header: Header,
    /// The accounts, over an empty state.
    pub diff: StateDiff,
}

impl ChainConfig {
    /// Returns the public chain's rules.
    #[must_use]
    pub fn public() -> Self {
        Self {
            chain_id: PUBLIC_CHAIN_ID,
            interval_s: 15,
            target_max: U256::MAX >> 16,
            max_reorg: MAX_REORG,
            gas_limit_target: GAS_LIMIT_DEFAULT,
            history: History::Blocks(8_192),
            side_body_bytes_max: 512 << 20,
        }
    }

    /// Returns the public test chain's rules.
    #[must_use]
    pub fn test() -> Self {
        Self { chain_id: TEST_CHAIN_ID, ..Self::public() }
    }

    /// Returns the rules of a development network: blocks every two seconds, and any target.
    #[must_use]
    pub fn development() -> Self {
        Self {
            chain_id: DEVELOPMENT_CHAIN_ID,
            interval_s: 2,
            target_max: U256::MAX,
            ..Self::public()
        }
    }

    /// Returns how far a header may be ahead of the receiver's clock, in seconds: tau / 20.
    #[must_use]
    pub const fn future_max_s(&self) -> u64 {
        self.interval_s.saturating_mul(TAU_INTERVALS) / 20
    }

    /// Returns the age of a tip, in seconds, above which a node counts as out of sync.
    #[must_use]
    pub const fn stale_tip_s(&self) -> u64 {
        self.interval_s.saturating_mul(self.max_reorg).saturating_mul(2)
    }
}
