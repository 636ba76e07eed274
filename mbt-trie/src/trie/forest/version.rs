//! Versions of a forest: what commits made, side by side until one of them is let go.

use alloc::{collections::BTreeMap, vec::Vec};

use mbt_account::EMPTY_ROOT;
use mbt_crypto::H256;

use super::{ARENAS, Forest, Top, top::TOP_BYTES};
use crate::trie::arena::{Arena, Index, NONE};

/// Versions kept at most: as many blocks can be taken back, or made anew, without reading again.
const VERSIONS_MAX: usize = 16;

/// The nodes of a version, as what it changed of the one before.
#[derive(Clone, Debug)]
pub(super) struct Version<K> {
    pub(super) id: u32,
    /// The version before; the base's own.
    parent: u32,
    /// What the version is known by.
    root: H256,
    /// The tries that it changed; of the base, those that are here.
    pub(super) tops: BTreeMap<K, Top>,
    /// By arena: nodes replaced by nodes made.
    nodes: [Vec<(Index, Index)>; ARENAS],
}

impl<K> Version<K> {
    fn new(id: u32, parent: u32, root: H256) -> Self {
        let nodes = core::array::from_fn(|_| Vec::new());
        Self { id, parent, root, tops: BTreeMap::new(), nodes }
    }
}

impl<K: Copy + Ord + Sync> Forest<K> {
    /// Starts a version on the one known by `root`. Where there is none, all is forgotten.
    pub(crate) fn begin(&mut self, root: H256) {
        self.abort();
        self.arenas.iter_mut().for_each(Arena::begin);
        match self.versions.iter().rposition(|version| version.root == root) {
            Some(at) if self.next < u32::MAX => {
                let id = self.versions[at].id;
                self.make_room(id);
                self.push(id);
            }
            _ => {
                self.reset(root);
                self.push(self.versions[0].id);
            }
        }
        self.open = true;
    }

    fn push(&mut self, parent: u32) {
        let id = self.number();
        self.versions.push(Version::new(id, parent, EMPTY_ROOT));
    }

    fn number(&mut self) -> u32 {
        self.next = self.next.saturating_add(1);
        self.next
    }

    /// Forgets everything and starts at the version known by `root`.
    fn reset(&mut self, root: H256) {
        self.arenas.iter_mut().for_each(Arena::clear);
        self.versions.clear();
        self.next = 0;
        let id = self.number();
        self.versions.push(Version::new(id, id, root));
    }

    /// Ends the version that is being made. It is known by `root` from now on.
    pub(crate) fn finish(&mut self, root: H256) {
        if let Some(version) = self.versions.last_mut() {
            version.root = root;
        }
        self.open = false;
    }

    /// Gives up the version that is being made, if any.
    pub(crate) fn abort(&mut self) {
        if self.open
            && let Some(version) = self.versions.pop()
        {
            self.let_go(version);
        }
        self.open = false;
    }

    /// Makes the last version the base, so that only what it holds is kept.
    pub(crate) fn settle(&mut self) {
        if let Some(last) = self.versions.last().map(|version| version.id) {
            self.rebase(last);
        }
    }

    /// Lets all nodes go, which are read again when they are needed.
    pub(crate) fn unload(&mut self) {
        self.abort();
        self.arenas.iter_mut().for_each(Arena::clear);
        self.versions.clear();
    }

    /// Returns the number of the version that is being made.
    pub(super) fn version(&self) -> u32 {
        self.versions.last().map_or(0, |version| version.id)
    }

    /// Returns the version before the one that is being made.
    pub(super) fn parent(&mut self) -> &mut Version<K> {
        let parent = self.versions.last().map_or(0, |version| version.parent);
        let at = self.at(parent).unwrap_or(0);
        &mut self.versions[at]
    }

    fn at(&self, id: u32) -> Option<usize> {
        self.versions.binary_search_by_key(&id, |version| version.id).ok()
    }

    /// Returns where a trie is in the last version: the place of the version that has its top.
    fn holder(&self, name: &K) -> Option<usize> {
        let mut at = self.versions.len().checked_sub(1)?;
        loop {
            let version = &self.versions[at];
            if version.tops.contains_key(name) {
                return Some(at);
            }
            if at == 0 {
                return None;
            }
            at = self.at(version.parent)?;
        }
    }

    /// Returns the top of a trie in the last version.
    pub(super) fn top(&self, name: &K) -> Option<&Top> {
        self.holder(name).and_then(|at| self.versions[at].tops.get(name))
    }

    /// Notes that what stands below a first half byte is here.
    pub(super) fn keep_stump(&mut self, name: &K, nibble: usize, node: Index) {
        if let Some(at) = self.holder(name)
            && let Some(top) = self.versions[at].tops.get_mut(name)
        {
            top.links[nibble] = node;
        }
    }

