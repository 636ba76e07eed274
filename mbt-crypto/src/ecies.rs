//! Encryption to a public key (SPEC 2, ECIES): secp256k1 ECDH, HKDF-SHA-256, ChaCha20-Poly1305.
//!
//! The sealed form is a header and one or more chunks:
//! ```text
//! header   version 0x01 (1 byte), ephemeral public key E (33 bytes, compressed)
//! chunk    ciphertext of 65,536 bytes, in the last chunk of 0 to 65,536; Poly1305 tag (16 bytes)
//! key      HKDF-SHA-256, no salt, input the x coordinate of the shared point,
//!          info "mbt-ecies" || 0x01 || E || recipient's public key (33 bytes), 32 bytes out
//! nonce    number of the chunk from 0 (11 bytes, big-endian), 1 in the last chunk, else 0 (1 byte)
//! ```
//! Chunks cannot be removed, swapped or added (the STREAM construction of Hoang, Reyhanitabar, Rogaway
//! and Vizar). Only an empty message has an empty last chunk. Associated data is authenticated with
//! every chunk and not sent. The sender is not authenticated: who needs that signs the message.
//!
//! ```
//! use mbt_crypto::{SecretKey, ecies};
//! use rand_core::UnwrapErr;
//!
//! let mut rng = UnwrapErr(getrandom::SysRng);
//! let buyer = SecretKey::random(&mut rng)?;
//! let sealed = ecies::seal(&buyer.public_key(), b"order 5", b"the data", &mut rng)?;
//! assert_eq!(ecies::open(&buyer, b"order 5", &sealed)?, b"the data");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::vec::Vec;

use chacha20poly1305::{ChaCha20Poly1305, KeyInit, aead::AeadInOut};
use hkdf::Hkdf;
use rand_core::CryptoRng;
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use crate::{InvalidKey, PublicKey, SecretKey};

const VERSION: u8 = 1;

/// Bytes of the header.
pub const HEADER_BYTES: usize = 34;

/// Bytes of the message in every chunk but the last.
pub const CHUNK_BYTES: usize = 1 << 16;

/// Bytes that a chunk grows by when it is sealed.
pub const TAG_BYTES: usize = 16;

/// Why a message cannot be sealed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The random generator gave no valid key, which one that works does once in 2^128 draws.
    #[error("the random generator is broken")]
    BrokenGenerator,
    /// A chunk has a length that its place does not allow.
    #[error(
        "chunk of {length} bytes: all but the last hold 65,536, and only the first may be empty"
    )]
    ChunkLength {
        /// Bytes given.
        length: usize,
    },
    /// 2^64 chunks are sealed.
    #[error("too many chunks")]
    TooLong,
}

/// Why a sealed message cannot be opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The version is not one that this crate knows.
    #[error("version {version}, expected 1")]
    UnknownVersion {
        /// The byte read.
        version: u8,
    },
    /// The ephemeral public key is not the compressed encoding of a point of the curve.
    #[error("the ephemeral public key is not a point of the curve")]
    NotAPoint,
    /// The bytes end before the header or a tag does, or a chunk has a length that its place does
    /// not allow.
    #[error("{length} bytes where a header or a chunk was expected")]
    WrongLength {
        /// Bytes there.
        length: usize,
    },
    /// The key or the associated data is wrong, or the message is damaged, cut or reordered.
    #[error("wrong key, wrong associated data, or damaged in chunk {chunk}")]
    Unauthentic {
        /// The number of the chunk, the first is 0.
        chunk: u64,
    },
}

