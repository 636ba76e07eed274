//! Following a key down.

use alloc::{borrow::Cow, vec::Vec};

use mbt_account::EMPTY_ROOT;
use mbt_crypto::{H256, keccak256};

use super::{ARENAS, Forest};
use crate::trie::{
    arena::{Kind, NONE, NodeRead},
    nibbles::{NodePath, nibble},
    proof::{Proved, Step, step},
};

impl<K: Copy + Ord + Sync> Forest<K> {
    /// Collects the proof of a key of a trie with this root, as it is in the last version: the
    /// stored nodes down from the root, and the key's value.
    pub(crate) fn prove<R: NodeRead>(
        &self,
        read: &R,
        name: &K,
        root: H256,
        key: &[u8],
    ) -> Proved<R::Error> {
        let mut proof = Vec::new();
        let value = self.follow(read, name, root, key, |node| proof.push(node.to_vec()))?;
        Ok((proof, value))
    }

    /// Follows a key of a trie with this root down from it, as it is in the last version, visits
    /// the stored nodes on the way and returns the key's value.
    pub(crate) fn follow<R: NodeRead>(
        &self,
        read: &R,
        name: &K,
        root: H256,
        key: &[u8],
        mut visit: impl FnMut(&[u8]),
    ) -> Result<Option<Vec<u8>>, R::Error> {
        if root == EMPTY_ROOT {
            return Ok(None);
        }
        let top = self.top(name).filter(|top| top.hash == root);
        let mut bytes = match top {
            Some(top) => Cow::Borrowed(top.root.as_slice()),
            None => Cow::Owned(read_node(read, NodePath::ROOT, &root.0)?),
        };
        visit(&bytes);
        let arena = usize::from(if key.is_empty() { 0 } else { nibble(key, 0) }) % ARENAS;
        let arena = &self.arenas[arena];
        let (mut depth, mut here) = (0, NONE);
        loop {
            let corrupt = || read.corrupt(0, NodePath::of(key, depth), "a trie node is malformed");
            let (below, hash) = match step(key, depth, &bytes).map_err(|_| corrupt())? {
                Step::Value(value) => return Ok(value.map(<[u8]>::to_vec)),
                Step::Down(below, hash) => (below, hash),
            };
            here = match (depth, top) {
                (0, Some(top)) if top.forked => top.links[usize::from(nibble(key, 0))],
                (0, Some(top)) => {
                    let stump = top.links[usize::from(nibble(key, 0))];
                    let branch = stump == NONE || arena.kind(stump) == Kind::Branch;
                    if branch { stump } else { arena.child(stump, 0) }
                }
                _ if here == NONE => NONE,
                _ => arena.child(here, nibble(key, below - 1)),
            };
            bytes = if here == NONE {
                Cow::Owned(read_node(read, NodePath::of(key, below), hash)?)
            } else {
                Cow::Borrowed(arena.encoding(here))
            };
            visit(&bytes);
            depth = below;
        }
    }
}

fn read_node<R: NodeRead>(
    read: &R,
    path: NodePath<'_>,
    hash: &[u8; 32],
) -> Result<Vec<u8>, R::Error> {
    let bytes = read.read(0, path)?;
    let bytes = bytes.ok_or_else(|| read.corrupt(0, path, "a trie node is missing"))?;
    if keccak256(&bytes).0 == *hash {
        Ok(bytes)
    } else {
        Err(read.corrupt(0, path, "a trie node does not hash to what its parent says"))
    }
}
