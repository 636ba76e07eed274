//! Vectors from outside: Ethereum's `keyaddrtest` and keystores, Wycheproof's secp256k1 files.
//!
//! They lie in the folder that `MBT_VECTORS` names, by default `../shared/vectors` beside the
//! workspace; without it the tests are reported as ignored.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, ffi::OsString, fs, path::PathBuf, process::ExitCode};

use libtest_mimic::{Arguments, Failed, Trial};
use mbt_crypto::{
    H256, PublicKey, SecretKey, U256, keccak256,
    keystore::{DecryptError, Keystore},
};
use serde::Deserialize;
use sha2::Digest;

/// A name, a path below the vectors, and what is done with it.
type Vectors = (&'static str, &'static str, fn(&[u8]));

fn main() -> ExitCode {
    let root = vectors();
    #[allow(clippy::print_stderr, reason = "an ignored test says why")]
    if !root.is_dir() {
        eprintln!("ignored: no vectors at {}, set MBT_VECTORS", root.display());
    }
    let tests: [Vectors; 4] = [
        ("ethereum_keystores", "ethereum/KeyStoreTests/basic_tests.json", keystores),
        ("ethereum_key_addresses", "ethereum/BasicTests/keyaddrtest.json", key_addresses),
        (
            "wycheproof_bitcoin_signatures",
            "wycheproof/ecdsa_secp256k1_sha256_bitcoin_test.json",
            bitcoin_signatures,
        ),
        (
            "wycheproof_p1363_signatures",
            "wycheproof/ecdsa_secp256k1_sha256_p1363_test.json",
            p1363_signatures,
        ),
    ];
    let trials = tests.map(|(name, path, run)| {
        let path = root.join(path);
        Trial::test(name, move || {
            run(&fs::read(&path).map_err(|error| Failed::from(error.to_string()))?);
            Ok(())
        })
        .with_ignored_flag(!root.is_dir())
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit_code()
}

fn vectors() -> PathBuf {
    let default = || OsString::from("../shared/vectors");
    let workspace = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    workspace.join(std::env::var_os("MBT_VECTORS").unwrap_or_else(default))
}

#[derive(Deserialize)]
struct KeyAddress {
    seed: String,
    key: String,
    addr: String,
}

/// The file's `sig_of_emptystring` is left out: it fits neither Keccak-256, SHA-3 nor SHA-256 of
/// the empty string, nor 32 zero bytes.
fn key_addresses(json: &[u8]) {
    let cases: Vec<KeyAddress> = serde_json::from_slice(json).unwrap();
    for case in &cases {
        assert_eq!(hex::encode(keccak256(&case.seed)), case.key);
        let secret = hex::decode(&case.key).unwrap().try_into().unwrap();
        let key = SecretKey::from_bytes(secret).unwrap();
        assert_eq!(hex::encode(key.address().0), case.addr);
    }
    assert_eq!(cases.len(), 2);
}

#[derive(Deserialize)]
struct Encrypted {
    json: serde_json::Value,
    password: String,
    #[serde(rename = "priv")]
    key: String,
}

fn keystores(json: &[u8]) {
    let cases: BTreeMap<String, Encrypted> = serde_json::from_slice(json).unwrap();
    for (name, case) in &cases {
        let keystore: Keystore = case.json.to_string().parse().unwrap();
        let key = keystore.decrypt(case.password.as_bytes()).unwrap();
        assert_eq!(hex::encode(key.expose_bytes()), case.key, "{name}");
        assert_eq!(keystore.decrypt(b"guess"), Err(DecryptError::WrongPassword), "{name}");
    }
    assert_eq!(cases.len(), 5);
}

#[derive(Deserialize)]
struct Wycheproof {
    #[serde(rename = "numberOfTests")]
    number_of_tests: usize,
    #[serde(rename = "testGroups")]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(rename = "publicKey")]
    key: Key,
    tests: Vec<Case>,
}

#[derive(Deserialize)]
struct Key {
    uncompressed: String,
}

#[derive(Deserialize)]
struct Case {
    #[serde(rename = "tcId")]
    id: usize,
    comment: String,
    msg: String,
    sig: String,
    result: String,
}

/// Runs every case; `read` takes a signature apart, `expected` says whether it must hold.
fn wycheproof(
    json: &[u8],
    read: fn(&[u8]) -> Option<[u8; 64]>,
    expected: fn(&Case, Option<&[u8; 64]>) -> bool,
) {
    let file: Wycheproof = serde_json::from_slice(json).unwrap();
    let mut seen = 0;
    for group in &file.groups {
        let key = PublicKey::from_sec1(&hex::decode(&group.key.uncompressed).unwrap()).unwrap();
        for case in &group.tests {
            let hash = H256(sha2::Sha256::digest(hex::decode(&case.msg).unwrap()).into());
            let signature = read(&hex::decode(&case.sig).unwrap());
            let holds = signature.as_ref().is_some_and(|rs| key.verify(hash, rs).is_ok());
            assert_eq!(
                holds,
                expected(case, signature.as_ref()),
                "case {}: {}",
                case.id,
                case.comment
            );
            seen += 1;
        }
    }
    assert_eq!(seen, file.number_of_tests);
}

fn bitcoin_signatures(json: &[u8]) {
    wycheproof(json, read_der, |case, _| case.result == "valid");
}

/// These take a high s as well, which this system does not.
fn p1363_signatures(json: &[u8]) {
    const ORDER: &str =
        "115792089237316195423570985008687907852837564279074904382605163141518161494337";
    wycheproof(
        json,
        |bytes| bytes.try_into().ok(),
        |case, signature| {
            let half = U256::from_dec_str(ORDER).unwrap() / 2;
            let low = signature.is_some_and(|rs| U256::from_big_endian(&rs[32..]) <= half);
            case.result == "valid" && low
        },
    );
}

/// Reads `SEQUENCE { INTEGER r, INTEGER s }` in strict DER.
fn read_der(bytes: &[u8]) -> Option<[u8; 64]> {
    let (&[tag, length], body) = bytes.split_first_chunk::<2>()?;
    if tag != 0x30 || length >= 0x80 || body.len() != usize::from(length) {
        return None;
    }
    let (r, rest) = read_der_integer(body)?;
    let (s, rest) = read_der_integer(rest)?;
    let mut rs = [0; 64];
    rs[..32].copy_from_slice(&r);
    rs[32..].copy_from_slice(&s);
    rest.is_empty().then_some(rs)
}

fn read_der_integer(bytes: &[u8]) -> Option<([u8; 32], &[u8])> {
    let (&[tag, length], rest) = bytes.split_first_chunk::<2>()?;
    if tag != 0x02 || length >= 0x80 {
        return None;
    }
    let (number, rest) = rest.split_at_checked(usize::from(length))?;
    let digits = match number {
        [] | [0x80..=0xff, ..] => return None,
        [0, next, ..] if *next < 0x80 => return None,
        [0, digits @ ..] => digits,
        digits => digits,
    };
    let mut word = [0; 32];
    word.get_mut(32_usize.checked_sub(digits.len())?..)?.copy_from_slice(digits);
    Some((word, rest))
}
