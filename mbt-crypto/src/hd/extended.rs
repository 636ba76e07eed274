//! Keys that have children (BIP-32).

use alloc::string::String;
use core::{fmt, str::FromStr};

use bip32::{ExtendedPrivateKey, Prefix};
use zeroize::Zeroizing;

use super::{ChildNumber, DerivationPath};
use crate::{PublicKey, SecretKey};

/// Length of the Base58Check text of every extended key.
const TEXT_BYTES_MAX: usize = bip32::ExtendedKey::MAX_BASE58_SIZE;

/// Why a key cannot be derived.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DerivationError {
    /// The seed is not 16, 32 or 64 bytes.
    #[error("seed of {length} bytes, expected 16, 32 or 64")]
    SeedLength {
        /// Bytes given.
        length: usize,
    },
    /// The key already lies 255 steps below its master key.
    #[error("a key 255 steps below its master key has no children")]
    TooDeep,
    /// A hardened child of a public key.
    #[error("child {child} is hardened and takes the secret key")]
    Hardened {
        /// The child asked for.
        child: ChildNumber,
    },
    /// The child's number stands for no key, which happens once in 2^127: take the next one.
    #[error("this child has no key, take the next one")]
    InvalidChild,
}

/// Why a text is not an extended key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ExtendedKeyError {
    /// The text is longer than any extended key.
    #[error("text of {length} bytes is longer than any extended key")]
    TooLong {
        /// Bytes of the text.
        length: usize,
    },
    /// A character outside the Base58 alphabet, a wrong checksum or a wrong length.
    #[error("not the Base58Check text of an extended key")]
    InvalidBase58,
    /// The version is neither `xprv` where a secret key is read nor `xpub` where a public one is.
    #[error("version {version:#010x} is not the expected {expected:#010x}")]
    WrongVersion {
        /// The version read.
        version: u32,
        /// The version of the kind of key asked for.
        expected: u32,
    },
    /// A master key that claims to have a parent or a number.
    #[error("a master key with a parent")]
    MasterWithParent,
    /// The key is out of range, or not a point of the curve.
    #[error("the key is out of range or not a point of the curve")]
    InvalidKey,
}

/// A secret key with a chain code: every key below it can be derived.
///
/// The secret key is wiped when this is dropped, never shown, and compared in constant time.
#[derive(Clone)]
pub struct ExtendedKey(ExtendedPrivateKey<Secret>);

impl ExtendedKey {
    /// Returns the master key of a seed, usually [`super::Mnemonic::seed`].
    ///
    /// # Errors
    /// [`DerivationError::SeedLength`], or [`DerivationError::InvalidChild`] once in 2^127 seeds.
    pub fn from_seed(seed: &[u8]) -> Result<Self, DerivationError> {
        ExtendedPrivateKey::new(seed).map(Self).map_err(|error| match error {
            bip32::Error::SeedLength => DerivationError::SeedLength { length: seed.len() },
            _ => DerivationError::InvalidChild,
        })
    }

    /// Returns the key at the end of `path`, which starts at this key.
    ///
    /// # Errors
    /// [`DerivationError::TooDeep`] or [`DerivationError::InvalidChild`].
    pub fn derive(&self, path: &DerivationPath) -> Result<Self, DerivationError> {
        path.steps().iter().try_fold(self.clone(), |key, step| key.child(*step))
    }

    /// Returns one child.
    ///
    /// # Errors
    /// [`DerivationError::TooDeep`] or [`DerivationError::InvalidChild`].
    pub fn child(&self, child: ChildNumber) -> Result<Self, DerivationError> {
        self.0
            .derive_child(bip32::ChildNumber(child.to_raw()))
            .map(Self)
            .map_err(|error| derivation_error(error, child))
    }

    /// Returns the secret key, which signs.
    #[must_use]
    pub fn secret_key(&self) -> SecretKey {
        self.0.private_key().0.clone()
    }

    /// Returns the public half, which derives the addresses of unhardened children.
    #[must_use]
    pub fn public(&self) -> ExtendedPublicKey {
        ExtendedPublicKey(self.0.public_key())
    }

    /// Returns the number of steps from the master key.
    #[must_use]
    pub fn depth(&self) -> u8 {
        self.0.attrs().depth
    }

    /// Shows the `xprv` text, secret key included, to whoever stores it.
    #[must_use]
    pub fn expose_text(&self) -> Zeroizing<String> {
        self.0.to_string(Prefix::XPRV)
    }
}

impl FromStr for ExtendedKey {
    type Err = ExtendedKeyError;

    /// Reads an `xprv` text.
    fn from_str(text: &str) -> Result<Self, ExtendedKeyError> {
        decode(text, Prefix::XPRV)?.try_into().map(Self).map_err(|_| ExtendedKeyError::InvalidKey)
    }
}

