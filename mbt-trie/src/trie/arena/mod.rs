//! Decoded nodes that stay in memory from commit to commit.
//!
//! A node is its encoding, which lies in a [`Heap`], and the numbers of those nodes below it that
//! are here as well. So a changed value costs a copy of the nodes above it in which 32 bytes are
//! overwritten, whatever is not changed is never decoded or encoded, and a child that is not here
//! is still known by its hash.
//!
//! Nodes are never changed once their commit is over: a commit makes new ones beside the old, so
//! that both states are at hand until one of them is let go.

mod change;
mod encode;
mod evict;
mod heap;
mod restructure;
mod seal;

use alloc::vec::Vec;

pub(crate) use self::heap::{Block, Heap};
pub(crate) use self::seal::Reference;
use super::{
    nibbles::NodePath,
    node::{Branch, Child, Node, NodeError},
};

/// Names a node of an arena.
pub(crate) type Index = u32;

/// No node, or one that is not here.
pub(crate) const NONE: Index = 0;

/// Bytes of a node beside its encoding.
const SLOT_BYTES: usize = size_of::<Slot>();
const FORK_BYTES: usize = size_of::<[Index; 16]>();

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Free,
    Leaf,
    Extension,
    Branch,
}

/// A node.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Its encoding.
    block: Block,
    /// Of a branch its fork, of an extension the node below.
    link: u32,
    /// The version that made it, or that of the node above when it was loaded.
    version: u32,
    /// Of a node made by the commit at hand its place in the list of changes, then its reference.
    note: u32,
    /// Of a branch the ways that are taken.
    mask: u16,
    /// Children made by the commit at hand, whose references are not in the encoding yet. Of an
    /// extension the lowest bit.
    pending: u16,
    kind: Kind,
    /// Of a branch whether all children are hashes, so that their places need not be looked for.
    wide: bool,
}

/// A place at which a commit put another node, or none, in place of one or none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Touched {
    /// The job, and the change whose key leads to the place.
    pub(crate) job: u32,
    change: u32,
    depth: u32,
    /// Stands for the key's own half byte at the end of the path.
    last: Option<u8>,
    pub(crate) old: Index,
    pub(crate) new: Index,
}

impl Touched {
    pub(crate) const fn depth(&self) -> usize {
        self.depth as usize
    }
}

/// A node that was read from the store and is not held against its hash yet.
#[derive(Clone, Copy, Debug)]
struct Loaded {
    job: u32,
    change: u32,
    depth: u32,
    last: Option<u8>,
    node: Index,
    hash: [u8; 32],
}

/// A change of a key; an empty value removes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change<'a> {
    /// The key's first half bytes, for cheap comparisons.
    head: u64,
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
}

impl<'a> Change<'a> {
    pub(crate) fn new(key: &'a [u8], value: &'a [u8]) -> Self {
        let head = match key.first_chunk() {
            Some(first) => u64::from_be_bytes(*first),
            None => key
                .iter()
                .fold(0, |head, byte| (head << 8) | u64::from(*byte))
                .checked_shl(64 - 8 * u32::try_from(key.len()).unwrap_or(0))
                .unwrap_or(0),
        };
        Self { head, key, value }
    }

    /// Sorts changes by key. Of several of a key the last counts.
    pub(crate) fn sort(changes: &mut Vec<Self>) {
        let order = |a: &Self, b: &Self| a.head.cmp(&b.head).then_with(|| a.key.cmp(b.key));
        if changes.is_sorted_by(|a, b| order(a, b).is_lt()) {
            return;
        }
        changes.sort_by(order);
        changes.dedup_by(|later, kept| {
            let same = later.key == kept.key;
            if same {
                *kept = *later;
            }
            same
        });
    }

    pub(crate) const fn head(&self) -> u64 {
        self.head
    }

    pub(crate) fn nibble(&self, at: usize) -> u8 {
        if at < 16 {
            (self.head >> (60 - 4 * at) & 15) as u8
        } else {
            super::nibbles::nibble(self.key, at)
        }
    }

    pub(crate) const fn ends_at(&self, depth: usize) -> bool {
        2 * self.key.len() == depth
    }

    const fn is_set(&self) -> bool {
        !self.value.is_empty()
    }
}

/// Changes of one trie below one place, sorted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job<'a> {
    /// The trie, as the [`NodeRead`] knows it.
    pub(crate) trie: usize,
    pub(crate) changes: &'a [Change<'a>],
}

/// Where a commit finds nodes that are not here.
pub(crate) trait NodeRead: Sync {
    type Error: Send;

