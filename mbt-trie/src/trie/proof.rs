//! Proofs of an entry, or of its absence, as `eth_getProof` gives them: the RLP of the nodes from
//! the root down. Nodes inside their parent are not listed. The empty trie's proof is empty.

use alloc::vec::Vec;

use mbt_account::{EMPTY_ROOT, PublicAccount, codec::DecodeError};
use mbt_crypto::{Address, H256, U256, keccak256, keccak256_many};

use super::{
    nibbles::{NodePath, nibble},
    node::{Child, Node, NodeError, append_bytes},
};

/// An account and slots of it, or their absence, with proofs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccountProof {
    /// Whose.
    pub address: Address,
    /// The account; `None` when there is none.
    pub account: Option<PublicAccount>,
    /// From the state root to the account.
    pub account_proof: Vec<Vec<u8>>,
    /// Slots, as asked for.
    pub storage_proofs: Vec<StorageProof>,
}

/// A slot's value with its proof.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StorageProof {
    /// Which slot.
    pub slot: H256,
    /// Its value; zero when it was never set.
    pub value: U256,
    /// From the account's storage root to the slot.
    pub proof: Vec<Vec<u8>>,
}

/// Why a proof does not show what it should.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The proof ends above the node where the key's path ends.
    #[error("proof ends after {0} nodes, before the end of the path")]
    TooShort(usize),
    /// Nodes are left when the key's path has ended.
    #[error("{0} nodes behind the end of the path")]
    TrailingNodes(usize),
    /// A node is not the one that its parent, or the root, names.
    #[error("node {index} hashes to {found:#x}, not to {expected:#x}")]
    WrongNode {
        /// Its place in the proof.
        index: usize,
        /// What was named.
        expected: H256,
        /// What is there.
        found: H256,
    },
    /// A node that no trie holds.
    #[error("node {index}: {source}")]
    Node {
        /// Its place in the proof.
        index: usize,
        /// What is wrong with it.
        source: NodeError,
    },
    /// A value that the proof shows is not one that a state holds.
    #[error("a proved value is no account and no slot: {0}")]
    Value(DecodeError),
    /// The proof is sound and shows another value.
    #[error("proof shows another value, or none where one was claimed")]
    OtherValue,
}

/// Verifies that the trie of `root` holds `value` under `key`, or nothing when `value` is `None`.
/// `key` is as the trie has it: a state's keys are hashed.
///
/// # Errors
/// [`ProofError`]. A proof that was accepted is the only one: not a byte of it can be otherwise.
pub fn verify_proof<N: AsRef<[u8]>>(
    root: H256,
    key: &[u8],
    value: Option<&[u8]>,
    proof: &[N],
) -> Result<(), ProofError> {
    if verify_value(root, key, proof)?.as_deref() == value {
        Ok(())
    } else {
        Err(ProofError::OtherValue)
    }
}

/// Verifies a proof and returns the value that it shows under `key`.
///
/// # Errors
/// As [`verify_proof`].
pub fn verify_value<N: AsRef<[u8]>>(
    root: H256,
    key: &[u8],
    proof: &[N],
) -> Result<Option<Vec<u8>>, ProofError> {
    if root == EMPTY_ROOT {
        return match proof {
            [] => Ok(None),
            more => Err(ProofError::TrailingNodes(more.len())),
        };
    }
    let mut nodes = HashedNodes::new(proof);
    let (mut depth, mut expected) = (0, root);
    loop {
        let bytes = nodes.next(expected)?;
        let index = nodes.last();
        match step(key, depth, bytes).map_err(|source| ProofError::Node { index, source })? {
            Step::Down(below, hash) => (depth, expected) = (below, H256(*hash)),
            Step::Value(value) => {
                nodes.finish()?;
                return Ok(value.map(<[u8]>::to_vec));
            }
        }
    }
}

/// Nodes of a proof that are hashed together.
const TOGETHER: usize = 8;

/// The nodes of a proof, hashed a few at a time.
pub(super) struct HashedNodes<'a, N> {
    proof: &'a [N],
    /// Nodes that were taken.
    index: usize,
    hashes: [H256; TOGETHER],
}

impl<'a, N: AsRef<[u8]>> HashedNodes<'a, N> {
    pub(super) const fn new(proof: &'a [N]) -> Self {
        Self { proof, index: 0, hashes: [H256::zero(); TOGETHER] }
    }

    /// Returns the place of the node that was taken last.
    pub(super) const fn last(&self) -> usize {
        self.index.saturating_sub(1)
    }

    /// Says that no more nodes are needed.
    pub(super) const fn finish(&self) -> Result<(), ProofError> {
        match self.proof.len() - self.index {
            0 => Ok(()),
            more => Err(ProofError::TrailingNodes(more)),
        }
    }

    /// Takes the next node, whose parent says that it hashes to `expected`.
    pub(super) fn next(&mut self, expected: H256) -> Result<&'a [u8], ProofError> {
        let index = self.index;
        let bytes = self.proof.get(index).ok_or(ProofError::TooShort(index))?.as_ref();
        if index.is_multiple_of(TOGETHER) {
            let next = self.proof[index..].iter().take(TOGETHER).map(AsRef::as_ref);
            keccak256_many(next, |n, hash| self.hashes[n] = hash);
        }
        let found = self.hashes[index % TOGETHER];
        if found != expected {
            return Err(ProofError::WrongNode { index, expected, found });
        }
        self.index += 1;
        Ok(bytes)
    }
}

