//! Tries in memory: sixteen arenas, one for each first half byte of a key, and the versions of
//! what they hold.
//!
//! Below its root every trie is sixteen tries, so that a commit works on all arenas at once and a
//! trie of any size is as parallel as many small ones. The root nodes are put together afterwards.

mod join;
mod top;
mod version;
mod walk;

use alloc::vec::Vec;

use mbt_crypto::H256;
#[cfg(feature = "parallel")]
use rayon::prelude::{
    IndexedParallelIterator, IntoParallelRefIterator, IntoParallelRefMutIterator, ParallelIterator,
};

use self::{
    join::{Extra, Joined},
    top::Top,
    version::Version,
};
use super::{
    arena::{Arena, Change, Index, Job, Kind, NONE, NodeRead},
    nibbles::NodePath,
};

const ARENAS: usize = 16;

/// Below so many changes threads cost more than they save.
#[cfg(feature = "parallel")]
const PARALLEL_CHANGES_MIN: usize = 64;

/// Tries named by `K`, in several versions.
#[derive(Clone, Debug)]
pub(crate) struct Forest<K> {
    arenas: Vec<Arena>,
    /// By number. The first is the base of the others; the last is being made while `open`.
    versions: Vec<Version<K>>,
    next: u32,
    open: bool,
    bytes_max: usize,
}

/// Changes of one trie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch<'a, K> {
    pub(crate) name: K,
    /// The trie's root before.
    pub(crate) root: H256,
    /// Sorted, each key once.
    pub(crate) changes: &'a [Change<'a>],
}

/// What a commit did to the tries of its batches, until the next.
#[derive(Debug)]
pub(crate) struct Committed<'a> {
    /// By arena.
    jobs: Vec<Vec<Job<'a>>>,
    /// By batch.
    joined: Vec<Joined>,
    extras: Vec<Extra>,
}

impl Committed<'_> {
    /// Returns the new root of a batch's trie.
    pub(crate) fn root(&self, batch: usize) -> H256 {
        self.joined[batch].new.hash
    }
}

/// What stood and stands below a first half byte.
#[derive(Clone, Copy, Debug, Default)]
struct Stump {
    old: Index,
    new: Index,
}

/// A node's bytes before and after a commit, where it is stored.
pub(crate) type Stored<'a> = Option<&'a [u8]>;

impl<K: Copy + Ord + Sync> Forest<K> {
    /// Makes a forest that holds about `bytes_max`, and beyond that what one commit needs.
    pub(crate) fn new(bytes_max: usize) -> Self {
        let arenas = (0..ARENAS).map(|_| Arena::default()).collect();
        Self { arenas, versions: Vec::new(), next: 0, open: false, bytes_max }
    }

