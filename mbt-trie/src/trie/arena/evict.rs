//! Letting nodes go that were not needed for long.

use alloc::{vec, vec::Vec};
use core::cmp::Reverse;

use super::{Arena, FORK_BYTES, Index, Kind, NONE, SLOT_BYTES};

impl Arena {
    /// Returns the oldest version whose nodes may stay so that about `bytes` are held.
    pub(crate) fn oldest_within(&self, bytes: usize) -> u32 {
        let live = self.slots.iter().filter(|slot| slot.kind != Kind::Free);
        let mut sizes: Vec<(u32, usize)> = live
            .map(|slot| {
                let fork = if slot.kind == Kind::Branch { FORK_BYTES } else { 0 };
                (slot.version, slot.block.len() + SLOT_BYTES + fork)
            })
            .collect();
        sizes.sort_unstable_by_key(|(version, _)| Reverse(*version));
        let mut sum = 0_usize;
        for (version, size) in sizes {
            sum += size;
            if sum > bytes {
                return version.saturating_add(1);
            }
        }
        0
    }

    /// Lets go of the nodes below `node`, and of itself, that are older than `oldest`. Returns what
    /// is left of it. What is above is never older than what is below.
    pub(crate) fn evict(&mut self, node: Index, oldest: u32) -> Index {
        if node == NONE {
            return NONE;
        }
        if self.version(node) < oldest {
            self.release_all(node);
            return NONE;
        }
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            for nibble in 0..self.ways(node) {
                let child = self.child(node, nibble);
                if child == NONE {
                } else if self.version(child) < oldest {
                    self.release_all(child);
                    self.set_child(node, nibble, NONE);
                } else {
                    open.push(child);
                }
            }
        }
        node
    }

    /// Visits a node and all below it that are here.
    pub(crate) fn visit(&self, node: Index, mut visit: impl FnMut(Index)) {
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            if node != NONE {
                visit(node);
                open.extend((0..self.ways(node)).map(|nibble| self.child(node, nibble)));
            }
        }
    }

    fn release_all(&mut self, node: Index) {
        let mut all = Vec::new();
        self.visit(node, |node| all.push(node));
        all.into_iter().for_each(|node| self.release(node));
    }

    /// Returns how many children a node may have.
    fn ways(&self, node: Index) -> u8 {
        match self.kind(node) {
            Kind::Branch => 16,
            Kind::Extension => 1,
            Kind::Leaf | Kind::Free => 0,
        }
    }
}
