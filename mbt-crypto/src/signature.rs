//! Recoverable ECDSA over secp256k1 (SPEC 2).

use primitive_types::H256;
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};

use crate::{Address, PublicKey};

/// Half the order of the curve: the greatest s that is low (EIP-2).
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

/// Which signatures are taken.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RecoveryPolicy {
    /// This system's: s must be low, so that a signature has one form.
    #[default]
    LowS,
    /// Ethereum's before Homestead and of the `ecrecover` precompile: any s below the order.
    AnyS,
}

/// A signature `r || s` with the parity of the nonce point's y.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Signature {
    /// x of the nonce point, big-endian.
    pub r: [u8; 32],
    /// The proof, big-endian.
    pub s: [u8; 32],
    /// Whether y of the nonce point is odd.
    pub y_parity: bool,
}

/// Why a signature does not hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSignature {
    /// The parity byte is neither 0 nor 1, or for `r || s || v` neither 27 nor 28.
    #[error("signature parity byte {0} is none that this form knows")]
    Parity(u8),
    /// r or s is zero or not below the order of the curve.
    #[error("signature value r or s is zero or not below the order of the curve")]
    OutOfRange,
    /// s is in the upper half: the signature has been, or could be, malleated.
    #[error("signature value s is high")]
    HighS,
    /// No public key fits signature and hash.
    #[error("no public key can be recovered")]
    Unrecoverable,
    /// The signature does not fit key and message.
    #[error("signature does not fit key and message")]
    WrongKey,
    /// The signature was made by another key.
    #[error("signed by {recovered:?}, expected {expected:?}")]
    WrongSigner {
        /// Who signed.
        recovered: Address,
        /// Who should have.
        expected: Address,
    },
}

impl Signature {
    /// Reads the 65 bytes `r || s || y_parity`.
    ///
    /// # Errors
    /// [`InvalidSignature::Parity`], [`InvalidSignature::OutOfRange`] or
    /// [`InvalidSignature::HighS`].
    pub fn from_bytes(bytes: &[u8; 65]) -> Result<Self, InvalidSignature> {
        let mut signature = Self::default();
        signature.r.copy_from_slice(&bytes[..32]);
        signature.s.copy_from_slice(&bytes[32..64]);
        signature.y_parity = match bytes[64] {
            0 => false,
            1 => true,
            other => return Err(InvalidSignature::Parity(other)),
        };
        signature.check(RecoveryPolicy::LowS)?;
        Ok(signature)
    }

    /// Returns the 65 bytes `r || s || y_parity`.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 65] {
        let mut bytes = [0; 65];
        bytes[..64].copy_from_slice(&self.to_compact());
        bytes[64] = u8::from(self.y_parity);
        bytes
    }

    /// Reads the 65 bytes `r || s || v` of Ethereum's tools and contracts, v being 27 or 28.
    ///
    /// # Errors
    /// [`InvalidSignature::Parity`], [`InvalidSignature::OutOfRange`] or
    /// [`InvalidSignature::HighS`].
    pub fn from_rsv(bytes: &[u8; 65]) -> Result<Self, InvalidSignature> {
        let mut with_parity = *bytes;
        with_parity[64] = match bytes[64] {
            v @ (27 | 28) => v - 27,
            v => return Err(InvalidSignature::Parity(v)),
        };
        Self::from_bytes(&with_parity)
    }

    /// Returns the 65 bytes `r || s || v` that Ethereum's tools and contracts read, v being 27 or
    /// 28.
    #[must_use]
    pub fn to_rsv(&self) -> [u8; 65] {
        let mut bytes = self.to_bytes();
        bytes[64] += 27;
        bytes
    }

    /// Reads the 64 bytes of EIP-2098: `r || s` with the parity in the top bit of s.
    ///
    /// # Errors
    /// [`InvalidSignature::OutOfRange`] or [`InvalidSignature::HighS`].
    pub fn from_eip2098(bytes: &[u8; 64]) -> Result<Self, InvalidSignature> {
        let mut with_parity = [0; 65];
        with_parity[..64].copy_from_slice(bytes);
        with_parity[32] &= 0x7f;
        with_parity[64] = bytes[32] >> 7;
        Self::from_bytes(&with_parity)
    }

    /// Returns the 64 bytes of EIP-2098. Only for a low s, whose top bit is free.
    #[must_use]
    pub fn to_eip2098(&self) -> [u8; 64] {
        let mut bytes = self.to_compact();
        bytes[32] |= u8::from(self.y_parity) << 7;
        bytes
    }

    /// Returns the public key that made this signature over `hash`.
    ///
    /// # Errors
    /// When the values are out of range, s is high under [`RecoveryPolicy::LowS`], or no key fits.
    pub fn recover(
        &self,
        hash: H256,
        policy: RecoveryPolicy,
    ) -> Result<PublicKey, InvalidSignature> {
        let recoverable = self.check(policy)?;
        recoverable
            .recover_ecdsa(secp256k1::Message::from_digest(hash.0))
            .map(PublicKey)
            .map_err(|_| InvalidSignature::Unrecoverable)
    }

    /// Returns the address of [`Signature::recover`]'s key.
    ///
    /// # Errors
    /// As [`Signature::recover`].
    pub fn recover_address(
        &self,
        hash: H256,
        policy: RecoveryPolicy,
    ) -> Result<Address, InvalidSignature> {
        self.recover(hash, policy).map(|key| key.address())
    }

    /// Proves that `signer` signed `hash`: recovers the key, whose r is the signature's by
    /// construction, and compares the derived address (WP 3.2.3).
    ///
    /// # Errors
    /// As [`Signature::recover`], or [`InvalidSignature::WrongSigner`].
    pub fn verify(&self, hash: H256, signer: Address) -> Result<(), InvalidSignature> {
        let recovered = self.recover_address(hash, RecoveryPolicy::LowS)?;
        if recovered == signer {
            Ok(())
        } else {
            Err(InvalidSignature::WrongSigner { recovered, expected: signer })
        }
    }

    pub(crate) fn from_recoverable(signature: &RecoverableSignature) -> Self {
        let (id, compact) = signature.serialize_compact();
        let mut result =
            Self { y_parity: matches!(id, RecoveryId::One | RecoveryId::Three), ..Self::default() };
        result.r.copy_from_slice(&compact[..32]);
        result.s.copy_from_slice(&compact[32..]);
        result
    }

    fn to_compact(self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&self.r);
        bytes[32..].copy_from_slice(&self.s);
        bytes
    }

    fn check(&self, policy: RecoveryPolicy) -> Result<RecoverableSignature, InvalidSignature> {
        if self.r == [0; 32] || self.s == [0; 32] {
            return Err(InvalidSignature::OutOfRange);
        }
        if policy == RecoveryPolicy::LowS && self.s > HALF_ORDER {
            return Err(InvalidSignature::HighS);
        }
        let id = if self.y_parity { RecoveryId::One } else { RecoveryId::Zero };
        RecoverableSignature::from_compact(&self.to_compact(), id)
            .map_err(|_| InvalidSignature::OutOfRange)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SecretKey, keccak256};

    #[test]
    fn signer_is_recovered() {
        let key = SecretKey::from_bytes([7; 32]).unwrap();
        let hash = keccak256(b"message");
        let signature = key.sign(hash);
        assert_eq!(signature.verify(hash, key.address()), Ok(()));
        assert_eq!(Signature::from_bytes(&signature.to_bytes()), Ok(signature));
        assert!(matches!(
            signature.verify(keccak256(b"other"), key.address()),
            Err(InvalidSignature::WrongSigner { .. })
        ));
    }
}
