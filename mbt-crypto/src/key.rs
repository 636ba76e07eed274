//! secp256k1 keys.

use core::{fmt, str::FromStr};

use primitive_types::H256;
use secp256k1::ecdsa::RecoverableSignature;
use zeroize::Zeroizing;

use crate::{Address, InvalidSignature, Signature, keccak256};

/// Why bytes are not a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidKey {
    /// A secret key of zero, or not below the order of the curve.
    #[error("secret key is zero or not below the order of the curve")]
    SecretOutOfRange,
    /// Not 64 hex digits, with or without `0x`.
    #[error("secret key is not 64 hex digits")]
    InvalidHex,
    /// Not the encoding of a point of the curve.
    #[error("public key is not a point of the curve")]
    NotAPoint,
}

/// A secp256k1 secret key. Wiped when dropped, never shown, compared in constant time.
#[derive(Clone)]
pub struct SecretKey(Zeroizing<[u8; 32]>);

impl SecretKey {
    /// Takes 32 big-endian bytes.
    ///
    /// # Errors
    /// [`InvalidKey::SecretOutOfRange`] for zero and for values not below the curve's order.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, InvalidKey> {
        let bytes = Zeroizing::new(bytes);
        let mut key = secp256k1::SecretKey::from_secret_bytes(*bytes)
            .map_err(|_| InvalidKey::SecretOutOfRange)?;
        key.non_secure_erase();
        Ok(Self(bytes))
    }

    /// Draws a key.
    ///
    /// # Errors
    /// [`InvalidKey::SecretOutOfRange`] once in 2^128 draws: rather a sign of a broken generator.
    pub fn random(rng: &mut impl rand_core::CryptoRng) -> Result<Self, InvalidKey> {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *bytes);
        Self::from_bytes(*bytes)
    }

    /// Shows the secret bytes to whoever stores them.
    #[must_use]
    pub fn expose_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the public key.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.with_raw(|key| PublicKey(key.public_key()))
    }

    /// Returns the address of the public key.
    #[must_use]
    pub fn address(&self) -> Address {
        self.public_key().address()
    }

    /// Signs a 32-byte hash: RFC 6979, low s, recoverable.
    #[must_use]
    pub fn sign(&self, hash: H256) -> Signature {
        let message = secp256k1::Message::from_digest(hash.0);
        let signature =
            self.with_raw(|key| RecoverableSignature::sign_ecdsa_recoverable(message, key));
        Signature::from_recoverable(&signature)
    }

    /// Returns the key plus `tweak` modulo the curve's order; `None` if the sum is zero or the tweak
    /// not below the order.
    #[cfg(any(feature = "hd", feature = "vrf"))]
    pub(crate) fn add(&self, tweak: &[u8; 32]) -> Option<Self> {
        let mut scalar = secp256k1::Scalar::from_be_bytes(*tweak).ok()?;
        let sum = self.with_raw(|key| key.add_tweak(&scalar));
        scalar.non_secure_erase();
        sum.ok().map(Self::from_raw)
    }

    /// Returns the key times `scalar` modulo the curve's order; `None` if the scalar is zero or not
    /// below the order.
    #[cfg(feature = "vrf")]
    pub(crate) fn multiply_scalar(&self, scalar: &[u8; 32]) -> Option<Self> {
        let scalar = secp256k1::Scalar::from_be_bytes(*scalar).ok()?;
        self.with_raw(|key| key.mul_tweak(&scalar)).ok().map(Self::from_raw)
    }

    /// Returns `point` times the key, in constant time.
    #[cfg(feature = "vrf")]
    pub(crate) fn multiply(&self, point: &PublicKey) -> PublicKey {
        let mut sec1 = Zeroizing::new([4; 65]);
        sec1[1..].copy_from_slice(&*self.shared_point(point));
        #[allow(clippy::expect_used, reason = "the group's order is prime, and neither is neutral")]
        let product = secp256k1::PublicKey::from_byte_array_uncompressed(*sec1)
            .expect("a point times a scalar in range is a point");
        PublicKey(product)
    }

    /// Returns `x || y` of `point` times the key, in constant time (ECDH).
    #[cfg(any(feature = "ecies", feature = "vrf"))]
    pub(crate) fn shared_point(&self, point: &PublicKey) -> Zeroizing<[u8; 64]> {
        self.with_raw(|key| Zeroizing::new(secp256k1::ecdh::shared_secret_point(&point.0, key)))
    }

    #[cfg(any(feature = "hd", feature = "vrf"))]
    fn from_raw(mut raw: secp256k1::SecretKey) -> Self {
        let key = Self(Zeroizing::new(raw.to_secret_bytes()));
        raw.non_secure_erase();
        key
    }

    fn with_raw<T>(&self, f: impl FnOnce(&secp256k1::SecretKey) -> T) -> T {
        #[allow(clippy::expect_used, reason = "the range was checked when the key was made")]
        let mut raw = secp256k1::SecretKey::from_secret_bytes(*self.0).expect("range was checked");
        let result = f(&raw);
        raw.non_secure_erase();
        result
    }
}

impl FromStr for SecretKey {
    type Err = InvalidKey;

    /// Reads 64 hex digits, with or without `0x`.
    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut *bytes)
            .map_err(|_| InvalidKey::InvalidHex)?;
        Self::from_bytes(*bytes)
    }
}

impl PartialEq for SecretKey {
    /// Compares in constant time.
    fn eq(&self, other: &Self) -> bool {
        self.with_raw(|a| other.with_raw(|b| a == b))
    }
}

