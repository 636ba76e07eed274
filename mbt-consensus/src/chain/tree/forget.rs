//! What leaves the tree: invalid blocks, blocks too far below the head, too many side branches.

use std::collections::BTreeSet;

use super::{Entry, Tree};
use crate::{BlockId, SealedHeader};

impl Tree {
    /// Removes a block that is not executed and all above it, and returns them.
    pub(in crate::chain) fn remove(&mut self, root: &BlockId) -> Vec<SealedHeader> {
        let removed = self.unlink(root);
        self.rescan();
        removed
    }

    fn unlink(&mut self, root: &BlockId) -> Vec<SealedHeader> {
        let (mut removed, mut open) = (Vec::new(), vec![*root]);
        if let Some(parent) = self.get(root).map(|entry| entry.sealed.parent_hash)
            && let Some(parent) = self.entries.get_mut(&parent)
        {
            parent.children.retain(|child| child != root);
        }
        while let Some(id) = open.pop() {
            if let Some(entry) = self.entries.remove(&id) {
                self.by_number.remove(&(entry.sealed.number, id));
                self.bytes_aside = self.bytes_aside.saturating_sub(entry.body_bytes.unwrap_or(0));
                removed.push(entry.sealed);
                open.extend(entry.children);
            }
        }
        removed
    }

    /// Drops what lies below `oldest`: executed blocks from memory only; others, and all above
    /// them, for good. Returns the latter.
    pub(in crate::chain) fn prune(&mut self, oldest: u64) -> Vec<SealedHeader> {
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

    /// Drops the ends of the lightest side branches while there are more than `headers_max`
    /// headers or more than `bytes_max` bytes of bodies on side branches, and returns them.
    pub(in crate::chain) fn evict(
        &mut self,
        headers_max: usize,
        bytes_max: usize,
    ) -> Vec<SealedHeader> {
        let kept = self.canonical.len().saturating_add(self.path.len());
        let headers = self.entries.len().saturating_sub(kept);
        if headers <= headers_max && self.bytes_aside <= bytes_max {
            return Vec::new();
        }
        let ahead =
            self.path.iter().fold(0, |sum: usize, id| sum.saturating_add(self.body_bytes(id)));
        let bytes = self.bytes_aside.saturating_sub(ahead);
        if headers <= headers_max && bytes <= bytes_max {
            return Vec::new();
        }
        // A quarter more than needed, so that not every block has this to do.
        let mut headers_left = headers.saturating_sub(headers_max.saturating_sub(headers_max / 4));
        let mut bytes_left = bytes.saturating_sub(bytes_max.saturating_sub(bytes_max / 4));
        let path: BTreeSet<_> = self.path.iter().copied().collect();
        let is_end = |tree: &Self, entry: &Entry| {
            entry.children.is_empty()
                && !path.contains(&entry.sealed.id)
                && !tree.is_canonical(&entry.sealed.id)
        };
        let key = |entry: &Entry| (entry.sealed.total_work, entry.sealed.id);
        let mut ends: BTreeSet<_> =
            self.entries.values().filter(|entry| is_end(self, entry)).map(key).collect();
        let mut removed = Vec::new();
        while (headers_left > 0 || bytes_left > 0)
            && let Some((_, id)) = ends.pop_first()
        {
            headers_left = headers_left.saturating_sub(1);
            bytes_left = bytes_left.saturating_sub(self.body_bytes(&id));
            let parent = self.get(&id).map(|entry| entry.sealed.parent_hash);
            removed.extend(self.unlink(&id));
            if let Some(parent) = parent.and_then(|id| self.get(&id))
                && is_end(self, parent)
            {
                ends.insert(key(parent));
            }
        }
        self.rescan();
        removed
    }
}
