//! The headers that the chain can still choose between, in memory.

mod choice;
mod forget;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{BlockId, SealedHeader};

pub(super) use choice::Route;

/// A header of the tree.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) sealed: SealedHeader,
    children: Vec<BlockId>,
    /// Length of its body's encoding, once it is here.
    body_bytes: Option<usize>,
    /// Its body and those of all its ancestors are here.
    complete: bool,
    /// It stands on a branch that the depth rule keeps out.
    refused: bool,
    /// Headers seen before it.
    sequence: u64,
}

impl Entry {
    pub(super) const fn has_body(&self) -> bool {
        self.body_bytes.is_some()
    }
}

/// All headers from the oldest block that can be left up to the newest header, the executed chain
/// among them.
#[derive(Debug)]
pub(super) struct Tree {
    entries: BTreeMap<BlockId, Entry>,
    by_number: BTreeSet<(u64, BlockId)>,
    canonical: BTreeMap<u64, BlockId>,
    head: SealedHeader,
    best: SealedHeader,
    /// From behind the executed chain up to `best`.
    path: VecDeque<BlockId>,
    complete_best: Option<SealedHeader>,
    refused_best: Option<SealedHeader>,
    sequence: u64,
    /// Bytes of the bodies that are not on the executed chain.
    bytes_aside: usize,
}

impl Tree {
    /// Starts with the oldest executed block that is kept in memory.
    pub(super) fn new(root: &SealedHeader) -> Self {
        let mut tree = Self {
            entries: BTreeMap::new(),
            by_number: BTreeSet::new(),
            canonical: BTreeMap::new(),
            head: root.clone(),
            best: root.clone(),
            path: VecDeque::new(),
            complete_best: None,
            refused_best: None,
            sequence: 0,
            bytes_aside: 0,
        };
        tree.link(root.clone());
        tree.set_body(&root.id, 0);
        tree.adopt(root);
        tree
    }

    pub(super) fn get(&self, id: &BlockId) -> Option<&Entry> {
        self.entries.get(id)
    }

    pub(super) const fn head(&self) -> &SealedHeader {
        &self.head
    }

    pub(super) const fn best(&self) -> &SealedHeader {
        &self.best
    }

    pub(super) fn refused(&self) -> Option<&SealedHeader> {
        self.refused_best.as_ref().filter(|refused| refused.total_work > self.head.total_work)
    }

    /// Returns the best block that can be executed and is better than the head.
    pub(super) fn candidate(&self) -> Option<&SealedHeader> {
        self.complete_best.as_ref().filter(|best| best.total_work > self.head.total_work)
    }

    pub(super) fn oldest(&self) -> u64 {
        self.canonical.first_key_value().map_or(0, |(number, _)| *number)
    }

    pub(super) fn canonical_id(&self, number: u64) -> Option<BlockId> {
        self.canonical.get(&number).copied()
    }

    pub(super) fn is_canonical(&self, id: &BlockId) -> bool {
        self.get(id)
            .is_some_and(|entry| self.canonical.get(&entry.sealed.number) == Some(&entry.sealed.id))
    }

    /// Returns the headers along the path whose bodies are missing, lowest first.
    pub(super) fn wanted(&self) -> impl Iterator<Item = &SealedHeader> {
        self.path
            .iter()
            .filter_map(|id| self.entries.get(id))
            .filter(|entry| !entry.has_body())
            .map(|entry| &entry.sealed)
    }

    /// Adds a header whose parent is in the tree.
    pub(super) fn insert(&mut self, sealed: SealedHeader) {
        let extends_best = sealed.parent_hash == self.best.id;
        let better = sealed.total_work > self.best.total_work;
        if self.link(sealed.clone()) && better {
            self.best = sealed;
            if extends_best {
                self.path.push_back(self.best.id);
            } else {
                self.rebuild_path();
            }
        }
    }

    /// Adds an entry and returns whether it may become the best.
    fn link(&mut self, sealed: SealedHeader) -> bool {
        let (id, number) = (sealed.id, sealed.number);
        let refused = match self.entries.get_mut(&sealed.parent_hash) {
            Some(parent) => {
                parent.children.push(id);
                parent.refused
            }
            None => false,
        };
        self.sequence = self.sequence.saturating_add(1);
        let sequence = self.sequence;
        let children = Vec::new();
        let entry =
            Entry { sealed, children, body_bytes: None, complete: false, refused, sequence };
        self.entries.insert(id, entry);
        self.by_number.insert((number, id));
        !refused
    }

    /// Notes that a body of so many bytes is here, which may complete the branches above it.
    pub(super) fn set_body(&mut self, id: &BlockId, bytes: usize) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        if entry.body_bytes.replace(bytes).is_none() {
            self.bytes_aside = self.bytes_aside.saturating_add(bytes);
        }
        let parent = entry.sealed.parent_hash;
        let above_complete = self.entries.get(&parent).is_none_or(|parent| parent.complete);
        let mut open = if above_complete { vec![*id] } else { Vec::new() };
        while let Some(id) = open.pop() {
            let Some(entry) = self.entries.get_mut(&id).filter(|entry| entry.has_body()) else {
                continue;
            };
            entry.complete = true;
            open.extend(&entry.children);
            let best = if entry.refused { &mut self.refused_best } else { &mut self.complete_best };
            let bar = best.as_ref().map_or(self.head.total_work, |best| best.total_work);
            if entry.sealed.total_work > bar {
                *best = Some(entry.sealed.clone());
            }
        }
    }

    /// Moves the head to a child of it.
    pub(super) fn adopt(&mut self, sealed: &SealedHeader) {
        self.bytes_aside = self.bytes_aside.saturating_sub(self.body_bytes(&sealed.id));
        self.canonical.insert(sealed.number, sealed.id);
        self.head = sealed.clone();
        if self.path.front() == Some(&sealed.id) {
            self.path.pop_front();
        } else {
            self.rebuild_path();
        }
        self.forget_beaten();
    }

    fn body_bytes(&self, id: &BlockId) -> usize {
        self.get(id).and_then(|entry| entry.body_bytes).unwrap_or(0)
    }

    fn forget_beaten(&mut self) {
        let work = self.head.total_work;
        self.complete_best.take_if(|best| best.total_work <= work);
        self.refused_best.take_if(|best| best.total_work <= work);
    }

    /// Returns the ancestor of a block at a number, as far as the tree reaches.
    pub(super) fn ancestor(&self, id: &BlockId, number: u64) -> Option<BlockId> {
        let mut at = self.get(id)?;
        loop {
            if at.sealed.number == number {
                return Some(at.sealed.id);
            }
            if at.sealed.number < number {
                return None;
            }
            if self.is_canonical(&at.sealed.id) {
                return self.canonical_id(number);
            }
            at = self.get(&at.sealed.parent_hash)?;
        }
    }

    pub(super) fn is_complete(&self, id: &BlockId) -> bool {
        self.get(id).is_some_and(|entry| entry.complete)
    }
}