    /// Returns the bytes stored at a path.
    fn read(&self, trie: usize, path: NodePath<'_>) -> Result<Option<Vec<u8>>, Self::Error>;

    /// Says that what is stored at a path is not what was written.
    fn corrupt(&self, trie: usize, path: NodePath<'_>, what: &'static str) -> Self::Error;
}

/// Nodes by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arena {
    slots: Vec<Slot>,
    free: Vec<Index>,
    forks: Vec<[Index; 16]>,
    free_forks: Vec<u32>,
    heap: Heap,
    /// What the commit at hand did, and room that it works in.
    pub(crate) touched: Vec<Touched>,
    loaded: Vec<Loaded>,
    /// Nodes that were taken in, from the store or from within their parents.
    taken: Vec<Index>,
    /// Nodes that were made and taken apart again.
    dissolved: Vec<Index>,
    /// Nodes that stay and are hashed because their parent does not.
    rehashed: Vec<(u32, Index)>,
    references: Vec<Reference>,
    order: Vec<Index>,
    hashed: Vec<u32>,
    path: Vec<u8>,
    bytes: Vec<u8>,
}

impl Arena {
    pub(crate) fn encoding(&self, node: Index) -> &[u8] {
        self.heap.get(self.slot(node).block)
    }

    pub(crate) fn kind(&self, node: Index) -> Kind {
        self.slot(node).kind
    }

    pub(crate) fn version(&self, node: Index) -> u32 {
        self.slot(node).version
    }

    /// Returns the bytes that nodes take.
    pub(crate) fn used(&self) -> usize {
        self.heap.used()
            + self.slots.len().saturating_sub(self.free.len()) * SLOT_BYTES
            + self.forks.len().saturating_sub(self.free_forks.len()) * FORK_BYTES
    }

    /// Returns a child of a branch or the one of an extension, when it is here.
    pub(crate) fn child(&self, node: Index, nibble: u8) -> Index {
        let slot = self.slot(node);
        match slot.kind {
            Kind::Branch => self.forks[slot.link as usize][usize::from(nibble)],
            Kind::Extension => slot.link,
            Kind::Leaf | Kind::Free => NONE,
        }
    }

    fn slot(&self, node: Index) -> &Slot {
        &self.slots[node as usize]
    }

    fn slot_mut(&mut self, node: Index) -> &mut Slot {
        &mut self.slots[node as usize]
    }

    fn set_child(&mut self, node: Index, nibble: u8, child: Index) {
        let slot = self.slot(node);
        let (kind, link) = (slot.kind, slot.link as usize);
        if kind == Kind::Branch {
            self.forks[link][usize::from(nibble)] = child;
        } else {
            self.slot_mut(node).link = child;
        }
    }

    fn insert(&mut self, slot: Slot) -> Index {
        if let Some(node) = self.free.pop() {
            self.slots[node as usize] = slot;
            return node;
        }
        if self.slots.is_empty() {
            self.slots.push(Slot { kind: Kind::Free, ..slot });
        }
        let node = narrow(self.slots.len());
        self.slots.push(slot);
        node
    }

    fn insert_fork(&mut self, fork: [Index; 16]) -> u32 {
        if let Some(place) = self.free_forks.pop() {
            self.forks[place as usize] = fork;
            return place;
        }
        let place = narrow(self.forks.len());
        self.forks.push(fork);
        place
    }

    /// Lets a node go, not those below it.
    pub(crate) fn release(&mut self, node: Index) {
        let slot = *self.slot(node);
        match slot.kind {
            Kind::Free => return,
            Kind::Branch => self.free_forks.push(slot.link),
            Kind::Leaf | Kind::Extension => {}
        }
        self.heap.free(slot.block);
        self.slot_mut(node).kind = Kind::Free;
        self.free.push(node);
    }

    /// Lets all nodes go and keeps their room.
    pub(crate) fn clear(&mut self) {
        self.begin();
        self.slots.clear();
        self.free.clear();
        self.forks.clear();
        self.free_forks.clear();
        self.heap.clear();
        self.taken.clear();
    }

    /// Takes in a node that was encoded before.
    pub(crate) fn adopt(&mut self, bytes: &[u8], version: u32) -> Result<Index, NodeError> {
        let (kind, mask, wide) = match Node::decode(bytes)? {
            Node::Leaf { .. } => (Kind::Leaf, 0, false),
            Node::Extension { .. } => (Kind::Extension, 0, false),
            Node::Branch(Branch { children, .. }) => {
                let (mut mask, mut wide) = (0, true);
                for (nibble, child) in children.iter().enumerate() {
                    mask |= u16::from(child.is_some()) << nibble;
                    wide &= !matches!(child, Some(Child::Inline(_)));
                }
                (Kind::Branch, mask, wide)
            }
        };
        let link = if kind == Kind::Branch { self.insert_fork([NONE; 16]) } else { NONE };
        let block = self.heap.store(bytes);
        Ok(self.insert(Slot { block, link, version, note: 0, mask, pending: 0, kind, wide }))
    }
}

fn narrow(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
