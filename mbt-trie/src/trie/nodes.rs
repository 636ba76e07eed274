//! Nodes kept in memory, as bytes by path.

use alloc::{boxed::Box, vec::Vec};

use hashbrown::HashMap;
#[cfg(feature = "parallel")]
use rayon::prelude::{IndexedParallelIterator, IntoParallelRefMutIterator, ParallelIterator};

use super::{
    arena::{Block, Heap},
    embed::{CorruptNode, NodeChanges, NodeStore},
    nibbles::NodePath,
};

/// Keeps the nodes of a [`Trie`](crate::Trie) in memory.
#[derive(Clone, Debug)]
pub struct MemoryNodes {
    /// By the groups of [`NodeChanges`]; the last holds the paths of up to one half byte.
    shards: Vec<Shard>,
}

#[derive(Clone, Debug, Default)]
struct Shard {
    // Only looked up, never walked for output.
    places: HashMap<Path, Block>,
    bytes: Heap,
}

/// A path: in one word if it is short.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Path {
    /// Behind a one, four bits for each half byte.
    Short(u64),
    /// The half bytes.
    Long(Box<[u8]>),
}

impl From<NodePath<'_>> for Path {
    fn from(path: NodePath<'_>) -> Self {
        if path.len() < 16 {
            Self::Short(path.nibbles().fold(1, |word, nibble| (word << 4) | u64::from(nibble)))
        } else {
            Self::Long(path.nibbles().collect())
        }
    }
}

impl Shard {
    fn set(&mut self, path: NodePath<'_>, bytes: Option<&[u8]>) {
        let Self { places, bytes: heap } = self;
        match bytes {
            Some(bytes) => {
                places
                    .entry(path.into())
                    .and_modify(|block| *block = heap.replace(*block, bytes))
                    .or_insert_with(|| heap.store(bytes));
            }
            None => {
                if let Some(block) = places.remove(&Path::from(path)) {
                    heap.free(block);
                }
            }
        }
    }
}

impl Default for MemoryNodes {
    fn default() -> Self {
        Self { shards: (0..NodeChanges::GROUPS).map(|_| Shard::default()).collect() }
    }
}

impl MemoryNodes {
    /// Makes an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the number of nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.places.len()).sum()
    }

    /// Tells whether there is no node.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl NodeStore for MemoryNodes {
    type Error = CorruptNode;

    fn node(&self, path: NodePath<'_>) -> Result<Option<Vec<u8>>, CorruptNode> {
        let group = path.nibbles().next().filter(|_| path.len() > 1);
        let shard = &self.shards[group.map_or(NodeChanges::GROUPS - 1, usize::from)];
        let block = shard.places.get(&Path::from(path));
        Ok(block.map(|block| shard.bytes.get(*block).to_vec()))
    }

    fn write(&mut self, changes: &NodeChanges<'_>) -> Result<(), CorruptNode> {
        // Short paths come in two groups and go to one shard.
        let above = &mut self.shards[NodeChanges::GROUPS - 1];
        changes.for_each(|path, _, new| {
            if path.len() < 2 {
                above.set(path, new);
            }
        });
        let write = |(group, shard): (usize, &mut Shard)| {
            changes.for_each_in(group, |path, _, new| {
                if path.len() > 1 {
                    shard.set(path, new);
                }
            });
        };
        #[cfg(feature = "parallel")]
        self.shards.par_iter_mut().enumerate().for_each(write);
        #[cfg(not(feature = "parallel"))]
        self.shards.iter_mut().enumerate().for_each(write);
        Ok(())
    }
}
