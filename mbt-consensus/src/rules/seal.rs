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

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking"
)]
mod tests {
    use mbt_crypto::keccak256;
    use primitive_types::U512;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_nonce_below_the_target_is_found_and_no_other() {
        let (seal_hash, target) = (keccak256(b"header"), U256::MAX >> 6);
        let found = search(seal_hash, target, 0..10_000).unwrap();
        assert!(Header::work_hash_of(seal_hash, found) < target);
        assert_eq!(search(seal_hash, target, 0..found), None);
        assert_eq!(search(seal_hash, U256::zero(), 0..100), None);
    }

    #[test]
    fn work_of_the_extreme_targets_fits() {
        assert_eq!(nominal_work(U256::MAX), U256::one());
        assert_eq!(nominal_work(U256::one()), U256::one() << 255);
        assert_eq!(nominal_work(U256::zero()), U256::MAX);
    }

    proptest! {
        #[test]
        fn work_is_the_floor_of_the_wide_quotient(bytes: [u8; 32], shift in 0_usize..255) {
            let target = (U256::from_big_endian(&bytes) >> shift).max(U256::one());
            let wide = (U512::one() << 256) / (U512::from(target) + 1);
            prop_assert_eq!(U512::from(nominal_work(target)), wide);
        }
    }
}
