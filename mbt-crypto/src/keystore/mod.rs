//! A secret key under a password, in the JSON that geth, ethers and cast read and write (Web3 Secret
//! Storage, version 3).
//!
//! ```
//! use mbt_crypto::{SecretKey, keystore::{Keystore, Profile}};
//! use rand_core::UnwrapErr;
//!
//! let mut rng = UnwrapErr(getrandom::SysRng);
//! let key = SecretKey::random(&mut rng)?;
//! let file = Keystore::encrypt(&key, b"password", Profile::Light, &mut rng).to_json();
//! let keystore: Keystore = file.parse()?;
//! assert_eq!(keystore.address(), Some(key.address()));
//! assert!(keystore.decrypt(b"password")? == key);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod json;
mod kdf;

use alloc::{string::String, vec::Vec};
use core::{fmt, str::FromStr};

use aes::cipher::{KeyIvInit, StreamCipher};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

pub use json::KeystoreError;
use kdf::Kdf;
pub use kdf::Profile;

use crate::{Address, Keccak256, SecretKey};

type Aes128Ctr = ctr::Ctr128BE<aes::Aes128>;

/// Why a keystore gives no key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DecryptError {
    /// The password is wrong, or the file is damaged: the file cannot tell them apart.
    #[error("wrong password or damaged keystore")]
    WrongPassword,
    /// The password is right, but what it opens is not a secret key.
    #[error("the keystore holds no secret key")]
    InvalidKey,
    /// The key belongs to another address than the file says.
    #[error("the keystore says {claimed:?}, its key belongs to {actual:?}")]
    WrongAddress {
        /// The address in the file.
        claimed: Address,
        /// The address of the key.
        actual: Address,
    },
}

/// An encrypted secret key. Holds no secret itself.
#[derive(Clone, Eq, PartialEq)]
pub struct Keystore {
    id: Option<[u8; 16]>,
    address: Option<Address>,
    kdf: Kdf,
    iv: [u8; 16],
    ciphertext: Vec<u8>,
    mac: [u8; 32],
}

impl Keystore {
    /// Encrypts `key` under a password; salt, initialisation vector and id are drawn from `rng`.
    ///
    /// Takes the memory and time of `profile`. Other programs take a password's UTF-8 bytes; ethers
    /// takes those of its NFKC form.
    #[must_use]
    pub fn encrypt(
        key: &SecretKey,
        password: &[u8],
        profile: Profile,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let (mut salt, mut iv, mut id) = ([0; 32], [0; 16], [0; 16]);
        rng.fill_bytes(&mut salt);
        rng.fill_bytes(&mut iv);
        rng.fill_bytes(&mut id);
        // A random UUID: version 4, variant 1 (RFC 9562).
        id[6] = id[6] & 0x0f | 0x40;
        id[8] = id[8] & 0x3f | 0x80;
        let kdf = Kdf::scrypt(profile, &salt);
        let derived = Derived::new(&kdf, password);
        let mut ciphertext = key.expose_bytes().to_vec();
        derived.apply_cipher(&iv, &mut ciphertext);
        let mac = derived.mac(&ciphertext);
        Self { id: Some(id), address: Some(key.address()), kdf, iv, ciphertext, mac }
    }

    /// Returns the key.
    ///
    /// Takes the memory and time that the file's parameters ask for, which are bounded when the file
    /// is read: 512 MiB and eight times the work of [`Profile::Standard`].
    ///
    /// # Errors
    /// See [`DecryptError`].
    pub fn decrypt(&self, password: &[u8]) -> Result<SecretKey, DecryptError> {
        let derived = Derived::new(&self.kdf, password);
        if !bool::from(derived.mac(&self.ciphertext).ct_eq(&self.mac)) {
            return Err(DecryptError::WrongPassword);
        }
        let mut bytes = Zeroizing::new([0; 32]);
        // Old writers left the leading zero bytes of a key away.
        let start = bytes.len().saturating_sub(self.ciphertext.len());
        bytes[start..].copy_from_slice(&self.ciphertext);
        derived.apply_cipher(&self.iv, &mut bytes[start..]);
        let key = SecretKey::from_bytes(*bytes).map_err(|_| DecryptError::InvalidKey)?;
        match self.address {
            Some(claimed) if claimed != key.address() => {
                Err(DecryptError::WrongAddress { claimed, actual: key.address() })
            }
            _ => Ok(key),
        }
    }

    /// Returns the address that the file names, unproved until the key is decrypted.
    #[must_use]
    pub const fn address(&self) -> Option<Address> {
        self.address
    }

    /// Returns the file's UUID.
    #[must_use]
    pub const fn id(&self) -> Option<[u8; 16]> {
        self.id
    }

    /// Returns the file's text, in the form that geth writes.
    #[must_use]
    pub fn to_json(&self) -> String {
        json::write(self)
    }
}

impl FromStr for Keystore {
    type Err = KeystoreError;

    /// Reads a file's text, and computes nothing with it.
    fn from_str(text: &str) -> Result<Self, KeystoreError> {
        json::read(text)
    }
}

impl fmt::Debug for Keystore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keystore").field("address", &self.address).finish_non_exhaustive()
    }
}

/// What the password becomes: 16 bytes that encrypt, 16 that authenticate.
struct Derived(Zeroizing<[u8; 32]>);

impl Derived {
    fn new(kdf: &Kdf, password: &[u8]) -> Self {
        Self(kdf.derive(password))
    }

    fn apply_cipher(&self, iv: &[u8; 16], bytes: &mut [u8]) {
        let mut key = Zeroizing::new([0; 16]);
        key.copy_from_slice(&self.0[..16]);
        Aes128Ctr::new((&*key).into(), iv.into()).apply_keystream(bytes);
    }

    fn mac(&self, ciphertext: &[u8]) -> [u8; 32] {
        let mut hasher = Keccak256::new();
        hasher.update(&self.0[16..]);
        hasher.update(ciphertext);
        hasher.finalize().0
    }
}
