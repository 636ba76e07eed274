//! Which branch is best, and the way to it.

use super::{Entry, Tree};
use crate::{BlockId, SealedHeader};

/// The way from the head to another block.
#[derive(Debug, Eq, PartialEq)]
pub(in crate::chain) struct Route {
    /// Blocks to leave, highest first.
    pub(in crate::chain) retired: Vec<SealedHeader>,
    /// Blocks to take, lowest first.
    pub(in crate::chain) adopted: Vec<SealedHeader>,
}

impl Tree {
    /// Finds the way from the head to a block of the tree.
    pub(in crate::chain) fn route_to(&self, id: &BlockId) -> Option<Route> {
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

    /// Moves the head along a route.
    pub(in crate::chain) fn follow(&mut self, route: &Route) {
        for retired in &route.retired {
            self.canonical.remove(&retired.number);
            self.bytes_aside = self.bytes_aside.saturating_add(self.body_bytes(&retired.id));
        }
        for adopted in &route.adopted {
            self.bytes_aside = self.bytes_aside.saturating_sub(self.body_bytes(&adopted.id));
            self.canonical.insert(adopted.number, adopted.id);
            self.head = adopted.clone();
        }
        self.rescan();
    }

    /// Keeps a branch out of the choice, from one of its blocks on.
    pub(in crate::chain) fn refuse(&mut self, root: &BlockId) {
        self.mark_refused(root, true);
        self.rescan();
    }

    /// Lets a branch into the choice, from one of its blocks on.
    pub(in crate::chain) fn unrefuse(&mut self, root: &BlockId) {
        self.mark_refused(root, false);
        self.rescan();
    }

    /// Lets all branches into the choice.
    pub(in crate::chain) fn unrefuse_all(&mut self) {
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

    /// Looks for the best header, the best block to execute and the best refused one. The head
    /// wins ties, then the first seen.
    pub(in crate::chain) fn rescan(&mut self) {
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

    pub(super) fn rebuild_path(&mut self) {
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
