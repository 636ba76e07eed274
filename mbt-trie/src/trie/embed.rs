//! A trie over a store of nodes, for those who want no state around it.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, ops::Range};

use mbt_account::EMPTY_ROOT;
use mbt_crypto::H256;

use super::{
    arena::{Change, NodeRead},
    forest::{Batch, Committed, Forest, Stored},
    multi::union,
    nibbles::NodePath,
};

/// Where a [`Trie`] keeps its nodes: bytes by path. An update overwrites, so that nothing is
/// counted or collected.
pub trait NodeStore: Sync {
    /// Why the store failed, or what a trie says of a store that does not hold what was written.
    type Error: From<CorruptNode> + Send;

    /// Returns the bytes stored at a path.
    ///
    /// # Errors
    /// The store failed.
    fn node(&self, path: NodePath<'_>) -> Result<Option<Vec<u8>>, Self::Error>;

    /// Makes the changes of a commit, all or none.
    ///
    /// # Errors
    /// The store failed, and nothing was changed.
    fn write(&mut self, changes: &NodeChanges<'_>) -> Result<(), Self::Error>;
}

/// A store of nodes does not hold what was written.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{what}, at path {path}")]
pub struct CorruptNode {
    /// The half bytes that lead to the node, as hexadecimal digits.
    pub path: String,
    /// What was found.
    pub what: &'static str,
}

impl CorruptNode {
    pub(crate) fn new(path: NodePath<'_>, what: &'static str) -> Self {
        Self { path: path.to_string(), what }
    }
}

/// What a commit changes in a [`NodeStore`].
#[derive(Clone, Copy)]
pub struct NodeChanges<'a> {
    forest: &'a Forest<()>,
    committed: &'a Committed<'a>,
}

impl NodeChanges<'_> {
    /// Groups that the changes come in, for stores that apply them side by side.
    pub const GROUPS: usize = 17;

    /// Visits all changes: the place, the bytes that are stored there and those that replace them.
    /// No place comes twice.
    pub fn for_each(&self, mut visit: impl FnMut(NodePath<'_>, Stored<'_>, Stored<'_>)) {
        (0..Self::GROUPS).for_each(|group| self.for_each_in(group, &mut visit));
    }

    /// Returns how many changes a group has at most, for stores that make room first.
    #[must_use]
    pub fn len_in(&self, group: usize) -> usize {
        self.forest.changed_count(group)
    }

    /// Visits the changes of a group: of one below 16 all paths begin with that half byte. The
    /// last group's are at most one half byte long.
    pub fn for_each_in(
        &self,
        group: usize,
        mut visit: impl FnMut(NodePath<'_>, Stored<'_>, Stored<'_>),
    ) {
        let visit = |_, path: NodePath<'_>, old: Stored<'_>, new: Stored<'_>| visit(path, old, new);
        if group + 1 < Self::GROUPS {
            self.forest.changed_in(self.committed, group, visit);
        } else if group < Self::GROUPS {
            self.forest.changed_above(self.committed, visit);
        }
    }
}

impl fmt::Debug for NodeChanges<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeChanges").finish_non_exhaustive()
    }
}

/// A trie over a [`NodeStore`]. Nodes that were used stay in memory, up to a bound.
///
/// ```
/// use mbt_trie::{MemoryNodes, Trie, verify_proof};
///
/// let mut trie = Trie::new(MemoryNodes::new());
/// trie.put(b"dog", b"puppy");
/// trie.put(b"doe", b"deer!");
/// let root = trie.commit()?;
/// let proof = trie.prove(b"dog")?;
/// assert!(verify_proof(root, b"dog", Some(b"puppy"), &proof).is_ok());
/// # Ok::<(), mbt_trie::CorruptNode>(())
/// ```
#[derive(Clone, Debug)]
pub struct Trie<S> {
    store: S,
    forest: Forest<()>,
    root: H256,
    staged: Staged,
}

/// Changes that are not committed, in one piece of memory.
#[derive(Clone, Debug, Default)]
struct Staged {
    bytes: Vec<u8>,
    entries: Vec<(Range<usize>, Range<usize>)>,
}

impl Staged {
    fn push(&mut self, key: &[u8], value: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        let middle = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.entries.push((start..middle, middle..self.bytes.len()));
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }

