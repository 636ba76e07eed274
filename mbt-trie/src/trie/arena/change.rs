//! Making a batch of changes: down from the root, each node that they touch once.

use core::mem;

use super::{
    Arena, Change, Index, Job, Kind, Loaded, NONE, NodeRead, Touched,
    encode::{Tail, Value, Ways},
    narrow,
};
use crate::trie::{
    nibbles::{HexPath, NodePath, shared},
    node::{Branch, Child, Node, item},
};

/// Makes the changes of a job.
pub(super) struct Editor<'a, R> {
    pub(super) arena: &'a mut Arena,
    pub(super) read: &'a R,
    pub(super) job: u32,
    pub(super) trie: usize,
    pub(super) changes: &'a [Change<'a>],
    pub(super) version: u32,
}

/// A run of changes whose keys start alike: from the first up to before the second.
pub(super) type Run = (usize, usize);

impl Arena {
    /// Makes the changes of a job below `depth`, where `node` stands, and returns what stands
    /// there afterwards.
    pub(crate) fn change<R: NodeRead>(
        &mut self,
        read: &R,
        job: (usize, &Job<'_>),
        node: Index,
        depth: usize,
        version: u32,
    ) -> Result<Index, R::Error> {
        let (number, Job { trie, changes }) = job;
        let job = narrow(number);
        let mut editor = Editor { arena: self, read, job, trie: *trie, changes, version };
        let run = (0, changes.len());
        let new = editor.apply_or_build(node, depth, run)?;
        editor.place(depth, 0, None, node, new);
        Ok(new)
    }
}

impl Arena {
    /// Takes in what stands below the first half byte of a trie with the root node `root`. The
    /// changes are any of that trie.
    pub(crate) fn enter<R: NodeRead>(
        &mut self,
        read: &R,
        job: (usize, &Job<'_>),
        root: &[u8],
        nibble: u8,
        version: u32,
    ) -> Result<Index, R::Error> {
        if root.is_empty() {
            return Ok(NONE);
        }
        let (number, Job { trie, changes }) = job;
        let job = narrow(number);
        let mut editor = Editor { arena: self, read, job, trie: *trie, changes, version };
        let node = Node::decode(root);
        let node = node.map_err(|_| read.corrupt(*trie, NodePath::ROOT, MALFORMED))?;
        let leads_on = |path: HexPath<'_>| path.len() > 0 && path.at(0) == nibble;
        let (path, kind, value) = match node {
            Node::Branch(Branch { children, .. }) => {
                let child = children[usize::from(nibble)];
                return child
                    .map_or(Ok(NONE), |child| editor.load(child, 1, 0, Some(nibble), version));
            }
            Node::Extension { path, child } if path.len() == 1 && path.at(0) == nibble => {
                return editor.load(child, 1, 0, Some(nibble), version);
            }
            Node::Leaf { path, value } if leads_on(path) => (path, Kind::Leaf, value),
            Node::Extension { path, .. } if leads_on(path) => (path, Kind::Extension, &[][..]),
            Node::Leaf { .. } | Node::Extension { .. } => return Ok(NONE),
        };
        let tail = match kind {
            Kind::Leaf => Tail::Value(value),
            _ => Tail::Item(&root[item(root, item(root, 0).0).1..]),
        };
        self.path.clear();
        self.path.extend(path.iter().skip(1));
        let node = self.make_short(kind, &tail, version);
        self.taken.push(node);
        Ok(node)
    }
}

const MALFORMED: &str = "a trie node is malformed";

impl<R: NodeRead> Editor<'_, R> {
    fn apply_or_build(&mut self, node: Index, depth: usize, run: Run) -> Result<Index, R::Error> {
        if node == NONE { Ok(self.build(depth, run)) } else { self.apply(node, depth, run) }
    }

