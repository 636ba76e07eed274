//! Changing many keys of a trie at once.
//!
//! Nodes are stored by their path, so a new node takes the old one's place. The changes come
//! sorted; each node that they touch is read once, changed in memory, and encoded and hashed once.

use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};
use core::mem;

use mbt_account::EMPTY_ROOT;
use mbt_crypto::{H256, keccak256};

use super::{
    nibbles::{Nibbles, common_prefix},
    node::{Branch, Child, Node, Reference},
};

/// A change of a trie: a key's path and its new value; `None` or no bytes remove it.
pub(crate) type Change = (Nibbles, Option<Vec<u8>>);

/// Stored nodes that an update replaced or removed (old bytes) and made (new bytes), by path.
#[derive(Debug, Default)]
pub(crate) struct NodeChanges {
    /// What was read, and is stored at its path until the changes are written.
    pub(crate) old: BTreeMap<Nibbles, Vec<u8>>,
    /// What is stored afterwards at the paths that were visited.
    pub(crate) new: BTreeMap<Nibbles, Vec<u8>>,
}

/// Makes `changes`, sorted by path and each path once, in the trie whose stored nodes `read`
/// returns by path, and returns the new root.
pub(crate) fn update<E>(
    read: impl Fn(&[u8]) -> Result<Option<Vec<u8>>, E>,
    corrupt: impl Fn(&'static str) -> E,
    changes: &mut [Change],
) -> Result<(H256, NodeChanges), E> {
    let mut update = Update { read, corrupt, stored: NodeChanges::default(), path: Vec::new() };
    let root = match (update.read)(&[])? {
        Some(bytes) => Some(update.decode(bytes)?),
        None => None,
    };
    let Some(root) = update.apply(root, changes)? else {
        return Ok((EMPTY_ROOT, update.stored));
    };
    let bytes = update.encode(&root);
    let hash = keccak256(&bytes);
    update.stored.new.insert(Vec::new(), bytes);
    Ok((hash, update.stored))
}

struct Update<F, C> {
    read: F,
    corrupt: C,
    stored: NodeChanges,
    /// Where in the trie the work is.
    path: Nibbles,
}

impl<F, C, E> Update<F, C>
where
    F: Fn(&[u8]) -> Result<Option<Vec<u8>>, E>,
    C: Fn(&'static str) -> E,
{
    /// Decodes the node read at the path.
    fn decode(&mut self, bytes: Vec<u8>) -> Result<Node, E> {
        let node = Node::decode(&bytes).map_err(|_| (self.corrupt)("a trie node is malformed"))?;
        self.stored.old.insert(self.path.clone(), bytes);
        Ok(node)
    }

    /// Returns the node that a parent refers to, the path being that node's.
    fn load(&mut self, child: Child) -> Result<Node, E> {
        match child {
            Child::Node(node) => Ok(*node),
            Child::Hash(_) => {
                let bytes = (self.read)(&self.path)?;
                let bytes = bytes.ok_or_else(|| (self.corrupt)("a trie node is missing"))?;
                self.decode(bytes)
            }
        }
    }

    /// Makes `changes` below the path, where `node` stands.
    fn apply(&mut self, node: Option<Node>, changes: &mut [Change]) -> Result<Option<Node>, E> {
        if changes.is_empty() {
            return Ok(node);
        }
        match node {
            None => Ok(build(self.path.len(), changes)),
            Some(Node::Leaf { path, value }) => Ok(self.apply_leaf(&path, value, changes)),
            Some(Node::Extension { path, child }) => self.apply_extension(&path, child, changes),
            Some(Node::Branch(branch)) => self.apply_branch(branch, changes),
        }
    }

    fn apply_leaf(&self, path: &[u8], value: Vec<u8>, changes: &mut [Change]) -> Option<Node> {
        let depth = self.path.len();
        let mut key = self.path.clone();
        key.extend_from_slice(path);
        match changes.binary_search_by(|change| change.0.cmp(&key)) {
            Ok(_) => build(depth, changes),
            Err(place) => {
                let mut all: Vec<Change> = changes.iter_mut().map(mem::take).collect();
                all.insert(place, (key, Some(value)));
                build(depth, &mut all)
            }
        }
    }

    fn apply_extension(
        &mut self,
        path: &[u8],
        child: Child,
        changes: &mut [Change],
    ) -> Result<Option<Node>, E> {
        let depth = self.path.len();
        let shared = shared_start(changes, depth, path);
        let node = if shared == path.len() {
            self.path.extend_from_slice(path);
            let node = self.load(child)?;
            self.apply(Some(node), changes)?
        } else {
            let mut fork = Box::<Branch>::default();
            fork.children[usize::from(path[shared])] = Some(match &path[shared + 1..] {
                [] => child,
                rest => Child::Node(Node::Extension { path: rest.to_vec(), child }.into()),
            });
            self.path.extend_from_slice(&path[..shared]);
            self.apply_branch(fork, changes)?
        };
        self.path.truncate(depth);
        Ok(node.map(|node| lengthen(&path[..shared], node)))
    }

    fn apply_branch(
        &mut self,
        mut branch: Box<Branch>,
        changes: &mut [Change],
    ) -> Result<Option<Node>, E> {
        let depth = self.path.len();
        let ends_here = changes.first().is_some_and(|(key, _)| key.len() == depth);
        let (own, mut rest) = changes.split_at_mut(usize::from(ends_here));
        if let [(_, value)] = own {
            branch.value = value.take().filter(|value| !value.is_empty());
        }
        while let Some((nibble, group)) = next_group(&mut rest, depth) {
            self.path.push(nibble);
            let slot = &mut branch.children[usize::from(nibble)];
            let child = slot.take().map(|child| self.load(child)).transpose()?;
            *slot = self.apply(child, group)?.map(|node| Child::Node(node.into()));
            self.path.pop();
        }
        self.collapse(branch)
    }

    /// Replaces a fork of fewer than two ways by what it stands for.
    fn collapse(&mut self, mut branch: Box<Branch>) -> Result<Option<Node>, E> {
        if branch.ways() >= 2 {
            return Ok(Some(Node::Branch(branch)));
        }
        if let Some(value) = branch.value {
            return Ok(Some(Node::Leaf { path: Vec::new(), value }));
        }
        for (nibble, child) in (0..).zip(&mut branch.children) {
            if let Some(child) = child.take() {
                self.path.push(nibble);
                let node = self.load(child)?;
                self.path.pop();
                return Ok(Some(lengthen(&[nibble], node)));
            }
        }
        Ok(None)
    }

    /// Encodes the node at the path and notes what is to be stored below it.
    fn encode(&mut self, node: &Node) -> Vec<u8> {
        let depth = self.path.len();
        node.encode(|suffix, child| {
            self.path.extend_from_slice(suffix);
            let bytes = self.encode(child);
            let reference = Reference::of(&bytes);
            if matches!(reference, Reference::Hash(_)) {
                self.stored.new.insert(self.path.clone(), bytes);
            }
            self.path.truncate(depth);
            reference
        })
    }
}

/// Splits off the changes that share the half byte at `depth`.
fn next_group<'a>(rest: &mut &'a mut [Change], depth: usize) -> Option<(u8, &'a mut [Change])> {
    let nibble = *rest.first()?.0.get(depth)?;
    let count = rest.partition_point(|(key, _)| key.get(depth) == Some(&nibble));
    let (group, others) = mem::take(rest).split_at_mut(count);
    *rest = others;
    Some((nibble, group))
}

/// Returns how much of `path` all changes share from `depth` on: sorted, the first and last tell.
fn shared_start(changes: &[Change], depth: usize, path: &[u8]) -> usize {
    let shared = |change: Option<&Change>| {
        change.map_or(0, |(key, _)| common_prefix(key.get(depth..).unwrap_or_default(), path))
    };
    shared(changes.first()).min(shared(changes.last()))
}

/// Puts half bytes that all keys below share in front of a node.
fn lengthen(prefix: &[u8], node: Node) -> Node {
    if prefix.is_empty() {
        return node;
    }
    let longer = |path: &[u8]| [prefix, path].concat();
    match node {
        Node::Leaf { path, value } => Node::Leaf { path: longer(&path), value },
        Node::Extension { path, child } => Node::Extension { path: longer(&path), child },
        Node::Branch(_) => {
            Node::Extension { path: prefix.to_vec(), child: Child::Node(node.into()) }
        }
    }
}

/// Makes the trie of the keys that are set, all of which share their first `depth` half bytes.
fn build(depth: usize, changes: &mut [Change]) -> Option<Node> {
    let set = |change: &&mut Change| change.1.as_ref().is_some_and(|value| !value.is_empty());
    let mut items: Vec<Change> = changes.iter_mut().filter(set).map(mem::take).collect();
    build_from(depth, &mut items)
}

fn build_from(depth: usize, items: &mut [Change]) -> Option<Node> {
    if let [(key, value)] = items {
        let path = key.get(depth..).unwrap_or_default().to_vec();
        return value.take().map(|value| Node::Leaf { path, value });
    }
    let shared = items.first()?.0.get(depth..).unwrap_or_default().to_vec();
    let shared = &shared[..shared_start(items, depth, &shared)];
    let fork = depth + shared.len();
    let mut branch = Box::<Branch>::default();
    let ends_here = items.first().is_some_and(|(key, _)| key.len() == fork);
    let (own, mut rest) = items.split_at_mut(usize::from(ends_here));
    if let [(_, value)] = own {
        branch.value = value.take();
    }
    while let Some((nibble, group)) = next_group(&mut rest, fork) {
        let child = build_from(fork + 1, group);
        branch.children[usize::from(nibble)] = child.map(|node| Child::Node(node.into()));
    }
    Some(lengthen(shared, Node::Branch(branch)))
}
