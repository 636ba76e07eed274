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
    /// By the first half byte; the last holds the root.
    shards: Vec<Shard>,
}

#[derive(Clone, Debug, Default)]
struct Shard {
    // Only looked up, never walked for output.
    short: HashMap<u64, Block>,
    long: HashMap<Box<[u8]>, Block>,
    bytes: Heap,
}

/// Returns a path of less than 16 half bytes as a number: behind a one, four bits for each.
fn short(path: NodePath<'_>) -> Option<u64> {
    let word = || path.nibbles().fold(1, |word, nibble| (word << 4) | u64::from(nibble));
    (path.len() < 16).then(word)
}

fn long(path: NodePath<'_>) -> Box<[u8]> {
    path.nibbles().collect()
}

impl Shard {
    fn set(&mut self, path: NodePath<'_>, bytes: Option<&[u8]>) {
        let heap = &mut self.bytes;
        let Some(bytes) = bytes else {
            let block = match short(path) {
                Some(word) => self.short.remove(&word),
                None => self.long.remove(&long(path)),
            };
            block.into_iter().for_each(|block| heap.free(block));
            return;
        };
        let block = match short(path) {
            Some(word) => self.short.entry(word).or_default(),
            None => self.long.entry(long(path)).or_default(),
        };
        // A node is never empty, so an empty block is one that was not there.
        *block = if block.len() == 0 { heap.store(bytes) } else { heap.replace(*block, bytes) };
    }

    fn get(&self, path: NodePath<'_>) -> Option<&[u8]> {
        let block = match short(path) {
            Some(word) => self.short.get(&word),
            None => self.long.get(&long(path)),
        };
        block.map(|block| self.bytes.get(*block))
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
        self.shards.iter().map(|shard| shard.short.len() + shard.long.len()).sum()
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
        let shard = path.nibbles().next().map_or(NodeChanges::GROUPS - 1, usize::from);
        Ok(self.shards[shard].get(path).map(<[u8]>::to_vec))
    }

    fn write(&mut self, changes: &NodeChanges<'_>) -> Result<(), CorruptNode> {
        changes.for_each_in(NodeChanges::GROUPS - 1, |path, _, new| {
            let shard = path.nibbles().next().map_or(NodeChanges::GROUPS - 1, usize::from);
            self.shards[shard].set(path, new);
        });
        let write = |(group, shard): (usize, &mut Shard)| {
            if shard.short.is_empty() {
                shard.short.reserve(changes.len_in(group));
            }
            changes.for_each_in(group, |path, _, new| shard.set(path, new));
        };
        let shards = &mut self.shards[..NodeChanges::GROUPS - 1];
        #[cfg(feature = "parallel")]
        shards.par_iter_mut().enumerate().for_each(write);
        #[cfg(not(feature = "parallel"))]
        shards.iter_mut().enumerate().for_each(write);
        Ok(())
    }
}
