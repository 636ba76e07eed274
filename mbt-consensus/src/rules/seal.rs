//! Proof of work.

use core::ops::Range;

use mbt_crypto::{H256, U256};

use crate::Header;

/// Returns the target that a header's work must be below: the nominal one, as long as no lot
/// lowers the difficulty.
#[must_use]
pub const fn effective_target(header: &Header) -> U256 {
    header.target
}

/// Returns the nominal work of a target, `floor(2^256 / (target + 1))`: the hashes that a block
/// costs on average.
#[must_use]
pub fn nominal_work(target: U256) -> U256 {
    let Some(divisor) = target.checked_add(U256::one()) else { return U256::one() };
    // 2^256 / (t + 1) = (2^256 - 1 - t) / (t + 1) + 1; a target of zero, which no work meets,
    // would be worth 2^256.
    (!target).checked_div(divisor).unwrap_or_default().saturating_add(U256::one())
}

/// Tries nonces and returns the first whose work is below `target`. A miner calls it with slices
/// of the nonces, so that it can stop or change block between them.
///
/// ```
/// use mbt_consensus::{Header, seal};
/// let mut header = Header { target: mbt_crypto::U256::MAX >> 8, ..Header::default() };
/// header.nonce = seal::search(header.seal_hash(), header.target, 0..100_000).unwrap();
/// assert!(header.work_hash() < header.target);
/// ```
#[must_use]
pub fn search(seal_hash: H256, target: U256, mut nonces: Range<u64>) -> Option<u64> {
    nonces.find(|nonce| Header::work_hash_of(seal_hash, *nonce) < target)
}
