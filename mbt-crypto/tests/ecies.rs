//! Encryption to a public key, against messages that another implementation sealed
//! (`tests/data/ecies.json`).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;

use mbt_crypto::{
    SecretKey,
    ecies::{
        CHUNK_BYTES, HEADER_BYTES, OpenError, Opener, SealError, Sealer, TAG_BYTES, open, seal,
    },
};
use proptest::prelude::*;
use serde::Deserialize;
use sha2::Digest;

#[derive(Deserialize)]
struct File {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    ephemeral: String,
    recipient: String,
    associated_data: String,
    message_bytes: usize,
    sealed_sha256: String,
    sealed: Option<String>,
}

/// Gives the same 32 bytes for ever.
struct Fixed([u8; 32]);

impl rand_core::TryRng for Fixed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.copy_from_slice(&self.0[..bytes.len()]);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Fixed {}

fn key(byte: u8) -> SecretKey {
    SecretKey::from_bytes([byte; 32]).unwrap()
}

fn rng() -> Fixed {
    Fixed([5; 32])
}

fn word(text: &str) -> [u8; 32] {
    hex::decode(text).unwrap().try_into().unwrap()
}

fn message(length: usize) -> Vec<u8> {
    (0..length).map(|i| ((7 * i + 13 * (i / 256)) % 256).try_into().unwrap()).collect()
}

#[test]
fn another_implementation_seals_the_same_bytes() {
    let file: File = serde_json::from_str(include_str!("data/ecies.json")).unwrap();
    assert_eq!(file.cases.len(), 8);
    for case in file.cases {
        let recipient = SecretKey::from_bytes(word(&case.recipient)).unwrap();
        let associated_data = hex::decode(case.associated_data).unwrap();
        let message = message(case.message_bytes);
        let mut rng = Fixed(word(&case.ephemeral));
        let sealed = seal(&recipient.public_key(), &associated_data, &message, &mut rng).unwrap();
        assert_eq!(hex::encode(sha2::Sha256::digest(&sealed)), case.sealed_sha256);
        if let Some(theirs) = case.sealed {
            assert_eq!(
                open(&recipient, &associated_data, &hex::decode(theirs).unwrap()),
                Ok(message.clone())
            );
        }
        assert_eq!(open(&recipient, &associated_data, &sealed), Ok(message));
    }
}

#[test]
fn a_change_of_any_bit_is_noticed() {
    let sealed = seal(&key(7).public_key(), b"data", b"message", &mut rng()).unwrap();
    for bit in 0..sealed.len() * 8 {
        let mut damaged = sealed.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(open(&key(7), b"data", &damaged).is_err(), "bit {bit}");
    }
    for length in 0..sealed.len() {
        assert!(open(&key(7), b"data", &sealed[..length]).is_err(), "{length} bytes");
    }
    let longer = [&sealed[..], &[0]].concat();
    assert_eq!(open(&key(7), b"data", &longer), Err(OpenError::Unauthentic { chunk: 0 }));
}

#[test]
fn only_the_right_key_and_data_open() {
    let sealed = seal(&key(7).public_key(), b"data", b"message", &mut rng()).unwrap();
    let unauthentic = Err(OpenError::Unauthentic { chunk: 0 });
    assert_eq!(open(&key(8), b"data", &sealed), unauthentic);
    assert_eq!(open(&key(7), b"Data", &sealed), unauthentic);
    assert_eq!(open(&key(7), b"", &sealed), unauthentic);
}

#[test]
fn headers_are_checked() {
    let sealed = seal(&key(7).public_key(), b"", b"message", &mut rng()).unwrap();
    let with = |place: usize, bytes: &[u8]| {
        let mut changed = sealed.clone();
        changed[place..place + bytes.len()].copy_from_slice(bytes);
        open(&key(7), b"", &changed).unwrap_err()
    };
    assert_eq!(with(0, &[2]), OpenError::UnknownVersion { version: 2 });
    // x = 5 is on no point of the curve; x = p is not reduced; 0 and 4 mark other encodings.
    let mut off_curve = [0; 33];
    (off_curve[0], off_curve[32]) = (2, 5);
    assert_eq!(with(1, &off_curve), OpenError::NotAPoint);
    assert_eq!(with(2, &[0xff; 32]), OpenError::NotAPoint);
    for mark in [0, 4, 6] {
        assert_eq!(with(1, &[mark]), OpenError::NotAPoint);
    }
    assert_eq!(open(&key(7), b"", &sealed[..33]), Err(OpenError::WrongLength { length: 33 }));
    assert_eq!(open(&key(7), b"", &sealed[..49]), Err(OpenError::WrongLength { length: 15 }));
    // The point with the other y has the same x, and must not open: the header is bound.
    assert_eq!(with(1, &[sealed[1] ^ 1]), OpenError::Unauthentic { chunk: 0 });
}

