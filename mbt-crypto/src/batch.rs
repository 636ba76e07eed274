//! Many signatures at once; on all cores with feature `parallel`.

use alloc::vec::Vec;

use primitive_types::H256;

use crate::{Address, InvalidSignature, RecoveryPolicy, Signature};

/// The first signature of a batch that does not hold, whatever order they were checked in.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("signature {index} of the batch: {source}")]
pub struct InvalidInBatch {
    /// Its place in the batch.
    pub index: usize,
    /// Why.
    pub source: InvalidSignature,
}

/// Returns who signed each item, in order. `signed` gives an item's hash and signature; it runs
/// beside the recovery, so that hashing is shared among the cores too.
///
/// ```
/// use mbt_crypto::{RecoveryPolicy, SecretKey, keccak256, recover_all};
///
/// let key = SecretKey::from_bytes([7; 32])?;
/// let notes = ["one", "two"].map(|note| (note, key.sign(keccak256(note))));
/// let signed = |(note, signature): &(&str, _)| (keccak256(note), *signature);
/// let signers = recover_all(&notes, RecoveryPolicy::LowS, signed)?;
/// assert_eq!(signers, [key.address(); 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The first item whose signature is refused.
pub fn recover_all<T: Sync>(
    items: &[T],
    policy: RecoveryPolicy,
    signed: impl Fn(&T) -> (H256, Signature) + Send + Sync,
) -> Result<Vec<Address>, InvalidInBatch> {
    in_order(recover_each(items, policy, signed))
}

/// Like [`recover_all`], for batches of which each item is judged by itself: a pool's, or a list of
/// what others sent.
pub fn recover_each<T: Sync>(
    items: &[T],
    policy: RecoveryPolicy,
    signed: impl Fn(&T) -> (H256, Signature) + Send + Sync,
) -> Vec<Result<Address, InvalidSignature>> {
    map(items, |item| {
        let (hash, signature) = signed(item);
        signature.recover_address(hash, policy)
    })
}

/// Proves that every signature is of its signer over its hash, s low.
///
/// # Errors
/// The first item whose signature does not hold.
pub fn verify_all(items: &[(H256, Signature, Address)]) -> Result<(), InvalidInBatch> {
    in_order(map(items, |(hash, signature, signer)| signature.verify(*hash, *signer))).map(drop)
}

fn in_order<T>(results: Vec<Result<T, InvalidSignature>>) -> Result<Vec<T>, InvalidInBatch> {
    let at = |(index, result): (usize, Result<T, _>)| {
        result.map_err(|source| InvalidInBatch { index, source })
    };
    results.into_iter().enumerate().map(at).collect()
}

#[cfg(feature = "parallel")]
fn map<T: Sync, R: Send>(items: &[T], f: impl Fn(&T) -> R + Send + Sync) -> Vec<R> {
    use rayon::prelude::*;
    items.par_iter().map(f).collect()
}

#[cfg(not(feature = "parallel"))]
fn map<T, R>(items: &[T], f: impl Fn(&T) -> R) -> Vec<R> {
    items.iter().map(f).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SecretKey, keccak256};

    fn batch(length: u8) -> Vec<(H256, Signature, Address)> {
        let sign = |i| {
            let key = SecretKey::from_bytes([i + 1; 32]).unwrap();
            let hash = keccak256([i]);
            (hash, key.sign(hash), key.address())
        };
        (0..length).map(sign).collect()
    }

    #[test]
    fn signers_come_in_the_order_of_the_items() {
        let items = batch(100);
        let signers = recover_all(&items, RecoveryPolicy::LowS, |item| (item.0, item.1)).unwrap();
        assert!(items.iter().map(|item| item.2).eq(signers));
        assert_eq!(verify_all(&items), Ok(()));
        assert_eq!(
            recover_all(&items[..0], RecoveryPolicy::LowS, |item| (item.0, item.1)),
            Ok(vec![])
        );
    }

    #[test]
    fn the_first_of_many_failures_is_reported() {
        let mut items = batch(100);
        for index in [93, 60, 17] {
            items[index].1.s = [0xff; 32];
            let expected = Err(InvalidInBatch { index, source: InvalidSignature::HighS });
            for _ in 0..20 {
                assert_eq!(verify_all(&items), expected);
                let signers = recover_all(&items, RecoveryPolicy::LowS, |item| (item.0, item.1));
                assert_eq!(signers.map(drop), expected);
            }
            let each = recover_each(&items, RecoveryPolicy::LowS, |item| (item.0, item.1));
            for (i, (result, item)) in each.into_iter().zip(&items).enumerate() {
                let damaged = item.1.s == [0xff; 32];
                assert_eq!(result.ok(), (!damaged).then_some(item.2), "{i}");
            }
        }
    }
}