    /// Makes the changes of batches, each of another trie and none empty, in the version that is
    /// being made. After an error that version is to be given up.
    pub(crate) fn commit<'a, R: NodeRead>(
        &mut self,
        read: &R,
        batches: &[Batch<'a, K>],
    ) -> Result<Committed<'a>, R::Error> {
        let tops = self.tops(read, batches)?;
        let jobs = jobs(batches);
        self.arenas.iter_mut().for_each(Arena::begin);
        let stumps = self.change(read, &tops, &jobs);
        self.note_taken();
        let stumps = match stumps {
            Ok(stumps) => stumps,
            Err(error) => {
                self.arenas.iter_mut().for_each(Arena::give_up);
                return Err(error);
            }
        };
        self.note_made();
        let mut by_trie = alloc::vec![[None; ARENAS]; batches.len()];
        for (nibble, (jobs, stumps)) in jobs.iter().zip(stumps).enumerate() {
            for (job, stump) in jobs.iter().zip(stumps) {
                self.keep_stump(&batches[job.trie].name, nibble, stump.old);
                by_trie[job.trie][nibble] = Some(stump);
            }
        }
        let mut committed = Committed { jobs, joined: Vec::new(), extras: Vec::new() };
        let joined = self.join_all(read, batches, tops, &by_trie, &mut committed);
        self.note_taken();
        joined.map(|()| committed)
    }

    /// Makes the changes in all arenas, and hashes what they made.
    fn change<R: NodeRead>(
        &mut self,
        read: &R,
        tops: &[Top],
        jobs: &[Vec<Job<'_>>],
    ) -> Result<Vec<Vec<Stump>>, R::Error> {
        let version = self.version();
        let work = |(nibble, (arena, jobs)): (usize, (&mut Arena, &Vec<Job<'_>>))| {
            let mut stumps = Vec::with_capacity(jobs.len());
            for job in jobs.iter().enumerate() {
                let Top { root, links, version: of, .. } = &tops[job.1.trie];
                let mut old = links[nibble];
                if old == NONE {
                    old = arena.enter(read, job, root, narrow(nibble), *of)?;
                }
                let new = arena.change(read, job, old, 1, version)?;
                stumps.push(Stump { old, new });
            }
            arena.check_loaded(read, jobs)?;
            arena.seal();
            Ok(stumps)
        };
        #[cfg(feature = "parallel")]
        if jobs.iter().flatten().map(|job| job.changes.len()).sum::<usize>() >= PARALLEL_CHANGES_MIN
        {
            let arenas = self.arenas.par_iter_mut().zip(jobs.par_iter()).enumerate();
            return arenas.map(work).collect();
        }
        self.arenas.iter_mut().zip(jobs).enumerate().map(work).collect()
    }

    /// Visits all nodes that a commit changed.
    pub(crate) fn changed(
        &self,
        committed: &Committed<'_>,
        mut visit: impl FnMut(usize, NodePath<'_>, Stored<'_>, Stored<'_>),
    ) {
        (0..ARENAS).for_each(|arena| self.changed_in(committed, arena, &mut visit));
        self.changed_above(committed, visit);
    }

    /// Returns how many nodes of an arena the last commit changed at most.
    pub(crate) fn changed_count(&self, arena: usize) -> usize {
        self.arenas.get(arena).map_or(0, |arena| arena.touched.len())
    }

    /// Visits the nodes of an arena that a commit changed: the batch, the place, the bytes stored
    /// there before and to be stored there.
    pub(crate) fn changed_in<'c>(
        &'c self,
        committed: &'c Committed<'_>,
        arena: usize,
        mut visit: impl FnMut(usize, NodePath<'_>, Stored<'_>, Stored<'_>),
    ) {
        let (arena, jobs) = (&self.arenas[arena], &committed.jobs[arena]);
        for touched in &arena.touched {
            let trie = jobs[touched.job as usize].trie;
            let joined = &committed.joined[trie];
            let stored = |node: Index, forked: bool| {
                // Without a fork at the root a leaf or extension below it is part of the root.
                let own = touched.depth() > 1 || forked || arena.kind(node) == Kind::Branch;
                let bytes = (node != NONE && own).then(|| arena.encoding(node));
                bytes.filter(|bytes| bytes.len() >= 32)
            };
            let old = stored(touched.old, joined.old.forked);
            let new = stored(touched.new, joined.new.forked);
            // A node is made only where it says something else, so both are never alike.
            if old.is_some() || new.is_some() {
                visit(trie, Arena::path_of(touched, jobs), old, new);
            }
        }
    }

    /// Visits the other nodes that a commit changed: roots, and nodes below them that began or
    /// ceased to be part of their root.
    pub(crate) fn changed_above(
        &self,
        committed: &Committed<'_>,
        mut visit: impl FnMut(usize, NodePath<'_>, Stored<'_>, Stored<'_>),
    ) {
        for (trie, Joined { old, new }) in committed.joined.iter().enumerate() {
            if old.root != new.root {
                visit(trie, NodePath::ROOT, old.stored(), new.stored());
            }
        }
        for extra in &committed.extras {
            let bytes = self.arenas[usize::from(extra.nibble)].encoding(extra.node);
            if bytes.len() >= 32 {
                let path = NodePath::ending(&[], 1, extra.nibble);
                let (old, new) =
                    if extra.joins { (Some(bytes), None) } else { (None, Some(bytes)) };
                visit(extra.trie, path, old, new);
            }
        }
    }
}

/// Deals the changes out to the arenas.
fn jobs<'a, K>(batches: &[Batch<'a, K>]) -> Vec<Vec<Job<'a>>> {
    let mut jobs: Vec<Vec<Job<'a>>> = (0..ARENAS).map(|_| Vec::new()).collect();
    for (trie, batch) in batches.iter().enumerate() {
        let own = usize::from(batch.changes.first().is_some_and(|change| change.ends_at(0)));
        let mut rest = &batch.changes[own..];
        while let Some(first) = rest.first() {
            let nibble = first.nibble(0);
            let count = rest.partition_point(|change| change.nibble(0) <= nibble);
            let (changes, others) = rest.split_at(count);
            jobs[usize::from(nibble)].push(Job { trie, changes });
            rest = others;
        }
    }
    jobs
}

/// A half byte that counted the arenas.
fn narrow(nibble: usize) -> u8 {
    u8::try_from(nibble % ARENAS).unwrap_or(0)
}
