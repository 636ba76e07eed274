//! Vectors from outside: Ethereum's RLPTests and TransactionTests.
//!
//! They lie in the folder that `MBT_VECTORS` names, by default `../shared/vectors` beside the
//! workspace; without it the tests are reported as ignored.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, ffi::OsString, fs, path::Path, path::PathBuf, process::ExitCode};

use libtest_mimic::{Arguments, Trial};
use mbt_account::{
    SignaturePolicy, SignedTransaction,
    codec::{DecodeError, Reader},
    intrinsic_gas,
};
use rlp::RlpStream;
use serde::Deserialize;
use serde_json::Value;

/// Ethereum's chain id, for which the TransactionTests are signed.
const CHAIN_ID: u64 = 1;

/// A name, a path below the vectors, and what is done with it.
type Vectors = (&'static str, &'static str, fn(&Path));

fn main() -> ExitCode {
    let root = vectors();
    let present = root.is_dir();
    #[allow(clippy::print_stderr, reason = "an ignored test says why")]
    if !present {
        eprintln!("ignored: no vectors at {}, set MBT_VECTORS", root.display());
    }
    let tests: [Vectors; 5] = [
        ("ethereum_rlp", "ethereum/RLPTests/rlptest.json", rlp_test),
        ("ethereum_rlp_invalid", "ethereum/RLPTests/invalidRLPTest.json", rlp_invalid),
        ("ethereum_rlp_random", "ethereum/RLPTests/RandomRLPTests/example.json", rlp_random),
        ("ethereum_transactions_are_there", "ethereum/TransactionTests", |path| {
            assert!(files(path).len() > 150);
        }),
        ("ethereum_signed_transactions", "ethereum/BasicTests/txtest.json", signing),
    ];
    let mut trials: Vec<Trial> = tests
        .into_iter()
        .map(|(name, path, run)| trial(name, root.join(path), run).with_ignored_flag(!present))
        .collect();
    trials.extend(files(&root.join("ethereum/TransactionTests")).into_iter().map(|path| {
        let name = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
        trial(&name, path, transactions)
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn trial(name: &str, path: PathBuf, run: fn(&Path)) -> Trial {
    Trial::test(name, move || {
        run(&path);
        Ok(())
    })
}

fn vectors() -> PathBuf {
    let default = || OsString::from("../shared/vectors");
    let workspace = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    workspace.join(std::env::var_os("MBT_VECTORS").unwrap_or_else(default))
}

/// Returns the files below a folder, none when it is not there.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .into_iter()
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}

fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> BTreeMap<String, T> {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text)).unwrap()
}

#[derive(Deserialize)]
struct RlpCase {
    #[serde(rename = "in")]
    value: Value,
    out: String,
}

/// An RLP item, written from and compared with JSON.
#[derive(Debug, Eq, PartialEq)]
enum Item {
    String(Vec<u8>),
    List(Vec<Self>),
}

impl Item {
    fn of_json(value: &Value) -> Self {
        match value {
            Value::String(text) => match text.strip_prefix('#') {
                Some(decimal) => Self::String(decimal_bytes(decimal)),
                None => Self::String(text.clone().into_bytes()),
            },
            Value::Number(number) => Self::String(decimal_bytes(&number.to_string())),
            Value::Array(items) => Self::List(items.iter().map(Self::of_json).collect()),
            other => panic!("no RLP for {other}"),
        }
    }

    fn append_to(&self, stream: &mut RlpStream) {
        match self {
            Self::String(bytes) => {
                stream.append(&bytes.as_slice());
            }
            Self::List(items) => {
                stream.begin_list(items.len());
                for item in items {
                    item.append_to(stream);
                }
            }
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new();
        self.append_to(&mut stream);
        stream.out().to_vec()
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let item = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(item)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if reader.next_is_list() {
            reader.list_of("items", usize::MAX, Self::read).map(Self::List)
        } else {
            reader.bytes().map(|bytes| Self::String(bytes.to_vec()))
        }
    }
}

/// Returns a decimal number of any length as big-endian bytes without leading zeros.
fn decimal_bytes(decimal: &str) -> Vec<u8> {
    let mut number: Vec<u8> = Vec::new();
    for digit in decimal.bytes() {
        let mut carry = u16::from(digit - b'0');
        for byte in number.iter_mut().rev() {
            let [high, low] = (u16::from(*byte) * 10 + carry).to_be_bytes();
            (*byte, carry) = (low, high.into());
        }
        if carry > 0 {
            number.insert(0, carry.to_be_bytes()[1]);
        }
    }
    number
}

fn rlp_test(path: &Path) {
    for (name, case) in read::<RlpCase>(path) {
        let item = Item::of_json(&case.value);
        assert_eq!(item.encode(), bytes(&case.out), "{name}");
        assert_eq!(Item::decode(&bytes(&case.out)).unwrap(), item, "{name}");
    }
}

fn rlp_invalid(path: &Path) {
    for (name, case) in read::<RlpCase>(path) {
        assert_eq!(case.value, "INVALID", "{name}");
        let decoded = Item::decode(&bytes(&case.out));
        assert!(decoded.is_err(), "{name}: {decoded:?}");
    }
}

fn rlp_random(path: &Path) {
    for (name, case) in read::<RlpCase>(path) {
        assert_eq!(case.value, "VALID", "{name}");
        let item = Item::decode(&bytes(&case.out)).unwrap();
        assert_eq!(item.encode(), bytes(&case.out), "{name}");
    }
}

#[derive(Deserialize)]
struct SignedCase {
    key: String,
    signed: String,
}

/// The signed bytes name the key's address, and survive a round trip.
fn signing(path: &Path) {
    let cases: Vec<SignedCase> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    for case in cases {
        let key = mbt_crypto::SecretKey::from_bytes(bytes(&case.key).try_into().unwrap()).unwrap();
        let signed = SignedTransaction::decode(&bytes(&case.signed)).unwrap();
        assert_eq!(signed.encode(), bytes(&case.signed));
        let policy = SignaturePolicy::frontier(CHAIN_ID);
        assert_eq!(signed.recover_under(&policy).unwrap().sender(), key.address());
    }
}

#[derive(Deserialize)]
struct TransactionCase {
    txbytes: String,
    result: BTreeMap<String, Outcome>,
}

#[derive(Deserialize)]
struct Outcome {
    exception: Option<String>,
    hash: Option<String>,
    sender: Option<String>,
    #[serde(rename = "intrinsicGas")]
    intrinsic_gas: String,
}

/// Forks, newest first: the first that a case has is the one it is judged by.
const FORKS: [&str; 4] = ["Cancun", "Shanghai", "Paris", "London"];

fn transactions(path: &Path) {
    for (name, case) in read::<TransactionCase>(path) {
        let outcome = FORKS.iter().find_map(|fork| case.result.get(*fork)).unwrap();
        let raw = bytes(&case.txbytes);
        match (judge(&raw), &outcome.exception) {
            (Ok((hash, sender, gas)), None) => {
                assert_eq!(Some(&hash), outcome.hash.as_ref(), "{name}");
                assert_eq!(Some(&sender), outcome.sender.as_ref(), "{name}");
                let expected = u64::from_str_radix(&outcome.intrinsic_gas[2..], 16).unwrap();
                assert_eq!(gas, expected, "{name}");
            }
            (Err(_), Some(_)) => {}
            (Ok(found), Some(exception)) => panic!("{name}: {found:?}, expected {exception}"),
            (Err(error), None) => panic!("{name}: {error}"),
        }
    }
}

/// Returns hash, sender and intrinsic gas, or why the transaction is not valid on Ethereum.
fn judge(raw: &[u8]) -> Result<(String, String, u64), String> {
    let signed = SignedTransaction::decode(raw).map_err(|error| error.to_string())?;
    assert_eq!(signed.encode(), raw);
    assert_eq!(signed.encoded_length(), raw.len());
    signed.check().map_err(|error| error.to_string())?;
    let policy = SignaturePolicy::block(CHAIN_ID);
    let recovered = signed.recover_under(&policy).map_err(|error| error.to_string())?;
    let sender = format!("0x{}", hex::encode(recovered.sender().0));
    Ok((recovered.hash().to_string(), sender, intrinsic_gas(&recovered)))
}
