//! Hashing what a commit made: level by level from the bottom, many nodes at once.

use alloc::{vec, vec::Vec};
use core::mem;

use mbt_crypto::{H256, keccak256_many};

use super::{Arena, Index, Job, Loaded, NONE, NodeRead, Touched};
use crate::trie::nibbles::NodePath;

/// How a node is written into its parent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reference {
    /// Its hash, or its encoding where that is shorter.
    bytes: [u8; 32],
    len: u8,
}

impl Reference {
    pub(crate) const fn hash(hash: H256) -> Self {
        Self { bytes: hash.0, len: 32 }
    }

    /// Takes an encoding that is shorter than a hash.
    pub(crate) fn inline(encoding: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes[..encoding.len()].copy_from_slice(encoding);
        Self { bytes, len: u8::try_from(encoding.len()).unwrap_or(32) }
    }

    pub(crate) const fn is_hash(&self) -> bool {
        self.len == 32
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl Arena {
    /// Encodes and hashes all nodes that the commit at hand made.
    pub(crate) fn seal(&mut self) {
        let made = self.touched.iter().filter(|touched| touched.new != NONE);
        let made = made.map(|touched| (touched.depth, touched.new));
        let levels = self.rehashed.iter().copied().chain(made);
        // A counting sort by depth, the deepest first.
        let deepest = levels.clone().map(|(depth, _)| depth).max().unwrap_or(0);
        let mut ends = vec![0_u32; deepest as usize + 1];
        levels.clone().for_each(|(depth, _)| ends[(deepest - depth) as usize] += 1);
        let mut sum = 0;
        for end in &mut ends {
            (*end, sum) = (sum, sum + *end);
        }
        self.order.clear();
        self.order.resize(sum as usize, NONE);
        for (depth, node) in levels {
            let end = &mut ends[(deepest - depth) as usize];
            self.order[*end as usize] = node;
            *end += 1;
        }
        self.references.clear();
        self.references.resize(sum as usize, Reference::default());
        let mut start = 0;
        for end in ends {
            self.seal_level(start, end);
            start = end;
        }
    }

    fn seal_level(&mut self, start: u32, end: u32) {
        self.hashed.clear();
        for place in start..end {
            let node = self.order[place as usize];
            self.fill(node);
            self.slot_mut(node).note = place;
            let encoding = self.heap.get(self.slot(node).block);
            if encoding.len() < 32 {
                self.references[place as usize] = Reference::inline(encoding);
            } else {
                self.hashed.push(place);
            }
        }
        let Self { slots, heap, order, hashed, references, .. } = self;
        let encoding = |place: &u32| heap.get(slots[order[*place as usize] as usize].block);
        keccak256_many(hashed.iter().map(encoding), |n, hash| {
            references[hashed[n] as usize] = Reference::hash(hash);
        });
    }

    /// Returns the reference of a node that the last commit made.
    pub(crate) fn reference(&self, node: Index) -> &Reference {
        &self.references[self.slot(node).note as usize]
    }

    /// Holds the nodes that were read against the hashes that their parents have of them.
    pub(crate) fn check_loaded<R: NodeRead>(
        &mut self,
        read: &R,
        jobs: &[Job<'_>],
    ) -> Result<(), R::Error> {
        let encoding = |loaded: &Loaded| self.encoding(loaded.node);
        let mut wrong = None::<usize>;
        keccak256_many(self.loaded.iter().map(encoding), |n, hash| {
            if hash.0 != self.loaded[n].hash {
                wrong = Some(wrong.map_or(n, |other| other.min(n)));
            }
        });
        let wrong = wrong.map(|n| self.loaded[n]);
        self.loaded.clear();
        let Some(Loaded { job, change, depth, last, .. }) = wrong else { return Ok(()) };
        let job = &jobs[job as usize];
        let path = place(job, change, depth, last);
        Err(read.corrupt(job.trie, path, "a trie node does not hash to what its parent says"))
    }

    /// Starts a commit.
    pub(crate) fn begin(&mut self) {
        self.touched.clear();
        self.loaded.clear();
        self.rehashed.clear();
        for node in mem::take(&mut self.dissolved) {
            self.release(node);
        }
    }

    /// Lets everything go that the commit at hand made, which then never was.
    pub(crate) fn give_up(&mut self) {
        for touched in mem::take(&mut self.touched) {
            if touched.new != NONE {
                self.release(touched.new);
            }
        }
    }

    /// Returns the nodes that were taken in since the last call.
    pub(crate) fn take_taken(&mut self) -> Vec<Index> {
        mem::take(&mut self.taken)
    }

    /// Returns the place of a change in its trie.
    pub(crate) fn path_of<'a>(touched: &Touched, jobs: &[Job<'a>]) -> NodePath<'a> {
        let Touched { job, change, depth, last, .. } = *touched;
        place(&jobs[job as usize], change, depth, last)
    }
}

fn place<'a>(job: &Job<'a>, change: u32, depth: u32, last: Option<u8>) -> NodePath<'a> {
    let key = job.changes[change as usize].key;
    match last {
        Some(last) => NodePath::ending(key, depth as usize, last),
        None => NodePath::of(key, depth as usize),
    }
}
