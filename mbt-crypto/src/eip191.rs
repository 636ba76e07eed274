//! Messages for people (EIP-191 version `0x45`, `personal_sign`).

use alloc::string::ToString;

use primitive_types::H256;

use crate::{Address, InvalidSignature, Keccak256, RecoveryPolicy, SecretKey, Signature};

/// Returns the hash that a key signs for a message meant for people: Keccak-256 of
/// `0x19 "Ethereum Signed Message:\n"`, the length in decimal, and the bytes.
///
/// No transaction and no EIP-712 digest has such a preimage, so a signed message is never either.
#[must_use]
pub fn message_hash(message: &[u8]) -> H256 {
    let mut hasher = Keccak256::new();
    hasher.update(b"\x19Ethereum Signed Message:\n");
    hasher.update(message.len().to_string());
    hasher.update(message);
    hasher.finalize()
}

/// Signs a message meant for people. Tools expect the bytes of [`Signature::to_rsv`].
#[must_use]
pub fn sign_message(key: &SecretKey, message: &[u8]) -> Signature {
    key.sign(message_hash(message))
}

/// Returns who signed a message meant for people.
///
/// # Errors
/// As [`Signature::recover`], with low s demanded.
pub fn recover_message_signer(
    message: &[u8],
    signature: &Signature,
) -> Result<Address, InvalidSignature> {
    signature.recover_address(message_hash(message), RecoveryPolicy::LowS)
}

/// Proves that `signer` signed a message meant for people.
///
/// # Errors
/// As [`Signature::verify`].
pub fn verify_message(
    message: &[u8],
    signature: &Signature,
    signer: Address,
) -> Result<(), InvalidSignature> {
    signature.verify(message_hash(message), signer)
}