    /// Sorts the changes by key. Of several of a key the last counts.
    fn sorted(&self) -> Vec<Change<'_>> {
        let change = |(key, value): &(Range<usize>, Range<usize>)| {
            Change::new(&self.bytes[key.clone()], &self.bytes[value.clone()])
        };
        let key = |place: usize| &self.bytes[self.entries[place].0.clone()];
        let heads = self.entries.iter().map(|entry| change(entry).head());
        let mut order: Vec<(u64, usize)> = heads.zip(0..).collect();
        order.sort_unstable_by(|a, b| {
            a.0.cmp(&b.0).then_with(|| key(a.1).cmp(key(b.1))).then(a.1.cmp(&b.1))
        });
        let mut changes: Vec<Change<'_>> = Vec::with_capacity(order.len());
        for (_, place) in order {
            let change = change(&self.entries[place]);
            match changes.last_mut() {
                Some(last) if last.head() == change.head() && last.key == change.key => {
                    *last = change;
                }
                _ => changes.push(change),
            }
        }
        changes
    }
}

impl<S: NodeStore> Trie<S> {
    /// Makes an empty trie over an empty store, with no bound on memory.
    pub fn new(store: S) -> Self {
        Self::open(store, EMPTY_ROOT, usize::MAX)
    }

    /// Opens the trie with this root in a store that holds it. About `bytes_max` of nodes stay in
    /// memory.
    pub fn open(store: S, root: H256, bytes_max: usize) -> Self {
        Self { store, forest: Forest::new(bytes_max), root, staged: Staged::default() }
    }

    /// Sets a key with the next commit. An empty value removes it.
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        self.staged.push(key, value);
    }

    /// Removes a key with the next commit; one that is absent stays absent.
    pub fn remove(&mut self, key: &[u8]) {
        self.put(key, &[]);
    }

    /// Makes what was put and removed, writes it to the store and returns the new root. Of a key
    /// that came more than once the last counts.
    ///
    /// # Errors
    /// The store failed or is corrupt; nothing was changed, and the changes are still to be made.
    pub fn commit(&mut self) -> Result<H256, S::Error> {
        let Self { store, forest, root, staged } = self;
        let changes = staged.sorted();
        if changes.is_empty() {
            return Ok(*root);
        }
        forest.begin(*root);
        let batch = Batch { name: (), root: *root, changes: &changes };
        let done = forest.commit(&Reading(&*store), &[batch]).and_then(|committed| {
            store.write(&NodeChanges { forest, committed: &committed })?;
            Ok(committed.root(0))
        });
        drop(changes);
        match done {
            Ok(root) => {
                forest.finish(root);
                forest.settle();
                staged.clear();
                self.root = root;
                Ok(root)
            }
            Err(error) => {
                forest.abort();
                Err(error)
            }
        }
    }

    /// Forgets what was put and removed since the last commit.
    pub fn discard(&mut self) {
        self.staged.clear();
    }

    /// Returns the root after the last commit.
    pub const fn root(&self) -> H256 {
        self.root
    }

    /// Returns the value that a key has since the last commit.
    ///
    /// # Errors
    /// The store failed or is corrupt.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, S::Error> {
        self.forest.follow(&Reading(&self.store), &(), self.root, key, |_| ())
    }

    /// Proves the value that a key has since the last commit, or its absence.
    ///
    /// # Errors
    /// The store failed or is corrupt.
    pub fn prove(&self, key: &[u8]) -> Result<Vec<Vec<u8>>, S::Error> {
        Ok(self.forest.prove(&Reading(&self.store), &(), self.root, key)?.0)
    }

    /// Proves many keys at once, for [`verify_multiproof`](crate::verify_multiproof).
    ///
    /// # Errors
    /// The store failed or is corrupt.
    pub fn prove_all<K: AsRef<[u8]>>(&self, keys: &[K]) -> Result<Vec<Vec<u8>>, S::Error> {
        union(keys, |key| self.prove(key))
    }

    /// Returns the bytes of memory that nodes take, about.
    pub fn resident_bytes(&self) -> usize {
        self.forest.used()
    }

    /// Lets all nodes go that are in memory; they are read again when they are needed.
    pub fn unload(&mut self) {
        self.forest.unload();
    }

    /// Returns the store.
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// Returns the store, whose nodes must not be changed from outside.
    pub const fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }

    /// Gives the store back.
    pub fn into_store(self) -> S {
        self.store
    }
}

/// Reads nodes for the one trie there is.
struct Reading<'a, S>(&'a S);

impl<S: NodeStore> NodeRead for Reading<'_, S> {
    type Error = S::Error;

    fn read(&self, _trie: usize, path: NodePath<'_>) -> Result<Option<Vec<u8>>, S::Error> {
        self.0.node(path)
    }

    fn corrupt(&self, _trie: usize, path: NodePath<'_>, what: &'static str) -> S::Error {
        CorruptNode::new(path, what).into()
    }
}