impl Eq for SecretKey {}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// A point of secp256k1.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PublicKey(pub(crate) secp256k1::PublicKey);

impl PublicKey {
    /// Reads SEC1: 33 bytes compressed, 65 uncompressed.
    ///
    /// # Errors
    /// [`InvalidKey::NotAPoint`] for anything else.
    pub fn from_sec1(bytes: &[u8]) -> Result<Self, InvalidKey> {
        // Hybrid encodings (first byte 6 or 7) have a second form and are refused.
        if !matches!((bytes.first(), bytes.len()), (Some(2 | 3), 33) | (Some(4), 65)) {
            return Err(InvalidKey::NotAPoint);
        }
        secp256k1::PublicKey::from_slice(bytes).map(Self).map_err(|_| InvalidKey::NotAPoint)
    }

    /// Returns the 33 compressed bytes.
    #[must_use]
    pub fn to_compressed(&self) -> [u8; 33] {
        self.0.serialize()
    }

    /// Returns the 64 bytes `x || y`.
    #[must_use]
    pub fn to_uncompressed(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes.copy_from_slice(&self.0.serialize_uncompressed()[1..]);
        bytes
    }

    /// Proves that this key signed `hash`; `signature` is `r || s`.
    ///
    /// # Errors
    /// [`InvalidSignature::OutOfRange`], [`InvalidSignature::HighS`] or
    /// [`InvalidSignature::WrongKey`].
    pub fn verify(&self, hash: H256, signature: &[u8; 64]) -> Result<(), InvalidSignature> {
        let signature = secp256k1::ecdsa::Signature::from_compact(signature)
            .map_err(|_| InvalidSignature::OutOfRange)?;
        let mut low = signature;
        low.normalize_s();
        if low != signature {
            return Err(InvalidSignature::HighS);
        }
        let message = secp256k1::Message::from_digest(hash.0);
        secp256k1::ecdsa::verify(&signature, message, &self.0)
            .map_err(|_| InvalidSignature::WrongKey)
    }

    /// Returns the account this key controls.
    #[must_use]
    pub fn address(&self) -> Address {
        Address::from_hash(keccak256(self.to_uncompressed()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", hex::encode(self.to_compressed()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_keys_out_of_range_are_refused() {
        assert_eq!(SecretKey::from_bytes([0; 32]), Err(InvalidKey::SecretOutOfRange));
        assert_eq!(SecretKey::from_bytes([0xff; 32]), Err(InvalidKey::SecretOutOfRange));
    }

    #[test]
    fn the_range_of_secret_keys_is_exact() {
        let mut order = secp256k1::constants::CURVE_ORDER;
        assert_eq!(SecretKey::from_bytes(order), Err(InvalidKey::SecretOutOfRange));
        order[31] -= 1;
        assert!(SecretKey::from_bytes(order).is_ok());
        order[31] += 2;
        assert_eq!(SecretKey::from_bytes(order), Err(InvalidKey::SecretOutOfRange));
        let mut one = [0; 32];
        one[31] = 1;
        assert!(SecretKey::from_bytes(one).is_ok());
    }

    #[test]
    fn secret_keys_are_read_from_hex() {
        let key = SecretKey::from_bytes([0xab; 32]).unwrap();
        for text in ["ab".repeat(32), "AB".repeat(32), format!("0x{}", "ab".repeat(32))] {
            assert_eq!(text.parse(), Ok(key.clone()));
        }
        for text in
            ["", "0x", &"ab".repeat(31), &"ab".repeat(33), &"zz".repeat(32), &"ab".repeat(1 << 20)]
        {
            assert_eq!(text.parse::<SecretKey>(), Err(InvalidKey::InvalidHex));
        }
        assert_eq!("00".repeat(32).parse::<SecretKey>(), Err(InvalidKey::SecretOutOfRange));
    }

    #[test]
    fn points_off_the_curve_and_odd_encodings_are_refused() {
        let key = SecretKey::from_bytes([7; 32]).unwrap().public_key();
        let compressed = key.to_compressed();
        let full = [&[4][..], &key.to_uncompressed()].concat();
        assert_eq!(PublicKey::from_sec1(&compressed), Ok(key));
        assert_eq!(PublicKey::from_sec1(&full), Ok(key));
        let refuse = |bytes: &[u8]| {
            assert_eq!(PublicKey::from_sec1(bytes), Err(InvalidKey::NotAPoint), "{bytes:02x?}");
        };
        // The neutral element, no bytes, x without a point, x = p, and every wrong first byte.
        refuse(&[0]);
        refuse(&[]);
        refuse(&[&[2; 1][..], &[0; 31], &[5]].concat());
        refuse(&[&[2; 1][..], &[0xff; 27], &[0xfe, 0xff, 0xff, 0xfc, 0x2f]].concat());
        for mark in (0..=u8::MAX).filter(|mark| !matches!(mark, 2 | 3)) {
            refuse(&[&[mark], &compressed[1..]].concat());
        }
        for mark in (0..=u8::MAX).filter(|mark| *mark != 4) {
            refuse(&[&[mark], &full[1..]].concat());
        }
        for length in (0..65).filter(|length| *length != 33) {
            refuse(&full[..length]);
        }
        let mut off_curve = full.clone();
        off_curve[64] ^= 1;
        refuse(&off_curve);
        refuse(&[&full[..], &[0]].concat());
    }

    #[test]
    fn debug_does_not_show_the_secret() {
        let key = SecretKey::from_bytes([0x42; 32]).unwrap();
        assert_eq!(format!("{key:?}"), "SecretKey(..)");
    }
}