    /// Makes changes at `depth`, where `node` stands, and returns what stands there afterwards:
    /// the same node when nothing is changed.
    pub(super) fn apply(&mut self, node: Index, depth: usize, run: Run) -> Result<Index, R::Error> {
        match self.arena.kind(node) {
            Kind::Branch => self.apply_branch(node, depth, run),
            Kind::Extension => self.apply_extension(node, depth, depth, run),
            Kind::Leaf | Kind::Free => Ok(self.apply_leaf(node, depth, depth, run)),
        }
    }

    fn apply_branch(&mut self, node: Index, depth: usize, run: Run) -> Result<Index, R::Error> {
        let changes = self.changes;
        let slot = *self.arena.slot(node);
        let (mut place, end) = run;
        let (mut mask, mut pending, mut changed) = (slot.mask, 0, false);
        let mut value = Value::Of(node);
        if changes[place].ends_at(depth) {
            let new = changes[place].value;
            if self.arena.branch_value(node) != new {
                value = if new.is_empty() { Value::None } else { Value::New(new) };
                changed = true;
            }
            place += 1;
        }
        let mut made = [NONE; 16];
        while place < end {
            let nibble = changes[place].nibble(depth);
            let group = (place, self.group_end((place, end), depth, nibble));
            let bit = 1 << nibble;
            let old = if slot.mask & bit == 0 {
                NONE
            } else {
                self.child(node, nibble, depth + 1, place, None)?
            };
            let new = self.apply_or_build(old, depth + 1, group)?;
            if old != new {
                self.place(depth + 1, place, None, old, new);
                made[usize::from(nibble)] = new;
                mask = if new == NONE { mask & !bit } else { mask | bit };
                pending = if new == NONE { pending & !bit } else { pending | bit };
                changed = true;
            } else {
                made[usize::from(nibble)] = old;
            }
            place = group.1;
        }
        if !changed {
            return Ok(node);
        }
        let mut children = self.arena.forks[slot.link as usize];
        for (n, child) in children.iter_mut().enumerate() {
            let bit = 1 << n;
            if pending & bit != 0 {
                *child = made[n];
            } else if mask & bit == 0 {
                *child = NONE;
            }
        }
        let ways = Ways { template: node, children, mask, pending };
        self.assemble(&ways, value, depth, run.0)
    }

    /// Returns the first change behind those that go on with `nibble`.
    pub(super) fn group_end(&self, (start, end): Run, depth: usize, nibble: u8) -> usize {
        let run = &self.changes[start..end];
        if run.len() <= 16 {
            let other = run.iter().position(|change| change.nibble(depth) != nibble);
            return other.map_or(end, |count| start + count);
        }
        start + run.partition_point(|change| change.nibble(depth) == nibble)
    }

    /// Notes that `new` stands at a place where `old` stood.
    pub(super) fn place(
        &mut self,
        depth: usize,
        change: usize,
        last: Option<u8>,
        old: Index,
        new: Index,
    ) {
        if old == new {
            return;
        }
        if new != NONE {
            self.arena.slot_mut(new).note = narrow(self.arena.touched.len());
        }
        let (job, change, depth) = (self.job, narrow(change), narrow(depth));
        self.arena.touched.push(Touched { job, change, depth, last, old, new });
    }

    /// Notes that a node leaves its place because the one above takes over what it says.
    pub(super) fn vacate(&mut self, node: Index, depth: usize, change: usize, last: Option<u8>) {
        if self.is_new(node) {
            let slot = self.arena.slot_mut(node);
            let note = mem::take(&mut slot.note) as usize;
            self.arena.touched[note].new = NONE;
            self.arena.dissolved.push(node);
        } else {
            self.place(depth, change, last, node, NONE);
        }
    }

    /// Tells whether this commit made the node.
    pub(super) fn is_new(&self, node: Index) -> bool {
        self.arena.version(node) == self.version
    }

    /// Has a node that stays hashed, as its reference is asked for.
    pub(super) fn rehash(&mut self, node: Index, depth: usize) {
        if !self.is_new(node) {
            self.arena.rehashed.push((narrow(depth), node));
        }
    }