/// Verifies an account and its slots against a state root.
///
/// # Errors
/// As [`verify_proof`].
pub fn verify_account_proof(state_root: H256, proof: &AccountProof) -> Result<(), ProofError> {
    let account = proof.account.as_ref().map(|account| rlp::encode(account).to_vec());
    let key = keccak256(proof.address.0);
    verify_proof(state_root, &key.0, account.as_deref(), &proof.account_proof)?;
    let root = proof.account.as_ref().map_or(EMPTY_ROOT, |account| account.storage_root);
    for slot in &proof.storage_proofs {
        let mut value = Vec::new();
        append_value(&mut value, slot.value);
        let value = Some(value.as_slice()).filter(|value| !value.is_empty());
        verify_proof(root, &keccak256(slot.slot).0, value, &slot.proof)?;
    }
    Ok(())
}

/// Appends what a storage trie holds for a slot: the RLP of the value, nothing for zero.
pub(crate) fn append_value(out: &mut Vec<u8>, value: U256) {
    let bytes = value.to_big_endian();
    let skip = bytes.iter().take_while(|byte| **byte == 0).count();
    if let Some(significant) = bytes.get(skip..).filter(|bytes| !bytes.is_empty()) {
        append_bytes(out, significant);
    }
}

/// A proof, and the value that it shows.
pub(crate) type Proved<E> = Result<(Vec<Vec<u8>>, Option<Vec<u8>>), E>;

/// Collects the proof of a key from the trie of `root`, whose stored nodes `read` returns by path.
pub(crate) fn prove<E>(
    read: impl Fn(NodePath<'_>) -> Result<Option<Vec<u8>>, E>,
    corrupt: impl Fn(NodePath<'_>, &'static str) -> E,
    root: H256,
    key: &[u8],
) -> Proved<E> {
    let mut proof: Vec<Vec<u8>> = Vec::new();
    if root == EMPTY_ROOT {
        return Ok((proof, None));
    }
    let (mut depth, mut expected) = (0, root);
    loop {
        let path = NodePath::of(key, depth);
        let bytes = read(path)?.ok_or_else(|| corrupt(path, MISSING))?;
        if keccak256(&bytes) != expected {
            return Err(corrupt(path, WRONG));
        }
        match step(key, depth, &bytes).map_err(|_| corrupt(path, MALFORMED))? {
            Step::Value(value) => {
                let value = value.map(<[u8]>::to_vec);
                proof.push(bytes);
                return Ok((proof, value));
            }
            Step::Down(below, hash) => {
                (depth, expected) = (below, H256(*hash));
                proof.push(bytes);
            }
        }
    }
}

/// What is wrong with a stored node.
pub(crate) const MISSING: &str = "a trie node is missing";
pub(crate) const WRONG: &str = "a trie node does not hash to what its parent says";
pub(crate) const MALFORMED: &str = "a trie node is malformed";

/// Where a stored node leads a key.
pub(crate) enum Step<'a> {
    /// Its path ends, in a value or in none.
    Value(Option<&'a [u8]>),
    /// On to the node of this hash at this depth.
    Down(usize, &'a [u8; 32]),
}

/// Follows a key through a stored node that stands at `depth`, and the nodes inside it.
pub(crate) fn step<'a>(key: &[u8], depth: usize, bytes: &'a [u8]) -> Result<Step<'a>, NodeError> {
    follow(key, depth, &decode_at(depth, bytes)?)
}

/// Reads a node that stands by itself at `depth`.
pub(super) fn decode_at(depth: usize, bytes: &[u8]) -> Result<Node<'_>, NodeError> {
    if depth > 0 && bytes.len() < 32 {
        // It would be inside its parent.
        return Err(NodeError::Child);
    }
    Node::decode(bytes)
}

/// Does what [`step`] does, from a node that was read before.
pub(super) fn follow<'a>(
    key: &[u8],
    mut depth: usize,
    node: &Node<'a>,
) -> Result<Step<'a>, NodeError> {
    let (mut node, mut inside) = (node, None);
    loop {
        let left = (2 * key.len()).saturating_sub(depth);
        let (below, child) = match node {
            Node::Leaf { path, value } => {
                let ends_here = path.len() == left && path.shared(0, key, depth) == left;
                return Ok(Step::Value(ends_here.then_some(*value)));
            }
            Node::Extension { path, .. } if path.shared(0, key, depth) < path.len() => {
                return Ok(Step::Value(None));
            }
            Node::Extension { path, child } => (depth + path.len(), *child),
            Node::Branch(branch) if left == 0 => {
                return Ok(Step::Value(Some(branch.value).filter(|value| !value.is_empty())));
            }
            Node::Branch(branch) => match branch.children[usize::from(nibble(key, depth))] {
                Some(child) => (depth + 1, child),
                None => return Ok(Step::Value(None)),
            },
        };
        depth = below;
        match child {
            Child::Hash(hash) => return Ok(Step::Down(depth, hash)),
            Child::Inline(bytes) => node = inside.insert(Node::decode(bytes)?),
        }
    }
}
