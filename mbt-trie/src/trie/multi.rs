//! Proofs of many entries at once: the union of the nodes of their proofs, each node once, in the
//! order in which a walk by ascending keys first needs them. So keys have one proof.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::ops::Range;

use mbt_account::{
    EMPTY_ROOT, PublicAccount,
    codec::{Decode, DecodeError, Reader},
};
use mbt_crypto::{Address, H256, U256, keccak256, keccak256_all};

use super::{
    NodeError,
    nibbles::{NodePath, shared},
    proof::{HashedNodes, MALFORMED, MISSING, ProofError, Step, WRONG, decode_at, follow},
};

/// What a [`StateMultiproof`] is asked for: accounts, and slots of each.
pub type StateKeys = BTreeMap<Address, BTreeSet<H256>>;

/// What a [`StateMultiproof`] shows.
pub type StateValues = BTreeMap<Address, ProvedAccount>;

/// An account and some of its slots.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ProvedAccount {
    /// The account; `None` when there is none.
    pub account: Option<PublicAccount>,
    /// The slots that were asked for; zero when never set.
    pub slots: BTreeMap<H256, U256>,
}

/// A proof of many accounts and slots of one state: nodes of the trie of accounts, then those of
/// storage tries by ascending address. A node that several tries hold comes once.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StateMultiproof {
    /// RLP of the nodes.
    pub nodes: Vec<Vec<u8>>,
}

impl StateMultiproof {
    /// Verifies the proof against a state root, and returns what it shows of each key asked for.
    /// Takes time in proportion to the keys, whatever the nodes are.
    ///
    /// # Errors
    /// [`ProofError`]. Of other keys this is no proof: a node that is not needed, not there, twice
    /// there or in another place is refused, and so is any byte changed.
    pub fn verify(&self, state_root: H256, keys: &StateKeys) -> Result<StateValues, ProofError> {
        let mut given = Given::new(&self.nodes);
        let values = walk_state(&mut given, state_root, keys)?;
        given.nodes.finish()?;
        Ok(values)
    }
}

/// Verifies a proof of many keys of one trie, and returns what it shows of each, in their order.
/// Keys are as the trie has them, in any order, and may come twice.
///
/// # Errors
/// As [`StateMultiproof::verify`].
pub fn verify_multiproof<K: AsRef<[u8]>, N: AsRef<[u8]>>(
    root: H256,
    keys: &[K],
    proof: &[N],
) -> Result<Vec<Option<Vec<u8>>>, ProofError> {
    let mut given = Given::new(proof);
    let values = walk(&mut given, None, root, keys)?;
    given.nodes.finish()?;
    Ok(values)
}

/// Joins the proofs of keys of one trie to one of all.
pub(crate) fn union<K: AsRef<[u8]>, E>(
    keys: &[K],
    prove: impl Fn(&[u8]) -> Result<Vec<Vec<u8>>, E>,
) -> Result<Vec<Vec<u8>>, E> {
    let mut keys: Vec<_> = keys.iter().map(AsRef::as_ref).collect();
    keys.sort_unstable();
    keys.dedup();
    let (mut nodes, mut seen) = (Vec::new(), BTreeSet::new());
    for key in keys {
        nodes.extend(prove(key)?.into_iter().filter(|node| seen.insert(keccak256(node))));
    }
    Ok(nodes)
}

/// Where a walk has its nodes from.
trait Source {
    type Bytes: AsRef<[u8]>;
    type Error;

    /// Returns the node at a path of the trie of accounts, or of the storage trie of `owner`, that
    /// hashes to `hash`.
    fn node(
        &mut self,
        owner: Option<&Address>,
        path: NodePath<'_>,
        hash: H256,
    ) -> Result<Self::Bytes, Self::Error>;

    /// Says that the node just returned is none.
    fn malformed(
        &self,
        owner: Option<&Address>,
        path: NodePath<'_>,
        error: NodeError,
    ) -> Self::Error;

    /// Says that a value is none of a state.
    fn no_value(&self, owner: Option<&Address>, key: &H256, error: DecodeError) -> Self::Error;
}

/// The nodes of a proof that somebody gave.
struct Given<'a, N> {
    nodes: HashedNodes<'a, N>,
    /// Those that were needed.
    seen: BTreeMap<H256, &'a [u8]>,
}

impl<'a, N: AsRef<[u8]>> Given<'a, N> {
    const fn new(proof: &'a [N]) -> Self {
        Self { nodes: HashedNodes::new(proof), seen: BTreeMap::new() }
    }
}

impl<'a, N: AsRef<[u8]>> Source for Given<'a, N> {
    type Bytes = &'a [u8];
    type Error = ProofError;

    fn node(
        &mut self,
        _owner: Option<&Address>,
        _path: NodePath<'_>,
        hash: H256,
    ) -> Result<&'a [u8], ProofError> {
        if let Some(bytes) = self.seen.get(&hash) {
            return Ok(bytes);
        }
        let bytes = self.nodes.next(hash)?;
        self.seen.insert(hash, bytes);
        Ok(bytes)
    }

    fn malformed(&self, _: Option<&Address>, _: NodePath<'_>, source: NodeError) -> ProofError {
        ProofError::Node { index: self.nodes.last(), source }
    }

    fn no_value(&self, _: Option<&Address>, _: &H256, error: DecodeError) -> ProofError {
        ProofError::Value(error)
    }
}

/// How stored nodes are read, and how what is wrong with one is reported.
pub(crate) trait StoredNodes {
    type Error;

