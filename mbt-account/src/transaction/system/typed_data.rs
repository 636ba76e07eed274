//! Digests of what payloads carry signed (EIP-712).

use mbt_crypto::{Address, H256, Keccak256, Signature, U256, keccak256};

use super::SystemType;

/// Returns the digest to sign for a struct: `words` are the hash of its type and its members, each
/// encoded as 32 bytes. The domain's contract is the one of `system`.
pub(super) fn digest(name: &str, chain_id: u64, system: SystemType, words: &[H256]) -> H256 {
    let domain = hash_words(&[
        keccak256(
            "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)",
        ),
        keccak256(name),
        keccak256("1"),
        number(chain_id.into()),
        address(system.contract()),
    ]);
    let mut hasher = Keccak256::new();
    hasher.update([0x19, 0x01]);
    hasher.update(domain);
    hasher.update(hash_words(words));
    hasher.finalize()
}

fn hash_words(words: &[H256]) -> H256 {
    let mut hasher = Keccak256::new();
    for word in words {
        hasher.update(word);
    }
    hasher.finalize()
}

pub(super) fn number(value: U256) -> H256 {
    H256(value.to_big_endian())
}

pub(super) fn address(value: Address) -> H256 {
    let mut word = H256::zero();
    word.0[12..].copy_from_slice(&value.0);
    word
}

/// Reads a signature of 64 bytes, its parity in the highest bit of s (EIP-2098).
pub(super) fn signature(compact: &[u8; 64]) -> Signature {
    let mut signature = Signature { y_parity: compact[32] & 0x80 != 0, ..Signature::default() };
    signature.r.copy_from_slice(&compact[..32]);
    signature.s.copy_from_slice(&compact[32..]);
    signature.s[0] &= 0x7f;
    signature
}
