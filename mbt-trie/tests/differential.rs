//! The trie's writer against `trie-db`'s, through random batches of insertions, updates and
//! removals, failed writes, restarts and evictions.
//!
//! `MBT_TRIE_BATCHES=100000 cargo test --release -p mbt-trie --test differential` is the long form.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod common;

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};

use mbt_account::EMPTY_ROOT;
use mbt_crypto::{H256, keccak256};
use mbt_trie::{
    CorruptNode, EthereumLayout, MemoryNodes, MemoryTrie, NodeChanges, NodePath, NodeStore, Trie,
    verify_proof,
};
use trie_db::{Recorder, Trie as _, TrieDBBuilder, TrieDBMutBuilder, TrieMut};

/// Batches of the short form.
const BATCHES: u64 = 1_500;
/// Batches that a trie lives through.
const LIFE: u64 = 40;

/// A small generator (xorshift), so that a seed names a run.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 11) % bound as u64).unwrap()
    }

    fn byte(&mut self, bound: usize) -> u8 {
        u8::try_from(self.below(bound)).unwrap()
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }
}

/// Shapes of keys: what they share decides the trie's shape.
#[derive(Clone, Copy, Debug)]
enum Keys {
    /// Of every length, full of common starts.
    Nested,
    /// Few bytes of any value.
    Short,
    /// 32 bytes, as a state's.
    Hashed(usize),
    /// 32 bytes that part late.
    Deep,
    /// Longer than any path that fits a word.
    Long,
}

impl Keys {
    fn pick(random: &mut Random) -> Self {
        match random.below(6) {
            0 => Self::Nested,
            1 => Self::Short,
            2 => Self::Hashed(20),
            3 => Self::Hashed(2_000),
            4 => Self::Deep,
            _ => Self::Long,
        }
    }

    fn key(self, random: &mut Random) -> Vec<u8> {
        match self {
            Self::Nested => {
                let length = random.below(7);
                (0..length).map(|_| [0x00, 0x01, 0x10, 0x11][random.below(4)]).collect()
            }
            Self::Short => {
                let length = random.below(4);
                (0..length).map(|_| random.byte(256)).collect()
            }
            Self::Hashed(count) => keccak256(random.below(count).to_be_bytes()).0.to_vec(),
            Self::Deep => {
                let mut key = vec![0x5a; 32];
                let place = 24 + random.below(8);
                key[place] = random.byte(8);
                key[31] = random.byte(64);
                key
            }
            Self::Long => {
                let mut key = vec![7; 100 + random.below(3) * 40];
                key[90] = random.byte(3);
                *key.last_mut().unwrap() = random.byte(20);
                key
            }
        }
    }
}

fn value(random: &mut Random) -> Vec<u8> {
    let length = match random.below(8) {
        0 => 1,
        1..4 => 1 + random.below(4),
        4..6 => 20 + random.below(20),
        6 => 70,
        _ => 200 + random.below(1_000),
    };
    let byte = random.byte(256);
    (0..length)
        .map(|at| if at == 0 { byte } else { byte ^ u8::try_from(at % 256).unwrap() })
        .collect()
}

/// A store whose writes and reads fail when told.
#[derive(Debug, Default)]
struct Failing {
    nodes: MemoryNodes,
    fail_write: bool,
    fail_read: AtomicBool,
}

impl NodeStore for Failing {
    type Error = CorruptNode;

    fn node(&self, path: NodePath<'_>) -> Result<Option<Vec<u8>>, CorruptNode> {
        if self.fail_read.swap(false, Ordering::Relaxed) {
            return Err(CorruptNode { path: path.to_string(), what: "told to fail" });
        }
        self.nodes.node(path)
    }

    fn write(&mut self, changes: &NodeChanges<'_>) -> Result<(), CorruptNode> {
        if std::mem::take(&mut self.fail_write) {
            return Err(CorruptNode { path: String::new(), what: "told to fail" });
        }
        // What a change says was there is there, and it does change something.
        changes.for_each(|path, old, new| {
            assert_eq!(self.nodes.node(path).unwrap().as_deref(), old, "at {path}");
            assert_ne!(old, new);
        });
        self.nodes.write(changes)
    }
}

/// One trie's life.
struct Life {
    random: Random,
    keys: Keys,
    model: BTreeMap<Vec<u8>, Vec<u8>>,
    database: common::Database,
    root: [u8; 32],
    trie: Trie<Failing>,
    resident: MemoryTrie,
}

