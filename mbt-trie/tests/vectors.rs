//! Ethereum's TrieTests, by every writer of this crate and by `trie-db`'s.
//!
//! They lie in the folder that `MBT_VECTORS` names, by default `../shared/vectors` beside the
//! workspace; without it the tests are reported as ignored.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::{collections::BTreeMap, ffi::OsString, fs, ops::Bound, path::PathBuf, process::ExitCode};

use common::slow_root;
use libtest_mimic::{Arguments, Failed, Trial};
use mbt_crypto::{H256, keccak256};
use mbt_trie::{
    Column, Durability, KeyValueRead, KeyValueStore, MemoryStore, MemoryTrie, WriteBatch,
    sorted_root, verify_proof,
};
use serde::Deserialize;
use serde_json::Value;

/// A name, a file, whether keys are hashed, and what is done with it.
type Vectors = (&'static str, &'static str, fn(&[u8]));

fn main() -> ExitCode {
    let root = vectors();
    #[allow(clippy::print_stderr, reason = "an ignored test says why")]
    if !root.is_dir() {
        eprintln!("ignored: no vectors at {}, set MBT_VECTORS", root.display());
    }
    let tests: [Vectors; 6] = [
        ("tries_in_order", "trietest.json", |bytes| tries(bytes, Keys::Plain)),
        ("tries_in_any_order", "trieanyorder.json", |bytes| tries(bytes, Keys::Plain)),
        ("secure_tries_in_order", "trietest_secureTrie.json", |bytes| tries(bytes, Keys::Hashed)),
        ("secure_tries_in_any_order", "trieanyorder_secureTrie.json", |bytes| {
            tries(bytes, Keys::Hashed);
        }),
        ("secure_tries_of_hex", "hex_encoded_securetrie_test.json", |bytes| {
            tries(bytes, Keys::Hashed);
        }),
        ("neighbours_of_keys", "trietestnextprev.json", neighbours),
    ];
    let trials = tests.map(|(name, file, run)| {
        let path = root.join("ethereum/TrieTests").join(file);
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

#[derive(Clone, Copy)]
enum Keys {
    Plain,
    Hashed,
}

#[derive(Deserialize)]
struct Trie {
    r#in: Value,
    root: String,
}

fn bytes(text: &str) -> Vec<u8> {
    match text.strip_prefix("0x") {
        Some(digits) => hex::decode(digits).unwrap(),
        None => text.as_bytes().to_vec(),
    }
}

/// Reads the entries in their order; one without a value is removed.
fn entries(input: &Value, keys: Keys) -> Vec<(Vec<u8>, Vec<u8>)> {
    let entry = |key: &str, value: &Value| {
        let key = match keys {
            Keys::Plain => bytes(key),
            Keys::Hashed => keccak256(bytes(key)).0.to_vec(),
        };
        (key, value.as_str().map(bytes).unwrap_or_default())
    };
    match input {
        Value::Array(list) => {
            list.iter().map(|pair| entry(pair[0].as_str().unwrap(), &pair[1])).collect()
        }
        Value::Object(map) => map.iter().map(|(key, value)| entry(key, value)).collect(),
        other => panic!("neither list nor map: {other}"),
    }
}

fn tries(file: &[u8], keys: Keys) {
    let tests: BTreeMap<String, Trie> = serde_json::from_slice(file).unwrap();
    assert!(!tests.is_empty());
    for (name, test) in tests {
        let root = H256::from_slice(&bytes(&test.root));
        let entries = entries(&test.r#in, keys);
        assert_eq!(slow_root(entries.clone()), root, "{name}: trie-db's writer");
        let mut left: BTreeMap<_, _> = entries.iter().cloned().collect();
        left.retain(|_, value| !value.is_empty());
        assert_eq!(sorted_root(&left), root, "{name}: sorted");

        let mut batch = MemoryTrie::new();
        batch.set(entries.clone());
        assert_eq!(batch.root(), root, "{name}: in one batch");
        let mut trie = MemoryTrie::new();
        for entry in &entries {
            trie.set([entry.clone()]);
        }
        assert_eq!(trie, batch, "{name}: one by one");

        for (key, value) in &entries {
            let value = Some(value.as_slice()).filter(|_| left.contains_key(key));
            let value = value.and(left.get(key)).map(Vec::as_slice);
            verify_proof(root, key, value, &trie.prove(key)).unwrap();
            let absent = [key.as_slice(), b"!"].concat();
            verify_proof(root, &absent, None, &trie.prove(&absent)).unwrap();
        }
        trie.set(entries.iter().map(|(key, _)| (key, Vec::new())));
        assert_eq!(trie, MemoryTrie::new(), "{name}: emptied");
    }
}

#[derive(Deserialize)]
struct Neighbours {
    r#in: Vec<String>,
    tests: Vec<[String; 3]>,
}

fn neighbours(file: &[u8]) {
    const COLUMN: Column = Column("keys");
    let tests: BTreeMap<String, Neighbours> = serde_json::from_slice(file).unwrap();
    for test in tests.into_values() {
        let store = MemoryStore::new();
        let mut batch = WriteBatch::new();
        for key in test.r#in {
            batch.put(COLUMN, key, *b"");
        }
        store.write(&batch, Durability::Durable).unwrap();
        for [key, before, after] in test.tests {
            let (before, after) = (before.as_bytes(), after.as_bytes());
            let below = (Bound::Unbounded, Bound::Excluded(key.as_bytes()));
            let above = (Bound::Excluded(key.as_bytes()), Bound::Unbounded);
            let found = store.iterate_back(COLUMN, below).unwrap().next();
            assert_eq!(found.map(|entry| entry.unwrap().0).unwrap_or_default(), before);
            let found = store.iterate(COLUMN, above).unwrap().next();
            assert_eq!(found.map(|entry| entry.unwrap().0).unwrap_or_default(), after);
        }
    }
}