impl PartialEq for ExtendedKey {
    /// Compares the secret keys in constant time.
    fn eq(&self, other: &Self) -> bool {
        self.0.private_key().0 == other.0.private_key().0 && self.0.attrs() == other.0.attrs()
    }
}

impl Eq for ExtendedKey {}

impl fmt::Debug for ExtendedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExtendedKey(..)")
    }
}

/// A public key with a chain code: shows the addresses of a wallet without being able to sign.
///
/// Together with the secret key of one unhardened child it gives away the secret key of its own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExtendedPublicKey(bip32::ExtendedPublicKey<Public>);

impl ExtendedPublicKey {
    /// Returns one child.
    ///
    /// # Errors
    /// [`DerivationError::Hardened`], [`DerivationError::TooDeep`] or
    /// [`DerivationError::InvalidChild`].
    pub fn child(&self, child: ChildNumber) -> Result<Self, DerivationError> {
        self.0
            .derive_child(bip32::ChildNumber(child.to_raw()))
            .map(Self)
            .map_err(|error| derivation_error(error, child))
    }

    /// Returns the public key.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.0.public_key().0
    }

    /// Returns the number of steps from the master key.
    #[must_use]
    pub fn depth(&self) -> u8 {
        self.0.attrs().depth
    }

    /// Returns the child number below the parent; 0 for a master key.
    #[must_use]
    pub fn child_number(&self) -> ChildNumber {
        ChildNumber::from_raw(self.0.attrs().child_number.0)
    }
}

impl fmt::Display for ExtendedPublicKey {
    /// Writes the `xpub` text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.to_extended_key(Prefix::XPUB).fmt(f)
    }
}

impl FromStr for ExtendedPublicKey {
    type Err = ExtendedKeyError;

    /// Reads an `xpub` text.
    fn from_str(text: &str) -> Result<Self, ExtendedKeyError> {
        decode(text, Prefix::XPUB)?.try_into().map(Self).map_err(|_| ExtendedKeyError::InvalidKey)
    }
}

/// Reads the fields of an extended key and checks those that the library leaves open.
fn decode(text: &str, kind: Prefix) -> Result<bip32::ExtendedKey, ExtendedKeyError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(ExtendedKeyError::TooLong { length: text.len() });
    }
    let key: bip32::ExtendedKey = text.parse().map_err(|_| ExtendedKeyError::InvalidBase58)?;
    let (version, expected) = (key.prefix.version(), kind.version());
    if version != expected {
        return Err(ExtendedKeyError::WrongVersion { version, expected });
    }
    if key.attrs.depth == 0
        && (key.attrs.parent_fingerprint, key.attrs.child_number.0) != ([0; 4], 0)
    {
        return Err(ExtendedKeyError::MasterWithParent);
    }
    Ok(key)
}

fn derivation_error(error: bip32::Error, child: ChildNumber) -> DerivationError {
    match error {
        bip32::Error::Depth => DerivationError::TooDeep,
        bip32::Error::ChildNumber => DerivationError::Hardened { child },
        _ => DerivationError::InvalidChild,
    }
}

/// The secret key as the library wants it, so that it is wiped and handled by libsecp256k1.
#[derive(Clone)]
struct Secret(SecretKey);

impl bip32::PrivateKey for Secret {
    type PublicKey = Public;

    fn from_bytes(bytes: &[u8; 32]) -> bip32::Result<Self> {
        SecretKey::from_bytes(*bytes).map(Self).map_err(|_| bip32::Error::Crypto)
    }

    fn to_bytes(&self) -> [u8; 32] {
        *self.0.expose_bytes()
    }

    fn derive_child(&self, tweak: [u8; 32]) -> bip32::Result<Self> {
        self.0.add(&Zeroizing::new(tweak)).map(Self).ok_or(bip32::Error::Crypto)
    }

    fn public_key(&self) -> Public {
        Public(self.0.public_key())
    }
}

/// The public key as the library wants it.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Public(PublicKey);

impl bip32::PublicKey for Public {
    fn from_bytes(bytes: [u8; 33]) -> bip32::Result<Self> {
        PublicKey::from_sec1(&bytes).map(Self).map_err(|_| bip32::Error::Crypto)
    }

    fn to_bytes(&self) -> [u8; 33] {
        self.0.to_compressed()
    }

    fn derive_child(&self, tweak: [u8; 32]) -> bip32::Result<Self> {
        let scalar = secp256k1::Scalar::from_be_bytes(tweak).map_err(|_| bip32::Error::Crypto)?;
        let sum = self.0.0.add_exp_tweak(&scalar).map_err(|_| bip32::Error::Crypto)?;
        Ok(Self(PublicKey(sum)))
    }
}