    /// Returns a branch's or extension's child, which is at `depth`, and loads it if need be.
    pub(super) fn child(
        &mut self,
        node: Index,
        nibble: u8,
        depth: usize,
        change: usize,
        last: Option<u8>,
    ) -> Result<Index, R::Error> {
        let child = self.arena.child(node, nibble);
        if child != NONE {
            return Ok(child);
        }
        let raw = match self.arena.kind(node) {
            Kind::Branch => self.arena.branch_item(node, usize::from(nibble)),
            _ => self.arena.short_items(node).1,
        };
        let raw = &self.arena.encoding(node)[raw];
        let mut bytes = [0; 33];
        bytes[..raw.len()].copy_from_slice(raw);
        let child = if let [0xa0, hash @ ..] = &bytes {
            Child::Hash(hash)
        } else {
            Child::Inline(&bytes[..item(&bytes, 0).1])
        };
        let version = self.arena.version(node);
        let child = self.load(child, depth, change, last, version)?;
        self.arena.set_child(node, nibble, child);
        Ok(child)
    }

    /// Takes in a child: from the store, or from within its parent.
    pub(super) fn load(
        &mut self,
        child: Child<'_>,
        depth: usize,
        change: usize,
        last: Option<u8>,
        version: u32,
    ) -> Result<Index, R::Error> {
        let key = self.changes[change].key;
        let path = match last {
            Some(last) => NodePath::ending(key, depth, last),
            None => NodePath::of(key, depth),
        };
        let corrupt = |what| self.read.corrupt(self.trie, path, what);
        match child {
            Child::Inline(bytes) => {
                let node = self.arena.adopt(bytes, version);
                let node = node.map_err(|_| corrupt(MALFORMED))?;
                self.arena.taken.push(node);
                Ok(node)
            }
            Child::Hash(hash) => {
                let bytes = self.read.read(self.trie, path)?;
                let bytes = bytes.ok_or_else(|| corrupt("a trie node is missing"))?;
                let node = self.arena.adopt(&bytes, version);
                let node = node.map_err(|_| corrupt(MALFORMED))?;
                let (job, change, depth) = (self.job, narrow(change), narrow(depth));
                let loaded = Loaded { job, change, depth, last, node, hash: *hash };
                self.arena.loaded.push(loaded);
                self.arena.taken.push(node);
                Ok(node)
            }
        }
    }

    /// Makes the trie of the keys that are set, all of which start alike up to `depth`.
    pub(super) fn build(&mut self, depth: usize, (start, end): Run) -> Index {
        let changes = self.changes;
        let is_set = |change: &Change<'_>| change.is_set();
        let Some(first) = changes[start..end].iter().position(is_set) else { return NONE };
        let (first, end) =
            (start + first, changes[..end].iter().rposition(is_set).unwrap_or(0) + 1);
        let change = &changes[first];
        if first + 1 == end {
            return self.arena.make_leaf(depth, change.key, change.value, self.version);
        }
        let fork = shared(change.key, changes[end - 1].key);
        let mut ways = Ways::default();
        let (mut place, mut value) = (first, Value::None);
        if change.ends_at(fork) {
            value = Value::New(change.value);
            place += 1;
        }
        while place < end {
            let nibble = changes[place].nibble(fork);
            let group = (place, self.group_end((place, end), fork, nibble));
            let child = self.build(fork + 1, group);
            self.take_way(&mut ways, nibble, child, fork + 1, place, None);
            place = group.1;
        }
        let branch = self.arena.make_branch(&ways, value, self.version);
        self.lengthen_new(branch, depth, fork, first)
    }

    /// Lets a branch lead to a node that was not at its place before.
    pub(super) fn take_way(
        &mut self,
        ways: &mut Ways,
        nibble: u8,
        child: Index,
        depth: usize,
        change: usize,
        last: Option<u8>,
    ) {
        if child != NONE {
            self.place(depth, change, last, NONE, child);
            ways.children[usize::from(nibble)] = child;
            ways.mask |= 1 << nibble;
            ways.pending |= 1 << nibble;
        }
    }
}
