//! A verifiable random function on secp256k1 (RFC 9381, try-and-increment; SPEC 2).
//!
//! For each key and input there is one output; only the key's holder computes it, and everybody can
//! check it. The suite is RFC 9381's ECVRF with SHA-256, cofactor 1, 16-byte challenges and suite
//! byte `0xfe`, which the RFC leaves for curves that it does not list.
//!
//! ```
//! use mbt_crypto::{SecretKey, vrf};
//!
//! let key = SecretKey::from_bytes([7; 32])?;
//! let proof = vrf::prove(&key, b"epoch 12")?;
//! let sent = proof.to_bytes();
//! let output = vrf::Proof::from_bytes(&sent)?.verify(&key.public_key(), b"epoch 12")?;
//! assert_eq!(output, proof.output());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use hmac::{Hmac, KeyInit, Mac};
use primitive_types::{H256, U256};
use secp256k1::{Scalar, constants::CURVE_ORDER};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{PublicKey, SecretKey};

const SUITE: u8 = 0xfe;
const ENCODE_TO_CURVE: u8 = 1;
const CHALLENGE: u8 = 2;
const PROOF_TO_HASH: u8 = 3;
/// Closes every hash input (RFC 9381, `domain_separator_back`).
const BACK: u8 = 0;

/// Bytes of a proof: a compressed point, the challenge c and the scalar s.
pub const PROOF_BYTES: usize = 33 + 16 + 32;

/// Why bytes are not a proof.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidProof {
    /// Not 81 bytes.
    #[error("proof of {length} bytes, expected 81")]
    WrongLength {
        /// Bytes given.
        length: usize,
    },
    /// Gamma is not the compressed encoding of a point of the curve.
    #[error("gamma is not a point of the curve")]
    NotAPoint,
    /// s is not below the order of the curve.
    #[error("s is not below the order of the curve")]
    ScalarOutOfRange,
}

/// Why there is no output.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VrfError {
    /// 256 attempts found no point for the input: expected for one input in 2^256.
    #[error("the input has no point on the curve")]
    NoPoint,
    /// The proof is not for this key and input.
    #[error("the proof does not hold for this key and input")]
    WrongProof,
}

/// Shows that an output belongs to a key and an input.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Proof {
    gamma: PublicKey,
    c: [u8; 16],
    s: [u8; 32],
}

/// Proves the output for the input `alpha` (RFC 9381, 5.1). The same arguments give the same proof.
///
/// # Errors
/// [`VrfError::NoPoint`] for one input in 2^256.
pub fn prove(key: &SecretKey, alpha: &[u8]) -> Result<Proof, VrfError> {
    let public = key.public_key();
    let h = encode_to_curve(&public, alpha)?;
    let gamma = key.multiply(&h);
    let nonce = nonce(key, &h);
    let c = challenge([&public, &h, &gamma, &nonce.public_key(), &nonce.multiply(&h)]);
    // s = nonce + c * key modulo the order. Both parts may be zero in theory.
    let s = match key.multiply_scalar(&widen(c)) {
        Some(product) => product.add(nonce.expose_bytes()),
        None => Some(nonce),
    };
    Ok(Proof { gamma, c, s: s.map_or([0; 32], |s| *s.expose_bytes()) })
}

impl Proof {
    /// Reads 81 bytes.
    ///
    /// # Errors
    /// See [`InvalidProof`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidProof> {
        let wrong_length = InvalidProof::WrongLength { length: bytes.len() };
        let (gamma, rest) = bytes.split_first_chunk::<33>().ok_or(wrong_length)?;
        let (c, s) = rest.split_first_chunk().ok_or(wrong_length)?;
        let s = s.try_into().map_err(|_| wrong_length)?;
        if s >= CURVE_ORDER {
            return Err(InvalidProof::ScalarOutOfRange);
        }
        let gamma = PublicKey::from_sec1(gamma).map_err(|_| InvalidProof::NotAPoint)?;
        Ok(Self { gamma, c: *c, s })
    }

    /// Returns the 81 bytes `gamma || c || s`.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; PROOF_BYTES] {
        let mut bytes = [0; PROOF_BYTES];
        bytes[..33].copy_from_slice(&self.gamma.to_compressed());
        bytes[33..49].copy_from_slice(&self.c);
        bytes[49..].copy_from_slice(&self.s);
        bytes
    }

    /// Returns the output that this proof is for if it holds (RFC 9381, 5.2).
    #[must_use]
    pub fn output(&self) -> H256 {
        let mut hasher = Sha256::new();
        hasher.update([SUITE, PROOF_TO_HASH]);
        hasher.update(self.gamma.to_compressed());
        hasher.update([BACK]);
        H256(hasher.finalize().into())
    }

    /// Returns the output of `key` for the input `alpha`, once this proof shows it (RFC 9381, 5.3).
    ///
    /// A [`PublicKey`] is a point of the curve and never its neutral element, so the RFC's key
    /// validation is done by the type.
    ///
    /// # Errors
    /// [`VrfError::WrongProof`], or [`VrfError::NoPoint`] for one input in 2^256.
    pub fn verify(&self, key: &PublicKey, alpha: &[u8]) -> Result<H256, VrfError> {
        let h = encode_to_curve(key, alpha)?;
        let c = widen(self.c);
        // U = s * B - c * Y and V = s * H - c * Gamma; no honest prover arrives at infinity.
        let s_base = SecretKey::from_bytes(self.s).ok().map(|s| s.public_key());
        let u = subtract(s_base, multiply(key, &c)).ok_or(VrfError::WrongProof)?;
        let v = subtract(multiply(&h, &self.s), multiply(&self.gamma, &c))
            .ok_or(VrfError::WrongProof)?;
        if challenge([key, &h, &self.gamma, &u, &v]) == self.c {
            Ok(self.output())
        } else {
            Err(VrfError::WrongProof)
        }
    }
}