#[test]
fn chunks_cannot_be_cut_swapped_or_doubled() {
    const CHUNK: usize = CHUNK_BYTES + TAG_BYTES;
    let message = message(3 * CHUNK_BYTES);
    let sealed = seal(&key(7).public_key(), b"", &message, &mut rng()).unwrap();
    assert_eq!(sealed.len(), HEADER_BYTES + 3 * CHUNK);
    assert_eq!(open(&key(7), b"", &sealed).as_deref(), Ok(&message[..]));
    let header = &sealed[..HEADER_BYTES];
    let chunks: Vec<&[u8]> = sealed[HEADER_BYTES..].chunks(CHUNK).collect();
    for (order, chunk) in [
        (&[0, 1][..], 1),
        (&[0], 0),
        (&[1, 0, 2], 0),
        (&[0, 2], 1),
        (&[0, 0, 1, 2], 1),
        (&[0, 1, 2, 2], 2),
        (&[1, 2], 0),
    ] {
        let body: Vec<u8> = order.iter().flat_map(|i| chunks[*i].iter().copied()).collect();
        let changed = [header, &body].concat();
        assert_eq!(
            open(&key(7), b"", &changed),
            Err(OpenError::Unauthentic { chunk }),
            "{order:?}"
        );
    }
}

#[test]
fn chunk_lengths_are_exact() {
    let (sealer, header) = Sealer::new(&key(7).public_key(), b"", &mut rng()).unwrap();
    let mut full = message(CHUNK_BYTES);
    let mut sealer = sealer;
    for length in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES + 1] {
        assert_eq!(sealer.seal_next(&mut message(length)), Err(SealError::ChunkLength { length }));
    }
    sealer.seal_next(&mut full).unwrap();
    let length = 0;
    assert_eq!(sealer.seal_last(&mut Vec::new()), Err(SealError::ChunkLength { length }));

    let mut opener = Opener::new(&key(7), b"", &header).unwrap();
    assert_eq!(opener.open_next(&mut vec![0; 20]), Err(OpenError::WrongLength { length: 20 }));
    opener.open_next(&mut full).unwrap();
    assert_eq!(full, message(CHUNK_BYTES));
    assert_eq!(
        opener.open_last(&mut vec![0; TAG_BYTES]),
        Err(OpenError::WrongLength { length: TAG_BYTES })
    );
}

#[test]
fn what_fails_to_open_is_wiped() {
    let sealed = seal(&key(7).public_key(), b"", b"message", &mut rng()).unwrap();
    let (header, body) = sealed.split_first_chunk().unwrap();
    let mut chunk = body.to_vec();
    chunk[0] ^= 1;
    assert!(Opener::new(&key(7), b"", header).unwrap().open_last(&mut chunk).is_err());
    assert!(chunk.is_empty());
}

#[test]
fn a_broken_generator_is_told() {
    let broken = seal(&key(7).public_key(), b"", b"", &mut Fixed([0; 32]));
    assert_eq!(broken, Err(SealError::BrokenGenerator));
}

proptest! {
    #[test]
    fn any_message_opens(secret: [u8; 32], data: Vec<u8>, message: Vec<u8>, ephemeral: [u8; 32]) {
        if let Ok(key) = SecretKey::from_bytes(secret)
            && let Ok(sealed) = seal(&key.public_key(), &data, &message, &mut Fixed(ephemeral))
        {
            prop_assert_eq!(open(&key, &data, &sealed), Ok(message));
        }
    }

    #[test]
    fn opening_any_bytes_never_panics(bytes: Vec<u8>, valid_header: bool) {
        let mut bytes = bytes;
        if valid_header {
            let mut sealed = [1; HEADER_BYTES].to_vec();
            sealed[1..].copy_from_slice(&key(9).public_key().to_compressed());
            sealed.append(&mut bytes);
            bytes = sealed;
        }
        prop_assert!(open(&key(7), b"", &bytes).is_err());
    }
}
