//! A trie that is held in memory.

use alloc::{collections::BTreeMap, vec::Vec};
use core::convert::Infallible;

use mbt_account::EMPTY_ROOT;
use mbt_crypto::H256;

use super::{
    nibbles::{Nibbles, nibbles},
    proof::prove,
    update::{NodeChanges, update},
};

/// A trie in memory, of any keys: for proofs of entries of a list, such as a block's receipts, and
/// for tries smaller than a state.
///
/// ```
/// use mbt_trie::{MemoryTrie, verify_proof};
///
/// let mut trie = MemoryTrie::new();
/// trie.set([(b"dog", b"puppy"), (b"doe", b"deer!")]);
/// let proof = trie.prove(b"dog");
/// assert!(verify_proof(trie.root(), b"dog", Some(b"puppy"), &proof).is_ok());
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MemoryTrie {
    root: H256,
    nodes: BTreeMap<Nibbles, Vec<u8>>,
}

impl Default for MemoryTrie {
    fn default() -> Self {
        Self { root: EMPTY_ROOT, nodes: BTreeMap::new() }
    }
}

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
        let entries = entries.into_iter();
        let entries = entries.map(|(key, value)| (nibbles(key.as_ref()), Some(value.into())));
        let mut changes: Vec<_> = entries.collect::<BTreeMap<_, _>>().into_iter().collect();
        let result = update(|path| Ok(self.nodes.get(path).cloned()), broken, &mut changes);
        let Ok::<_, Infallible>((root, NodeChanges { old, new })) = result;
        for path in old.keys() {
            self.nodes.remove(path);
        }
        self.nodes.extend(new);
        self.root = root;
    }

    /// Returns the root.
    #[must_use]
    pub const fn root(&self) -> H256 {
        self.root
    }

    /// Returns the value of a key.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.walk(key).1
    }

    /// Proves the value of a key, or its absence: the RLP of the nodes from the root down.
    #[must_use]
    pub fn prove(&self, key: &[u8]) -> Vec<Vec<u8>> {
        self.walk(key).0
    }

    fn walk(&self, key: &[u8]) -> (Vec<Vec<u8>>, Option<Vec<u8>>) {
        let Ok::<_, Infallible>(found) =
            prove(|path| Ok(self.nodes.get(path).cloned()), broken, key);
        found
    }
}

/// Is not reached: the nodes are private, and written whole.
fn broken(what: &'static str) -> Infallible {
    unreachable!("{what} in a trie that only this type writes")
}
