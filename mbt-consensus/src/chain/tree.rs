//! The headers that the chain can still choose between, in memory.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{BlockId, SealedHeader};

/// A header of the tree.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) sealed: SealedHeader,
    children: Vec<BlockId>,
    has_body: bool,
    /// Its body and those of all its ancestors are here.
    complete: bool,
    /// It stands on a branch that the depth rule keeps out.
    refused: bool,
    /// Headers seen before it.
    sequence: u64,
}

impl Entry {
    pub(super) const fn has_body(&self) -> bool {
        self.has_body
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
}

/// The way from the head to another block.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Route {
    /// Blocks to leave, highest first.
    pub(super) retired: Vec<SealedHeader>,
    /// Blocks to take, lowest first.
    pub(super) adopted: Vec<SealedHeader>,
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
        };
        tree.link(root.clone());
        tree.set_body(&root.id);
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
            .filter(|entry| !entry.has_body)
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
        let entry = Entry { sealed, children, has_body: false, complete: false, refused, sequence };
        self.entries.insert(id, entry);
        self.by_number.insert((number, id));
        !refused
    }

    /// Notes that a body is here, which may complete the branches above it.
    pub(super) fn set_body(&mut self, id: &BlockId) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        entry.has_body = true;
        let parent = entry.sealed.parent_hash;
        let above_complete = self.entries.get(&parent).is_none_or(|parent| parent.complete);
        let mut open = if above_complete { vec![*id] } else { Vec::new() };
        while let Some(id) = open.pop() {
            let Some(entry) = self.entries.get_mut(&id).filter(|entry| entry.has_body) else {
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
        self.canonical.insert(sealed.number, sealed.id);
        self.head = sealed.clone();
        if self.path.front() == Some(&sealed.id) {
            self.path.pop_front();
        } else {
            self.rebuild_path();
        }
        self.forget_beaten();
    }

    /// Moves the head along a route.
    pub(super) fn follow(&mut self, route: &Route) {
        for retired in &route.retired {
            self.canonical.remove(&retired.number);
        }
        for adopted in &route.adopted {
            self.canonical.insert(adopted.number, adopted.id);
            self.head = adopted.clone();
        }
        self.rescan();
    }

    fn forget_beaten(&mut self) {
        let work = self.head.total_work;
        self.complete_best.take_if(|best| best.total_work <= work);
        self.refused_best.take_if(|best| best.total_work <= work);
    }

    /// Finds the way from the head to a block of the tree.
    pub(super) fn route_to(&self, id: &BlockId) -> Option<Route> {
        let mut adopted = Vec::new();
        let mut at = self.get(id)?;
        while !self.is_canonical(&at.sealed.id) {
            adopted.push(at.sealed.clone());
            at = self.get(&at.sealed.parent_hash)?;
        }
        adopted.reverse();
        let fork = at.sealed.number;
        let retired = self.canonical.iter().rev().take_while(|(number, _)| **number > fork);
        let retired: Option<Vec<_>> =
            retired.map(|(_, id)| self.get(id).map(|entry| entry.sealed.clone())).collect();
        Some(Route { retired: retired?, adopted })
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

    /// Keeps a branch out of the choice, from one of its blocks on.
    pub(super) fn refuse(&mut self, root: &BlockId) {
        self.mark_refused(root, true);
        self.rescan();
    }

    /// Lets a branch into the choice, from one of its blocks on.
    pub(super) fn unrefuse(&mut self, root: &BlockId) {
        self.mark_refused(root, false);
        self.rescan();
    }

    /// Lets all branches into the choice.
    pub(super) fn unrefuse_all(&mut self) {
        for entry in self.entries.values_mut() {
            entry.refused = false;
        }
        self.rescan();
    }

    fn mark_refused(&mut self, root: &BlockId, refused: bool) {
        let mut open = vec![*root];
        while let Some(id) = open.pop() {
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.refused = refused;
                open.extend(&entry.children);
            }
        }
    }

    /// Removes a block that is not executed and all above it, and returns them.
    pub(super) fn remove(&mut self, root: &BlockId) -> Vec<(u64, BlockId)> {
        let removed = self.unlink(root);
        self.rescan();
        removed
    }

    fn unlink(&mut self, root: &BlockId) -> Vec<(u64, BlockId)> {
        let (mut removed, mut open) = (Vec::new(), vec![*root]);
        if let Some(parent) = self.get(root).map(|entry| entry.sealed.parent_hash)
            && let Some(parent) = self.entries.get_mut(&parent)
        {
            parent.children.retain(|child| child != root);
        }
        while let Some(id) = open.pop() {
            if let Some(entry) = self.entries.remove(&id) {
                self.by_number.remove(&(entry.sealed.number, id));
                removed.push((entry.sealed.number, id));
                open.extend(entry.children);
            }
        }
        removed
    }

    /// Drops what lies below `oldest`: executed blocks from memory only; others, and all above
    /// them, for good. Returns the latter.
    pub(super) fn prune(&mut self, oldest: u64) -> Vec<(u64, BlockId)> {
        let mut removed = Vec::new();
        while let Some((number, id)) = self.by_number.first().copied() {
            if number >= oldest {
                break;
            }
            if self.is_canonical(&id) {
                self.entries.remove(&id);
                self.by_number.remove(&(number, id));
                self.canonical.remove(&number);
            } else {
                removed.extend(self.unlink(&id));
            }
        }
        if !removed.is_empty() {
            self.rescan();
        }
        removed
    }

    /// Drops the ends of the lightest side branches while there are more than `max` headers on
    /// side branches, and returns them.
    pub(super) fn evict(&mut self, max: usize) -> Vec<(u64, BlockId)> {
        let kept = self.canonical.len().saturating_add(self.path.len());
        let side = self.entries.len().saturating_sub(kept);
        if side <= max {
            return Vec::new();
        }
        let path: BTreeSet<_> = self.path.iter().copied().collect();
        let mut ends: BTreeSet<_> = self
            .entries
            .values()
            .filter(|entry| {
                entry.children.is_empty()
                    && !path.contains(&entry.sealed.id)
                    && !self.is_canonical(&entry.sealed.id)
            })
            .map(|entry| (entry.sealed.total_work, entry.sealed.id))
            .collect();
        let (mut removed, mut excess) =
            (Vec::new(), side.saturating_sub(max.saturating_sub(max / 4)));
        while excess > 0
            && let Some((_, id)) = ends.pop_first()
        {
            let parent = self.get(&id).map(|entry| entry.sealed.parent_hash);
            removed.extend(self.unlink(&id));
            excess = excess.saturating_sub(1);
            if let Some(parent) = parent.and_then(|id| self.get(&id))
                && parent.children.is_empty()
                && !path.contains(&parent.sealed.id)
                && !self.is_canonical(&parent.sealed.id)
            {
                ends.insert((parent.sealed.total_work, parent.sealed.id));
            }
        }
        self.rescan();
        removed
    }

    /// Looks for the best header, the best block to execute and the best refused one. The head
    /// wins ties, then the first seen.
    pub(super) fn rescan(&mut self) {
        let mut best = (&self.head, 0);
        let (mut complete, mut refused) = (None::<&Entry>, None::<&Entry>);
        for entry in self.entries.values() {
            let (work, sequence) = (entry.sealed.total_work, entry.sequence);
            if work <= self.head.total_work {
                continue;
            }
            if !entry.refused && (work, best.1) > (best.0.total_work, sequence) {
                best = (&entry.sealed, sequence);
            }
            let slot = if entry.refused { &mut refused } else { &mut complete };
            let better = slot
                .is_none_or(|other| (work, other.sequence) > (other.sealed.total_work, sequence));
            if entry.complete && better {
                *slot = Some(entry);
            }
        }
        let complete_best = complete.map(|entry| entry.sealed.clone());
        let refused_best = refused.map(|entry| entry.sealed.clone());
        self.best = best.0.clone();
        self.complete_best = complete_best;
        self.refused_best = refused_best;
        self.rebuild_path();
    }

    fn rebuild_path(&mut self) {
        self.path.clear();
        let mut at = self.best.id;
        while !self.is_canonical(&at)
            && let Some(entry) = self.entries.get(&at)
        {
            self.path.push_front(at);
            at = entry.sealed.parent_hash;
        }
    }
}
