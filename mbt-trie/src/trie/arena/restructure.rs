//! Nodes that part, and nodes that are joined.

use super::{
    Index, Kind, NONE, NodeRead,
    change::{Editor, Run},
    encode::{Tail, Value, Ways},
};
use crate::trie::nibbles::{nibble, shared};

impl<R: NodeRead> Editor<'_, R> {
    /// Makes changes at `depth` where a leaf stands, or goes on from `own`, where it stands.
    pub(super) fn apply_leaf(&mut self, leaf: Index, own: usize, depth: usize, run: Run) -> Index {
        let changes = self.changes;
        let skip = depth - own;
        let path = self.arena.short_path(leaf);
        let len = path.len() - skip;
        let (mut found, mut first, mut last) = (None, None, 0);
        for (place, change) in (run.0..).zip(&changes[run.0..run.1]) {
            if change.ends_at(depth + len) && path.shared(skip, change.key, depth) == len {
                found = Some(place);
            } else if change.is_set() {
                first = first.or(Some(place));
                last = place;
            }
        }
        if let Some(place) = found {
            let change = &changes[place];
            return if first.is_some() || !change.is_set() {
                self.build(depth, run)
            } else if change.value == self.arena.leaf_value(leaf) {
                self.leaf_from(leaf, own, depth)
            } else {
                self.arena.make_leaf(depth, change.key, change.value, self.version)
            };
        }
        let Some(first) = first else { return self.leaf_from(leaf, own, depth) };
        let common = |place: usize| path.shared(skip, changes[place].key, depth);
        let along = common(first).min(common(last));
        let way = (along < len).then(|| path.at(skip + along));
        let fork = depth + along;
        let mut value = if way.is_none() { Value::Of(leaf) } else { Value::None };
        let mut ways = Ways::default();
        let mut met = way.is_none();
        let (mut place, end) = self.narrowed(run, first, fork);
        if changes[place].ends_at(fork) {
            if changes[place].is_set() {
                value = Value::New(changes[place].value);
            }
            place += 1;
        }
        while place < end {
            let nibble = changes[place].nibble(fork);
            let group = (place, self.group_end((place, end), fork, nibble));
            let child = if way == Some(nibble) {
                met = true;
                self.apply_leaf(leaf, own, fork + 1, group)
            } else {
                self.build(fork + 1, group)
            };
            self.take_way(&mut ways, nibble, child, fork + 1, place, None);
            place = group.1;
        }
        if let Some(nibble) = way
            && !met
        {
            let child = self.leaf_from(leaf, own, fork + 1);
            self.take_way(&mut ways, nibble, child, fork + 1, first, Some(nibble));
        }
        let branch = self.arena.make_branch(&ways, value, self.version);
        self.lengthen_new(branch, depth, fork, first)
    }

    /// Makes changes at `depth` where an extension stands, or goes on from `own`, where it stands.
    pub(super) fn apply_extension(
        &mut self,
        extension: Index,
        own: usize,
        depth: usize,
        run: Run,
    ) -> Result<Index, R::Error> {
        let changes = self.changes;
        let skip = depth - own;
        let path = self.arena.short_path(extension);
        let len = path.len() - skip;
        let (mut through, mut along, mut aside) = (None, len, None);
        for (place, change) in (run.0..).zip(&changes[run.0..run.1]) {
            let common = path.shared(skip, change.key, depth);
            if common == len {
                let (start, _) = through.unwrap_or((place, place));
                through = Some((start, place + 1));
            } else if change.is_set() {
                aside = aside.or(Some(place));
                along = along.min(common);
            }
        }
        let Some(aside) = aside else {
            let Some(through) = through else {
                return Ok(self.extension_from(extension, own, depth));
            };
            let below = depth + len;
            let old = self.child(extension, 0, below, through.0, None)?;
            let new = self.apply(old, below, through)?;
            if old == new {
                return Ok(self.extension_from(extension, own, depth));
            }
            self.place(below, through.0, None, old, new);
            return Ok(self.lengthen_by_key(new, depth, below, through.0));
        };
        let (fork, way) = (depth + along, path.at(skip + along));
        let mut ways = Ways::default();
        let (mut value, mut met) = (Value::None, false);
        let (mut place, end) = self.narrowed(run, aside, fork);
        if changes[place].ends_at(fork) {
            if changes[place].is_set() {
                value = Value::New(changes[place].value);
            }
            place += 1;
        }
        while place < end {
            let nibble = changes[place].nibble(fork);
            let group = (place, self.group_end((place, end), fork, nibble));
            if nibble != way {
                let child = self.build(fork + 1, group);
                self.take_way(&mut ways, nibble, child, fork + 1, place, None);
            } else if along + 1 < len {
                met = true;
                let child = self.apply_extension(extension, own, fork + 1, group)?;
                self.take_way(&mut ways, nibble, child, fork + 1, place, None);
            } else {
                met = true;
                let old = self.child(extension, 0, fork + 1, place, None)?;
                let new = self.apply(old, fork + 1, group)?;
                self.place(fork + 1, place, None, old, new);
                self.keep_way(&mut ways, nibble, new, fork + 1);
            }
            place = group.1;
        }
        if !met && along + 1 < len {
            let child = self.extension_from(extension, own, fork + 1);
            self.take_way(&mut ways, way, child, fork + 1, aside, Some(way));
        } else if !met {
            let child = self.child(extension, 0, fork + 1, aside, Some(way))?;
            self.keep_way(&mut ways, way, child, fork + 1);
        }
        let node = self.assemble(&ways, value, fork, aside)?;
        Ok(self.lengthen_new(node, depth, fork, aside))
    }

    /// Lets a branch lead to a node at its old place.
    fn keep_way(&mut self, ways: &mut Ways, nibble: u8, child: Index, depth: usize) {
        if child != NONE {
            self.rehash(child, depth);
            ways.children[usize::from(nibble)] = child;
            ways.mask |= 1 << nibble;
            ways.pending |= 1 << nibble;
        }
    }

    /// Returns the changes of a run that go along with the key of `with` up to `depth`.
    fn narrowed(&self, (mut start, mut end): Run, with: usize, depth: usize) -> Run {
        let changes = self.changes;
        let along = |place: usize| shared(changes[place].key, changes[with].key) >= depth;
        while start < with && !along(start) {
            start += 1;
        }
        while end > with + 1 && !along(end - 1) {
            end -= 1;
        }
        (start, end)
    }

    /// Returns what stands at `depth` for a branch of any number of ways. A `change` whose key
    /// leads there gives the path.
    pub(super) fn assemble(
        &mut self,
        ways: &Ways,
        value: Value<'_>,
        depth: usize,
        change: usize,
    ) -> Result<Index, R::Error> {
        let kept = match value {
            Value::None => false,
            Value::New(_) => true,
            Value::Of(node) => !self.arena.branch_value(node).is_empty(),
        };
        match (ways.mask.count_ones(), kept) {
            (0, false) => Ok(NONE),
            (0, true) => {
                self.arena.path.clear();
                let tail = match value {
                    Value::New(value) => Tail::Value(value),
                    Value::Of(node) => Tail::ItemOf(node),
                    Value::None => return Ok(NONE),
                };
                Ok(self.arena.make_short(Kind::Leaf, &tail, self.version))
            }
            (1, false) => {
                let nibble = (0..16).find(|nibble| ways.mask & (1 << nibble) != 0).unwrap_or(0);
                let child = match ways.children[usize::from(nibble)] {
                    NONE => self.child(ways.template, nibble, depth + 1, change, Some(nibble))?,
                    child => child,
                };
                self.arena.path.clear();
                self.arena.path.push(nibble);
                Ok(self.lengthen(child, depth + 1, change, Some(nibble)))
            }
            _ => Ok(self.arena.make_branch(ways, value, self.version)),
        }
    }

    /// Puts the half bytes of a change's key from `depth` up to `fork` in front of a node that was
    /// made to stand at `fork`, where nothing stood.
    pub(super) fn lengthen_new(
        &mut self,
        node: Index,
        depth: usize,
        fork: usize,
        change: usize,
    ) -> Index {
        if depth < fork {
            self.place(fork, change, None, NONE, node);
        }
        self.lengthen_by_key(node, depth, fork, change)
    }

    /// Puts the half bytes of a change's key from `depth` up to `fork` in front of the node that
    /// stands at `fork`.
    fn lengthen_by_key(&mut self, node: Index, depth: usize, fork: usize, change: usize) -> Index {
        if node == NONE || depth == fork {
            return node;
        }
        let key = self.changes[change].key;
        self.arena.path.clear();
        self.arena.path.extend((depth..fork).map(|at| nibble(key, at)));
        self.lengthen(node, fork, change, None)
    }

    /// Puts the half bytes of the arena's path in front of a node at `depth`.
    fn lengthen(&mut self, node: Index, depth: usize, change: usize, last: Option<u8>) -> Index {
        let kind = self.arena.kind(node);
        if kind == Kind::Branch {
            self.rehash(node, depth);
            let made = self.arena.make_short(Kind::Extension, &Tail::Pending, self.version);
            self.arena.slot_mut(made).link = node;
            return made;
        }
        self.arena.extend_path(node, 0);
        let made = self.remake(kind, node);
        self.vacate(node, depth, change, last);
        made
    }

    /// Returns the rest of a leaf below `depth`, given where it stands.
    fn leaf_from(&mut self, leaf: Index, own: usize, depth: usize) -> Index {
        if own == depth {
            return leaf;
        }
        self.arena.path.clear();
        self.arena.extend_path(leaf, depth - own);
        self.remake(Kind::Leaf, leaf)
    }

    /// Returns the rest of an extension below `depth`, given where it stands.
    fn extension_from(&mut self, extension: Index, own: usize, depth: usize) -> Index {
        if own == depth {
            return extension;
        }
        self.arena.path.clear();
        self.arena.extend_path(extension, depth - own);
        self.remake(Kind::Extension, extension)
    }

    /// Makes a leaf or extension with the arena's path that leads to what another leads to.
    fn remake(&mut self, kind: Kind, node: Index) -> Index {
        let made = self.arena.make_short(kind, &Tail::ItemOf(node), self.version);
        let (link, pending) = (self.arena.slot(node).link, self.arena.slot(node).pending);
        let slot = self.arena.slot_mut(made);
        (slot.link, slot.pending) = (link, pending);
        made
    }
}