/// Returns the point that stands for the input (RFC 9381, 5.4.1.1), salted with the key.
fn encode_to_curve(key: &PublicKey, alpha: &[u8]) -> Result<PublicKey, VrfError> {
    let mut hasher = Sha256::new();
    hasher.update([SUITE, ENCODE_TO_CURVE]);
    hasher.update(key.to_compressed());
    hasher.update(alpha);
    (0..=u8::MAX)
        .find_map(|attempt| {
            let mut candidate = [2; 33];
            candidate[1..]
                .copy_from_slice(&hasher.clone().chain_update([attempt, BACK]).finalize());
            PublicKey::from_sec1(&candidate).ok()
        })
        .ok_or(VrfError::NoPoint)
}

/// Returns the first half of the hash of all points (RFC 9381, 5.4.3).
fn challenge(points: [&PublicKey; 5]) -> [u8; 16] {
    let mut hasher = Sha256::new();
    hasher.update([SUITE, CHALLENGE]);
    points.iter().for_each(|point| hasher.update(point.to_compressed()));
    hasher.update([BACK]);
    let hash: [u8; 32] = hasher.finalize().into();
    let mut c = [0; 16];
    c.copy_from_slice(&hash[..16]);
    c
}

/// Returns the nonce for the point `h` (RFC 9381, 5.4.2.1; RFC 6979, 3.2).
fn nonce(key: &SecretKey, h: &PublicKey) -> SecretKey {
    let order = U256::from_big_endian(&CURVE_ORDER);
    let hash = U256::from_big_endian(&Sha256::digest(h.to_compressed()));
    // The order exceeds 2^255, so one subtraction reduces.
    let hash = hash.checked_sub(order).unwrap_or(hash).to_big_endian();
    let mut k = Zeroizing::new([0; 32]);
    let mut v = Zeroizing::new([1; 32]);
    for step in [0, 1] {
        k = mac(&k, &[&*v, &[step], key.expose_bytes(), &hash]);
        v = mac(&k, &[&*v]);
    }
    loop {
        v = mac(&k, &[&*v]);
        if let Ok(nonce) = SecretKey::from_bytes(*v) {
            return nonce;
        }
        k = mac(&k, &[&*v, &[0]]);
        v = mac(&k, &[&*v]);
    }
}

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    // A key shorter than a block of the hash stands for itself with zeros behind it.
    let mut block = Zeroizing::new([0; 64]);
    block[..32].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    parts.iter().for_each(|part| mac.update(part));
    Zeroizing::new(mac.finalize().into_bytes().into())
}

fn widen(c: [u8; 16]) -> [u8; 32] {
    let mut wide = [0; 32];
    wide[16..].copy_from_slice(&c);
    wide
}

/// Multiplies in variable time, for what everybody may know; `None` is the neutral element.
fn multiply(point: &PublicKey, scalar: &[u8; 32]) -> Option<PublicKey> {
    point.0.mul_tweak(&Scalar::from_be_bytes(*scalar).ok()?).ok().map(PublicKey)
}

fn subtract(a: Option<PublicKey>, b: Option<PublicKey>) -> Option<PublicKey> {
    match (a, b.map(|b| PublicKey(b.0.negate()))) {
        (Some(a), Some(b)) => a.0.combine(&b.0).ok().map(PublicKey),
        (a, b) => a.or(b),
    }
}
