//! The engines, each with a trie in memory.

use std::{hash::BuildHasherDefault, sync::Arc};

use alloy_trie::{HashBuilder, Nibbles};
use eth_trie::Trie as _;
use hash256_std_hasher::Hash256StdHasher;
use mbt_trie::{EthereumLayout, KeccakHasher, MemoryNodes, Trie};
use memory_db::{HashKey, MemoryDB};
use trie_db::{Recorder, Trie as _, TrieDBBuilder, TrieDBMutBuilder, TrieMut};

/// A key's hash and its value.
pub(crate) type Entry = ([u8; 32], [u8; 70]);

/// Ours: nodes by path, and in memory what the last commits used.
pub(crate) struct Ours(pub(crate) Trie<MemoryNodes>);

impl Ours {
    pub(crate) fn new() -> Self {
        Self(Trie::new(MemoryNodes::new()))
    }

    pub(crate) fn commit(&mut self, batch: &[Entry]) -> [u8; 32] {
        for (key, value) in batch {
            self.0.put(key, value);
        }
        self.0.commit().unwrap().0
    }
}

/// A hasher for keys that are hashes, which is kinder to `trie-db` than the default.
type Hashes = BuildHasherDefault<Hash256StdHasher>;

/// `trie-db`: nodes by hash, counted.
pub(crate) struct TrieDb {
    database: MemoryDB<KeccakHasher, HashKey<KeccakHasher>, Vec<u8>, Hashes>,
    root: [u8; 32],
}

impl TrieDb {
    pub(crate) fn new() -> Self {
        let database = MemoryDB::from_null_node(&[0x80], vec![0x80]);
        Self { database, root: mbt_account::EMPTY_ROOT.0 }
    }

    pub(crate) fn commit(&mut self, batch: &[Entry]) -> [u8; 32] {
        let Self { database, root } = self;
        let mut trie = if *root == mbt_account::EMPTY_ROOT.0 {
            TrieDBMutBuilder::<EthereumLayout>::new(database, root).build()
        } else {
            TrieDBMutBuilder::<EthereumLayout>::from_existing(database, root).build()
        };
        for (key, value) in batch {
            trie.insert(key, value).unwrap();
        }
        trie.commit();
        drop(trie);
        self.root
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let trie = TrieDBBuilder::<EthereumLayout>::new(&self.database, &self.root).build();
        trie.get(key).unwrap()
    }

    pub(crate) fn prove(&self, key: &[u8]) -> Vec<Vec<u8>> {
        let mut recorder = Recorder::<EthereumLayout>::new();
        let trie = TrieDBBuilder::<EthereumLayout>::new(&self.database, &self.root)
            .with_recorder(&mut recorder)
            .build();
        trie.get(key).unwrap();
        drop(trie);
        recorder.drain().into_iter().map(|node| node.data).collect()
    }
}

/// `eth_trie`: nodes by hash, and what was used in memory.
pub(crate) struct EthTrie(pub(crate) eth_trie::EthTrie<eth_trie::MemoryDB>);

impl EthTrie {
    pub(crate) fn new() -> Self {
        Self(eth_trie::EthTrie::new(Arc::new(eth_trie::MemoryDB::new(true))))
    }

    pub(crate) fn commit(&mut self, batch: &[Entry]) -> [u8; 32] {
        for (key, value) in batch {
            self.0.insert(key, value).unwrap();
        }
        self.0.root_hash().unwrap().0
    }
}

/// `alloy-trie` builds roots and stores nothing.
pub(crate) fn alloy_root(entries: &[Entry]) -> [u8; 32] {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_unstable_by_key(|entry| entry.0);
    let mut builder = HashBuilder::default();
    for (key, value) in sorted {
        builder.add_leaf(Nibbles::unpack(key), value);
    }
    builder.root().0
}
