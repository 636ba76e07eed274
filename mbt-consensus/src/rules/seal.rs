//! Proof of work.

use core::ops::Range;

use mbt_crypto::{H256, U256, keccak256_many};

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

/// Nonces hashed together: enough to keep every lane of a vector engine busy, few enough that a
/// nonce found early wastes no more than some microseconds.
const BATCH: usize = 64;

/// Tries nonces and returns the first whose work is below `target`. A miner calls it with slices
/// of the nonces, so that it can stop or change block between them; slices of a multiple of 64
/// waste nothing.
///
/// ```
/// use mbt_consensus::{Header, seal};
/// let mut header = Header { target: mbt_crypto::U256::MAX >> 8, ..Header::default() };
/// header.nonce = seal::search(header.seal_hash(), header.target, 0..100_000).unwrap();
/// assert!(header.work_hash() < header.target);
/// ```
#[must_use]
pub fn search(seal_hash: H256, target: U256, mut nonces: Range<u64>) -> Option<u64> {
    let target = target.to_big_endian();
    let mut sealed = [[0; 40]; BATCH];
    for message in &mut sealed {
        message[..32].copy_from_slice(&seal_hash.0);
    }
    while !nonces.is_empty() {
        let batch = nonces.start..nonces.end.min(nonces.start.saturating_add(BATCH as u64));
        let messages = sealed.iter_mut().zip(batch.clone()).map(|(message, nonce)| {
            message[32..].copy_from_slice(&nonce.to_be_bytes());
            message.as_slice()
        });
        let mut first = None;
        keccak256_many(messages, |index, work| {
            if work.0 < target && first.is_none_or(|first| index < first) {
                first = Some(index);
            }
        });
        if let Some(index) = first {
            return batch.clone().nth(index);
        }
        nonces.start = batch.end;
    }
    None
}

#[cfg(test)]
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
    fn a_slice_of_any_length_anywhere_is_searched_as_one_by_one() {
        let (seal_hash, target) = (keccak256(b"header"), U256::MAX >> 7);
        for start in [0, 1, 500, u64::MAX - 150] {
            for length in [0, 1, 7, 8, 63, 64, 65, 150] {
                let nonces = start..start + length;
                let mut one_by_one = nonces.clone();
                let first = one_by_one.find(|n| Header::work_hash_of(seal_hash, *n) < target);
                assert_eq!(search(seal_hash, target, nonces.clone()), first, "{nonces:?}");
            }
        }
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