    fn read(
        &self,
        owner: Option<&Address>,
        path: NodePath<'_>,
    ) -> Result<Option<Vec<u8>>, Self::Error>;

    fn corrupt(
        &self,
        owner: Option<&Address>,
        path: NodePath<'_>,
        what: &'static str,
    ) -> Self::Error;
}

/// Stored nodes, collected as they are needed.
struct Collected<'a, R> {
    stored: &'a R,
    nodes: Vec<Vec<u8>>,
    seen: BTreeSet<H256>,
}

impl<R: StoredNodes> Source for Collected<'_, R> {
    type Bytes = Vec<u8>;
    type Error = R::Error;

    fn node(
        &mut self,
        owner: Option<&Address>,
        path: NodePath<'_>,
        hash: H256,
    ) -> Result<Vec<u8>, R::Error> {
        let bytes = self.stored.read(owner, path)?;
        let bytes = bytes.ok_or_else(|| self.stored.corrupt(owner, path, MISSING))?;
        if keccak256(&bytes) != hash {
            return Err(self.stored.corrupt(owner, path, WRONG));
        }
        if self.seen.insert(hash) {
            self.nodes.push(bytes.clone());
        }
        Ok(bytes)
    }

    fn malformed(&self, owner: Option<&Address>, path: NodePath<'_>, _: NodeError) -> R::Error {
        self.stored.corrupt(owner, path, MALFORMED)
    }

    fn no_value(&self, owner: Option<&Address>, key: &H256, _: DecodeError) -> R::Error {
        let path = NodePath::of(&key.0, 2 * key.0.len());
        self.stored.corrupt(owner, path, "a value in a trie is malformed")
    }
}

/// Collects the proof of accounts and slots of the state of `root`.
pub(crate) fn prove_state<R: StoredNodes>(
    stored: &R,
    root: H256,
    keys: &StateKeys,
) -> Result<StateMultiproof, R::Error> {
    let mut collected = Collected { stored, nodes: Vec::new(), seen: BTreeSet::new() };
    walk_state(&mut collected, root, keys)?;
    Ok(StateMultiproof { nodes: collected.nodes })
}

/// Looks up accounts and slots from a state's root on.
fn walk_state<S: Source>(
    source: &mut S,
    root: H256,
    keys: &StateKeys,
) -> Result<StateValues, S::Error> {
    let hashes = keccak256_all(keys.keys().map(|address| address.0.as_slice()));
    let accounts = walk(source, None, root, &hashes)?;
    let mut values = StateValues::new();
    for (((address, slots), hash), account) in keys.iter().zip(&hashes).zip(accounts) {
        let account = account.map(|bytes| PublicAccount::decode(&bytes)).transpose();
        let account = account.map_err(|error| source.no_value(None, hash, error))?;
        let root = account.as_ref().map_or(EMPTY_ROOT, |account| account.storage_root);
        let slot_hashes = keccak256_all(slots.iter().map(|slot| slot.0.as_slice()));
        let mut proved = ProvedAccount { account, slots: BTreeMap::new() };
        let found = walk(source, Some(address), root, &slot_hashes)?;
        for ((slot, hash), value) in slots.iter().zip(&slot_hashes).zip(found) {
            let value = value.map_or(Ok(U256::zero()), |bytes| slot_value(&bytes));
            let value = value.map_err(|error| source.no_value(Some(address), hash, error))?;
            proved.slots.insert(*slot, value);
        }
        values.insert(*address, proved);
    }
    Ok(values)
}

fn slot_value(bytes: &[u8]) -> Result<U256, DecodeError> {
    let mut reader = Reader::new(bytes);
    let value = reader.u256()?;
    reader.finish()?;
    // Zero is no entry.
    if value.is_zero() { Err(DecodeError::OutOfRange("slot")) } else { Ok(value) }
}

/// Keys that go on to the same node.
struct Group {
    keys: Range<usize>,
    depth: usize,
    hash: H256,
}

/// Looks up keys from a root on, each node once, and returns their values.
fn walk<S: Source, K: AsRef<[u8]>>(
    source: &mut S,
    owner: Option<&Address>,
    root: H256,
    keys: &[K],
) -> Result<Vec<Option<Vec<u8>>>, S::Error> {
    let mut values = alloc::vec![None; keys.len()];
    let mut sorted: Vec<(&[u8], usize)> = keys.iter().map(AsRef::as_ref).zip(0..).collect();
    sorted.sort_unstable();
    let mut groups = Vec::new();
    if root != EMPTY_ROOT && !keys.is_empty() {
        groups.push(Group { keys: 0..keys.len(), depth: 0, hash: root });
    }
    while let Some(Group { keys, depth, hash }) = groups.pop() {
        let path = NodePath::of(sorted[keys.start].0, depth);
        let bytes = source.node(owner, path, hash)?;
        let malformed = |error| source.malformed(owner, path, error);
        let node = decode_at(depth, bytes.as_ref()).map_err(malformed)?;
        let first = groups.len();
        for at in keys {
            let (key, place) = sorted[at];
            match follow(key, depth, &node).map_err(malformed)? {
                Step::Value(value) => values[place] = value.map(<[u8]>::to_vec),
                Step::Down(below, hash) => match groups[first..].last_mut() {
                    Some(last)
                        if last.depth == below
                            && shared(sorted[last.keys.start].0, key) >= below =>
                    {
                        last.keys.end = at + 1;
                    }
                    _ => groups.push(Group { keys: at..at + 1, depth: below, hash: H256(*hash) }),
                },
            }
        }
        groups[first..].reverse();
    }
    Ok(values)
}
