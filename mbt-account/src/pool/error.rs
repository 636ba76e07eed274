//! Why the pool refuses a transaction, in geth's words: clients match on them.

use mbt_crypto::U256;

use crate::InvalidTransaction;

/// Why a transaction was not taken. Those already pooled are as they were, except that the sender's
/// were brought to the state given.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// It is pooled already.
    #[error("already known")]
    AlreadyKnown,
    /// It has more bytes than one transaction may have.
    #[error("oversized data: transaction size {size}, limit {max}")]
    Oversized {
        /// Encoded bytes.
        size: usize,
        /// The bound.
        max: usize,
    },
    /// It has no chain id, and the pool takes none such.
    #[error("only replay-protected (EIP-155) transactions allowed over RPC")]
    Unprotected,
    /// It is signed for another chain.
    #[error("invalid sender: invalid chain id for signer: have {have} want {want}")]
    WrongChain {
        /// The chain it is signed for.
        have: u64,
        /// The pool's chain.
        want: u64,
    },
    /// No block on this head could hold it.
    #[error(transparent)]
    Invalid(#[from] InvalidTransaction),
    /// Its tip is below the pool's least.
    #[error("transaction underpriced: gas tip cap {tip}, minimum needed {min}")]
    TipTooLow {
        /// Its tip.
        tip: U256,
        /// The pool's least.
        min: U256,
    },
    /// Its fee cap is below the pool's least.
    #[error("transaction underpriced: gas fee cap {cap}, minimum needed {min}")]
    FeeCapTooLow {
        /// Its fee cap.
        cap: U256,
        /// The pool's least.
        min: U256,
    },
    /// The pool is full of better paying ones.
    #[error("transaction underpriced")]
    Underpriced,
    /// The pool is full, and nothing in it pays less.
    #[error("txpool is full")]
    Full,
    /// The pool is full of executable ones, and this one is not.
    #[error("future transaction tries to replace pending")]
    FutureReplacesPending,
    /// One of the same nonce is pooled, and this one does not pay enough more.
    #[error("replacement transaction underpriced")]
    ReplacementUnderpriced,
    /// The sender cannot pay this one on top of those pooled.
    #[error(
        "insufficient funds for gas * price + value: balance {balance}, queued cost {queued}, \
         tx cost {cost}, overshot {}",
        overshot(&[*queued, *cost], *balance)
    )]
    Overdraft {
        /// What the sender holds.
        balance: U256,
        /// What its other executable ones may cost.
        queued: U256,
        /// What this one may cost.
        cost: U256,
    },
    /// The sender has as many pooled as one sender may.
    #[error("account limit exceeded: pooled {pooled} txs")]
    SenderFull {
        /// How many.
        pooled: usize,
    },
}

/// Returns by how much the costs are above the balance.
fn overshot(costs: &[U256], balance: U256) -> U256 {
    costs.iter().fold(U256::zero(), |sum, cost| sum.saturating_add(*cost)).saturating_sub(balance)
}
