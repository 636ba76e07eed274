//! Roots of tries, above the arenas.

use alloc::vec::Vec;

use mbt_account::EMPTY_ROOT;
use mbt_crypto::{H256, keccak256};

use super::{ARENAS, Batch, Forest};
use crate::trie::{
    arena::{Index, NONE, NodeRead},
    nibbles::NodePath,
    node::{Branch, Child, Node},
};

/// Bytes that a trie takes beside its nodes, about.
pub(super) const TOP_BYTES: usize = size_of::<Top>() + 160;

/// The root of a trie.
#[derive(Clone, Debug)]
pub(super) struct Top {
    /// What is here of the nodes below each first half byte. Where the root is no branch, what
    /// follows that half byte in it stands there as a node of its own.
    pub(super) links: [Index; ARENAS],
    /// Its encoding; nothing when the trie is empty.
    pub(super) root: Vec<u8>,
    pub(super) hash: H256,
    /// Whether the root is a branch.
    pub(super) forked: bool,
    /// The version that made it, or in which it was read.
    pub(super) version: u32,
}

/// What a root says.
#[derive(Debug, Default)]
pub(super) struct Shape<'a> {
    /// The half bytes that keys begin with.
    pub(super) mask: u16,
    /// What the root says of the nodes there, if it is a branch.
    pub(super) children: [Option<Child<'a>>; ARENAS],
    /// The value of the key without half bytes, empty when there is none.
    pub(super) value: &'a [u8],
}

impl Top {
    pub(super) const fn empty(version: u32) -> Self {
        let links = [NONE; ARENAS];
        Self { links, root: Vec::new(), hash: EMPTY_ROOT, forked: false, version }
    }

    /// Takes an encoding that is sound.
    pub(super) fn of(root: Vec<u8>, links: [Index; ARENAS], hash: H256, version: u32) -> Self {
        let forked = matches!(Node::decode(&root), Ok(Node::Branch(_)));
        Self { links, root, hash, forked, version }
    }

    /// Returns the root's bytes where there is one.
    pub(super) fn stored(&self) -> Option<&[u8]> {
        Some(self.root.as_slice()).filter(|root| !root.is_empty())
    }

    /// Returns what the root says; `None` when it is malformed.
    pub(super) fn shape(&self) -> Option<Shape<'_>> {
        if self.root.is_empty() {
            return Some(Shape::default());
        }
        let mut shape = Shape::default();
        match Node::decode(&self.root).ok()? {
            Node::Leaf { path, value } if path.len() == 0 => shape.value = value,
            Node::Leaf { path, .. } | Node::Extension { path, .. } => shape.mask = 1 << path.at(0),
            Node::Branch(Branch { children, value }) => {
                for (nibble, child) in children.iter().enumerate() {
                    shape.mask |= u16::from(child.is_some()) << nibble;
                }
                (shape.children, shape.value) = (children, value);
            }
        }
        Some(shape)
    }
}

impl<K: Copy + Ord + Sync> Forest<K> {
    /// Returns the tops that batches start from, and reads those that are not here.
    pub(super) fn tops<R: NodeRead>(
        &mut self,
        read: &R,
        batches: &[Batch<'_, K>],
    ) -> Result<Vec<Top>, R::Error> {
        let mut tops = Vec::with_capacity(batches.len());
        for (trie, batch) in batches.iter().enumerate() {
            let corrupt = |what| read.corrupt(trie, NodePath::ROOT, what);
            let top = match self.top(&batch.name) {
                Some(top) if top.hash == batch.root => top.clone(),
                Some(_) => return Err(corrupt("a trie has another root than its account says")),
                None if batch.root == EMPTY_ROOT => Top::empty(self.version()),
                None => {
                    let root = read.read(trie, NodePath::ROOT)?;
                    let root = root.ok_or_else(|| corrupt("a trie has no root node"))?;
                    if keccak256(&root) != batch.root {
                        return Err(corrupt("a root node does not hash to its trie's root"));
                    }
                    Node::decode(&root).map_err(|_| corrupt("a root node is malformed"))?;
                    let parent = self.parent();
                    let top = Top::of(root, [NONE; ARENAS], batch.root, parent.id);
                    parent.tops.insert(batch.name, top.clone());
                    top
                }
            };
            tops.push(top);
        }
        Ok(tops)
    }
}