    /// Empties a trie in the version that is being made.
    pub(crate) fn clear(&mut self, name: K) {
        let links = self.top(&name).map_or([NONE; ARENAS], |top| top.links);
        let id = self.version();
        if let Some(version) = self.versions.last_mut() {
            for ((arena, nodes), link) in self.arenas.iter().zip(&mut version.nodes).zip(links) {
                arena.visit(link, |node| nodes.push((node, NONE)));
            }
            version.tops.insert(name, Top::empty(id));
        }
    }

    /// Notes what the commit at hand made.
    pub(super) fn note_made(&mut self) {
        if let Some(version) = self.versions.last_mut() {
            for (arena, nodes) in self.arenas.iter().zip(&mut version.nodes) {
                nodes.extend(arena.touched.iter().map(|touched| (touched.old, touched.new)));
            }
        }
    }

    /// Has the nodes that were taken in go with the version whose nodes they stand below.
    pub(super) fn note_taken(&mut self) {
        for (number, arena) in self.arenas.iter_mut().enumerate() {
            for node in arena.take_taken() {
                let id = arena.version(node);
                let found = self.versions.binary_search_by_key(&id, |version| version.id);
                if let Ok(at) = found
                    && at > 0
                {
                    self.versions[at].nodes[number].push((NONE, node));
                }
            }
        }
    }

    /// Lets go of what only this version has.
    fn let_go(&mut self, version: Version<K>) {
        for (arena, nodes) in self.arenas.iter_mut().zip(version.nodes) {
            nodes
                .into_iter()
                .filter(|(_, new)| *new != NONE)
                .for_each(|(_, new)| arena.release(new));
        }
    }

    /// Keeps versions and memory within their bounds, and what the version `id` needs.
    fn make_room(&mut self, id: u32) {
        if self.used() > self.bytes_max {
            self.rebase(id);
            self.evict();
        }
        while self.versions.len() >= VERSIONS_MAX {
            let line = self.line(id);
            let aside = |version: &Version<K>| {
                !line.contains(&version.id)
                    && self.versions.iter().all(|other| other.parent != version.id)
            };
            match (self.versions.iter().position(aside), line.iter().rev().nth(1)) {
                (Some(at), _) => {
                    let version = self.versions.remove(at);
                    self.let_go(version);
                }
                (None, Some(next)) => self.rebase(*next),
                (None, None) => break,
            }
        }
    }

    /// Returns the version `id` and those before it, down to the base.
    fn line(&self, mut id: u32) -> Vec<u32> {
        let mut line = Vec::new();
        while let Some(at) = self.at(id) {
            line.push(id);
            if at == 0 {
                break;
            }
            id = self.versions[at].parent;
        }
        line
    }

    /// Makes version `id` the base, and lets those go that do not come after it.
    fn rebase(&mut self, id: u32) {
        let line = self.line(id);
        for id in line.into_iter().rev().skip(1) {
            let (mut kept, mut gone) = (Vec::new(), Vec::new());
            let mut after = alloc::vec![id];
            for version in self.versions.drain(1..) {
                if version.id == id || after.contains(&version.parent) {
                    after.push(version.id);
                    kept.push(version);
                } else {
                    gone.push(version);
                }
            }
            gone.into_iter().for_each(|version| self.let_go(version));
            let Version { id, root, tops, nodes, .. } = kept.remove(0);
            for (arena, nodes) in self.arenas.iter_mut().zip(nodes) {
                nodes.into_iter().filter(|(old, _)| *old != NONE).for_each(|(old, _)| {
                    arena.release(old);
                });
            }
            let base = &mut self.versions[0];
            (base.id, base.parent, base.root) = (id, id, root);
            for (name, top) in tops {
                if top.root.is_empty() {
                    base.tops.remove(&name);
                } else {
                    base.tops.insert(name, top);
                }
            }
            self.versions.extend(kept);
        }
    }

    /// Returns the bytes that are held, about.
    pub(crate) fn used(&self) -> usize {
        let nodes: usize = self.arenas.iter().map(Arena::used).sum();
        nodes + self.versions.iter().map(|version| version.tops.len() * TOP_BYTES).sum::<usize>()
    }

    /// Lets the nodes go that were made longest ago, a quarter of what may be held. There must be
    /// one version only.
    fn evict(&mut self) {
        let [base, ..] = self.versions.as_mut_slice() else { return };
        let bytes = self.bytes_max / 4 * 3 / ARENAS;
        let mut eldest = 0;
        for (number, arena) in self.arenas.iter_mut().enumerate() {
            let oldest = arena.oldest_within(bytes);
            eldest = oldest.max(eldest);
            for top in base.tops.values_mut() {
                top.links[number] = arena.evict(top.links[number], oldest);
            }
        }
        base.tops.retain(|_, top| top.version >= eldest || top.links != [NONE; ARENAS]);
    }
}