impl Life {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let keys = Keys::pick(&mut random);
        Self {
            keys,
            random,
            model: BTreeMap::new(),
            database: common::database(),
            root: EMPTY_ROOT.0,
            trie: Trie::new(Failing::default()),
            resident: MemoryTrie::new(),
        }
    }

    fn batch(&mut self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let random = &mut self.random;
        let count = match random.below(5) {
            0 => 1,
            1..4 => random.below(12),
            _ => random.below(150),
        };
        let removals = random.below(4);
        let mut batch = Vec::new();
        for _ in 0..count {
            let present = !self.model.is_empty() && random.one_in(2);
            let key = if present {
                let at = random.below(self.model.len());
                self.model.keys().nth(at).unwrap().clone()
            } else {
                self.keys.key(random)
            };
            let removed = random.below(4) < removals;
            batch.push((key, if removed { Vec::new() } else { value(random) }));
        }
        if random.one_in(40) {
            batch.extend(self.model.keys().map(|key| (key.clone(), Vec::new())));
        }
        batch
    }

    fn restart(&mut self) {
        match self.random.below(12) {
            0 => self.trie.unload(),
            1..4 => {
                let bytes_max = [0, 3_000, 30_000, usize::MAX][self.random.below(4)];
                let trie = std::mem::replace(&mut self.trie, Trie::new(Failing::default()));
                self.trie = Trie::open(trie.into_store(), H256(self.root), bytes_max);
            }
            _ => {}
        }
    }

    fn step(&mut self) {
        let batch = self.batch();
        self.restart();
        let put = |trie: &mut Trie<Failing>| {
            batch.iter().for_each(|(key, value)| trie.put(key, value));
        };
        if self.random.one_in(5) {
            // A commit that fails leaves all as it was, and is made again or forgotten.
            let other = self.batch();
            other.iter().for_each(|(key, value)| self.trie.put(key, value));
            let write = self.random.one_in(2);
            let mut store = std::mem::replace(&mut self.trie, Trie::new(Failing::default()));
            store.store_mut().fail_write = write;
            store.store_mut().fail_read = AtomicBool::new(!write);
            self.trie = store;
            let before = self.trie.root();
            if self.trie.commit().is_err() {
                assert_eq!(self.trie.root(), before);
                self.trie.discard();
            } else {
                // Nothing was read: it was made, and is made by the others as well.
                self.trie.store_mut().fail_read = AtomicBool::new(false);
                self.trie.store_mut().fail_write = false;
                self.oracle(&other);
                assert_eq!(self.trie.root(), H256(self.root));
            }
            self.trie.store_mut().fail_read = AtomicBool::new(false);
            self.trie.store_mut().fail_write = false;
        }
        put(&mut self.trie);
        self.oracle(&batch);
        assert_eq!(self.trie.commit().unwrap(), H256(self.root), "root");
        self.check();
    }

    /// Makes a batch with `trie-db` and in the trie that is in memory only.
    fn oracle(&mut self, batch: &[(Vec<u8>, Vec<u8>)]) {
        let mut oracle = if self.root == EMPTY_ROOT.0 {
            TrieDBMutBuilder::<EthereumLayout>::new(&mut self.database, &mut self.root).build()
        } else {
            TrieDBMutBuilder::<EthereumLayout>::from_existing(&mut self.database, &mut self.root)
                .build()
        };
        for (key, value) in batch {
            if value.is_empty() {
                oracle.remove(key).unwrap();
                self.model.remove(key);
            } else {
                oracle.insert(key, value).unwrap();
                self.model.insert(key.clone(), value.clone());
            }
        }
        drop(oracle);
        self.resident.set(batch.iter().cloned());
        assert_eq!(self.resident.root(), H256(self.root), "root in memory");
    }

    fn check(&mut self) {
        for _ in 0..3 {
            let present = !self.model.is_empty() && self.random.one_in(2);
            let key = if present {
                let at = self.random.below(self.model.len());
                self.model.keys().nth(at).unwrap().clone()
            } else {
                self.keys.key(&mut self.random)
            };
            let value = self.model.get(&key);
            let proof = self.trie.prove(&key).unwrap();
            verify_proof(H256(self.root), &key, value.map(Vec::as_slice), &proof).unwrap();
            assert_eq!(self.resident.prove(&key), proof, "the proof from memory");
            assert_eq!(self.trie.get(&key).unwrap().as_ref(), value);
            if self.model.is_empty() {
                continue;
            }
            let mut recorder = Recorder::<EthereumLayout>::new();
            let database = TrieDBBuilder::<EthereumLayout>::new(&self.database, &self.root)
                .with_recorder(&mut recorder)
                .build();
            assert_eq!(database.get(&key).unwrap().as_ref(), value);
            let recorded: Vec<_> = recorder.drain().into_iter().map(|node| node.data).collect();
            assert_eq!(proof, recorded, "the proof that trie-db records");
        }
    }

    /// Nothing is left in the store that a trie built at once would not have.
    fn end(&mut self) {
        let mut fresh = Trie::new(Failing::default());
        self.model.iter().for_each(|(key, value)| fresh.put(key, value));
        assert_eq!(fresh.commit().unwrap(), H256(self.root));
        assert_eq!(fresh.store().nodes.len(), self.trie.store().nodes.len(), "nodes stored");
        let keys: Vec<_> = self.model.keys().cloned().collect();
        keys.iter().for_each(|key| self.trie.remove(key));
        assert_eq!(self.trie.commit().unwrap(), EMPTY_ROOT);
        assert!(self.trie.store().nodes.is_empty(), "nodes of an empty trie");
        self.resident.set(keys.into_iter().map(|key| (key, Vec::new())));
        assert_eq!(self.resident.root(), EMPTY_ROOT);
    }
}

#[test]
fn the_writer_agrees_with_trie_db() {
    let batches = std::env::var("MBT_TRIE_BATCHES").ok();
    let batches = batches.map_or(BATCHES, |text| text.parse().unwrap());
    for seed in 0..batches.div_ceil(LIFE) {
        let life = std::panic::catch_unwind(|| {
            let mut life = Life::new(seed);
            (0..LIFE).for_each(|_| life.step());
            life.end();
        });
        if let Err(cause) = life {
            #[allow(clippy::print_stderr, reason = "a failure names its seed")]
            {
                eprintln!("seed {seed}");
            }
            std::panic::resume_unwind(cause);
        }
    }
}