/// Encrypts `message` for the holder of `recipient`'s secret key.
///
/// # Errors
/// [`SealError::BrokenGenerator`].
pub fn seal(
    recipient: &PublicKey,
    associated_data: &[u8],
    message: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, SealError> {
    let (mut sealer, header) = Sealer::new(recipient, associated_data, rng)?;
    let chunks = message.len().div_ceil(CHUNK_BYTES).max(1);
    let mut sealed = Vec::with_capacity(HEADER_BYTES + message.len() + chunks * TAG_BYTES);
    sealed.extend(header);
    let (last, full) = split_last(message, CHUNK_BYTES);
    let mut buffer = Vec::with_capacity(CHUNK_BYTES + TAG_BYTES);
    for chunk in full {
        buffer.clear();
        buffer.extend(chunk);
        sealer.seal_next(&mut buffer)?;
        sealed.extend(&buffer);
    }
    buffer.clear();
    buffer.extend(last);
    sealer.seal_last(&mut buffer)?;
    sealed.extend(&buffer);
    Ok(sealed)
}

/// Decrypts what [`seal`] made.
///
/// # Errors
/// See [`OpenError`]. Nothing of a message is returned unless all of it is authentic.
pub fn open(key: &SecretKey, associated_data: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    let (header, body) =
        sealed.split_first_chunk().ok_or(OpenError::WrongLength { length: sealed.len() })?;
    let mut opener = Opener::new(key, associated_data, header)?;
    let mut message = Zeroizing::new(Vec::with_capacity(body.len()));
    let (last, full) = split_last(body, CHUNK_BYTES + TAG_BYTES);
    let mut buffer = Zeroizing::new(Vec::with_capacity(CHUNK_BYTES + TAG_BYTES));
    for chunk in full {
        buffer.clear();
        buffer.extend(chunk);
        opener.open_next(&mut buffer)?;
        message.extend_from_slice(&buffer);
    }
    buffer.clear();
    buffer.extend(last);
    opener.open_last(&mut buffer)?;
    message.extend_from_slice(&buffer);
    Ok(core::mem::take(&mut *message))
}

/// Splits `bytes` into full chunks and a last one, which is empty for no bytes only.
fn split_last(bytes: &[u8], chunk: usize) -> (&[u8], core::slice::ChunksExact<'_, u8>) {
    let full = bytes.len().saturating_sub(1) / chunk * chunk;
    let (full, last) = bytes.split_at(full);
    (last, full.chunks_exact(chunk))
}

/// Encrypts a message that arrives in chunks, such as a file.
pub struct Sealer(Stream);

impl Sealer {
    /// Starts a message, and returns the header that goes before its chunks.
    ///
    /// # Errors
    /// [`SealError::BrokenGenerator`].
    pub fn new(
        recipient: &PublicKey,
        associated_data: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<(Self, [u8; HEADER_BYTES]), SealError> {
        let ephemeral = SecretKey::random(rng).map_err(|_| SealError::BrokenGenerator)?;
        let mut header = [VERSION; HEADER_BYTES];
        header[1..].copy_from_slice(&ephemeral.public_key().to_compressed());
        let stream = Stream::new(&ephemeral, recipient, &header, recipient, associated_data);
        Ok((Self(stream), header))
    }

    /// Encrypts a chunk of [`CHUNK_BYTES`] bytes in place and appends its tag.
    ///
    /// # Errors
    /// [`SealError::ChunkLength`] or [`SealError::TooLong`]; the chunk is unchanged.
    pub fn seal_next(&mut self, chunk: &mut Vec<u8>) -> Result<(), SealError> {
        if chunk.len() != CHUNK_BYTES {
            return Err(SealError::ChunkLength { length: chunk.len() });
        }
        self.seal(chunk, Place::Inner)
    }

    /// Encrypts the last chunk in place, of 1 to [`CHUNK_BYTES`] bytes or empty if it is the only
    /// one, and appends its tag.
    ///
    /// # Errors
    /// [`SealError::ChunkLength`] or [`SealError::TooLong`]; the chunk is unchanged.
    pub fn seal_last(mut self, chunk: &mut Vec<u8>) -> Result<(), SealError> {
        if !self.0.allows_last(chunk.len()) {
            return Err(SealError::ChunkLength { length: chunk.len() });
        }
        self.seal(chunk, Place::Last)
    }

    fn seal(&mut self, chunk: &mut Vec<u8>, place: Place) -> Result<(), SealError> {
        let nonce = self.0.next_nonce(place).ok_or(SealError::TooLong)?;
        let tag = self
            .0
            .cipher
            .encrypt_inout_detached(
                &nonce.into(),
                &self.0.associated_data,
                chunk.as_mut_slice().into(),
            )
            .map_err(|_| SealError::ChunkLength { length: chunk.len() })?;
        chunk.extend(tag);
        Ok(())
    }
}

/// Decrypts a message that arrives in chunks. What it returns is authentic only in so far as it is a
/// beginning of the message: all of it is there once the last chunk is opened.
pub struct Opener(Stream);

impl Opener {
    /// Starts with the header.
    ///
    /// # Errors
    /// [`OpenError::UnknownVersion`] or [`OpenError::NotAPoint`].
    pub fn new(
        key: &SecretKey,
        associated_data: &[u8],
        header: &[u8; HEADER_BYTES],
    ) -> Result<Self, OpenError> {
        let [version, ephemeral @ ..] = header;
        if *version != VERSION {
            return Err(OpenError::UnknownVersion { version: *version });
        }
        let ephemeral =
            PublicKey::from_sec1(ephemeral).map_err(|_: InvalidKey| OpenError::NotAPoint)?;
        Ok(Self(Stream::new(key, &ephemeral, header, &key.public_key(), associated_data)))
    }

    /// Decrypts a chunk of [`CHUNK_BYTES`] bytes and its tag in place.
    ///
    /// # Errors
    /// [`OpenError::WrongLength`] or [`OpenError::Unauthentic`]; the chunk is then wiped.
    pub fn open_next(&mut self, chunk: &mut Vec<u8>) -> Result<(), OpenError> {
        self.open(chunk, Place::Inner)
    }

    /// Decrypts the last chunk and its tag in place.
    ///
    /// # Errors
    /// [`OpenError::WrongLength`] or [`OpenError::Unauthentic`]; the chunk is then wiped.
    pub fn open_last(mut self, chunk: &mut Vec<u8>) -> Result<(), OpenError> {
        self.open(chunk, Place::Last)
    }

    fn open(&mut self, chunk: &mut Vec<u8>, place: Place) -> Result<(), OpenError> {
        let result = self.try_open(chunk, place);
        if result.is_err() {
            chunk.zeroize();
        }
        result
    }

    fn try_open(&mut self, chunk: &mut Vec<u8>, place: Place) -> Result<(), OpenError> {
        let wrong_length = OpenError::WrongLength { length: chunk.len() };
        let (text, tag) = chunk.split_last_chunk_mut::<TAG_BYTES>().ok_or(wrong_length)?;
        let allowed = match place {
            Place::Inner => text.len() == CHUNK_BYTES,
            Place::Last => self.0.allows_last(text.len()),
        };
        if !allowed {
            return Err(wrong_length);
        }
        let unauthentic = OpenError::Unauthentic { chunk: self.0.chunk };
        let nonce = self.0.next_nonce(place).ok_or(unauthentic)?;
        self.0
            .cipher
            .decrypt_inout_detached(
                &nonce.into(),
                &self.0.associated_data,
                text.into(),
                (&*tag).into(),
            )
            .map_err(|_| unauthentic)?;
        chunk.truncate(chunk.len().saturating_sub(TAG_BYTES));
        Ok(())
    }
}

/// Where a chunk stands.
#[derive(Clone, Copy)]
enum Place {
    Inner,
    Last,
}

/// The cipher of one message, and the number of its next chunk.
struct Stream {
    cipher: ChaCha20Poly1305,
    associated_data: Vec<u8>,
    chunk: u64,
}

impl Stream {
    /// Derives the cipher from one side's secret and the other side's public key.
    fn new(
        own: &SecretKey,
        other: &PublicKey,
        header: &[u8; HEADER_BYTES],
        recipient: &PublicKey,
        associated_data: &[u8],
    ) -> Self {
        let shared = own.shared_point(other);
        let mut key = Zeroizing::new([0; 32]);
        #[allow(clippy::expect_used, reason = "SHA-256 gives up to 8,160 bytes")]
        Hkdf::<Sha256>::new(None, &shared[..32])
            .expand_multi_info(&[b"mbt-ecies", header, &recipient.to_compressed()], &mut *key)
            .expect("32 bytes can be had");
        let cipher = ChaCha20Poly1305::new((&*key).into());
        Self { cipher, associated_data: associated_data.to_vec(), chunk: 0 }
    }

    const fn allows_last(&self, length: usize) -> bool {
        length <= CHUNK_BYTES && (length > 0 || self.chunk == 0)
    }

    fn next_nonce(&mut self, place: Place) -> Option<[u8; 12]> {
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&self.chunk.to_be_bytes());
        nonce[11] = match place {
            Place::Inner => 0,
            Place::Last => 1,
        };
        self.chunk = self.chunk.checked_add(1)?;
        Some(nonce)
    }
}

impl core::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Sealer {{ chunk: {}, .. }}", self.0.chunk)
    }
}

impl core::fmt::Debug for Opener {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Opener {{ chunk: {}, .. }}", self.0.chunk)
    }
}
