//! A trie that is held in memory.

use alloc::vec::Vec;
use core::convert::Infallible;

use mbt_account::EMPTY_ROOT;
use mbt_crypto::H256;

use super::{
    arena::{Change, NodeRead},
    forest::{Batch, Forest},
    multi::union,
    nibbles::NodePath,
};

/// A trie in memory, of any keys: for proofs of entries of a list, such as a block's receipts, and
/// for tries smaller than a state. Two are equal when they hold the same.
///
/// ```
/// use mbt_trie::{MemoryTrie, verify_proof};
///
/// let mut trie = MemoryTrie::new();
/// trie.set([(b"dog", b"puppy"), (b"doe", b"deer!")]);
/// let proof = trie.prove(b"dog");
/// assert!(verify_proof(trie.root(), b"dog", Some(b"puppy"), &proof).is_ok());
/// ```
#[derive(Clone, Debug)]
pub struct MemoryTrie {
    root: H256,
    nodes: Forest<()>,
}

impl Default for MemoryTrie {
    fn default() -> Self {
        Self { root: EMPTY_ROOT, nodes: Forest::new(usize::MAX) }
    }
}

impl PartialEq for MemoryTrie {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root
    }
}

impl Eq for MemoryTrie {}

impl MemoryTrie {
    /// Makes an empty trie.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the trie of a list, each item under the RLP of its index: that of
    /// [`ordered_root`](crate::ordered_root).
    pub fn of_list(items: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let mut trie = Self::new();
        trie.set((0_u64..).zip(items).map(|(index, item)| (rlp::encode(&index), item)));
        trie
    }

    /// Sets many entries at once; an empty value removes its key. Of a key that comes twice the
    /// last value counts.
    pub fn set<K: AsRef<[u8]>, V: Into<Vec<u8>>>(
        &mut self,
        entries: impl IntoIterator<Item = (K, V)>,
    ) {
        let entries: Vec<(K, Vec<u8>)> =
            entries.into_iter().map(|(key, value)| (key, value.into())).collect();
        let mut changes: Vec<_> =
            entries.iter().map(|(key, value)| Change::new(key.as_ref(), value)).collect();
        Change::sort(&mut changes);
        if changes.is_empty() {
            return;
        }
        self.nodes.begin(self.root);
        let batch = Batch { name: (), root: self.root, changes: &changes };
        let Ok(committed) = self.nodes.commit(&Nothing, &[batch]);
        self.root = committed.root(0);
        self.nodes.finish(self.root);
        self.nodes.settle();
    }

    /// Returns the root.
    #[must_use]
    pub const fn root(&self) -> H256 {
        self.root
    }

    /// Returns the value of a key.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let Ok(value) = self.nodes.follow(&Nothing, &(), self.root, key, |_| ());
        value
    }

    /// Proves the value of a key, or its absence: the RLP of the nodes from the root down.
    #[must_use]
    pub fn prove(&self, key: &[u8]) -> Vec<Vec<u8>> {
        let Ok((proof, _)) = self.nodes.prove(&Nothing, &(), self.root, key);
        proof
    }

    /// Proves many keys at once, for [`verify_multiproof`](crate::verify_multiproof).
    #[must_use]
    pub fn prove_all<K: AsRef<[u8]>>(&self, keys: &[K]) -> Vec<Vec<u8>> {
        let Ok(proof) = union(keys, |key| Ok::<_, Infallible>(self.prove(key)));
        proof
    }
}

/// Holds nothing, and is not asked: all nodes are in memory.
struct Nothing;

impl NodeRead for Nothing {
    type Error = Infallible;

    fn read(&self, _trie: usize, _path: NodePath<'_>) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(None)
    }

    fn corrupt(&self, _trie: usize, path: NodePath<'_>, what: &'static str) -> Infallible {
        unreachable!("{what} at {path:?} in a trie that only this type writes")
    }
}
