//! Proofs of an entry, or of its absence, as `eth_getProof` gives them: the RLP of the nodes from
//! the root down. Nodes inside their parent are not listed. The empty trie's proof is empty.

use alloc::vec::Vec;

use mbt_account::{EMPTY_ROOT, PublicAccount};
use mbt_crypto::{Address, H256, U256, keccak256};

use super::{
    nibbles::nibbles,
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
    let key = nibbles(key);
    let (mut path, mut child, mut index) = (key.as_slice(), Child::Hash(root), 0);
    loop {
        let node = match child {
            Child::Node(node) => *node,
            Child::Hash(expected) => {
                let node = node_at(proof, index, expected)?;
                index += 1;
                node
            }
        };
        match step(path, node) {
            Ok(next) => (path, child) = next,
            Err(_) if index < proof.len() => {
                return Err(ProofError::TrailingNodes(proof.len() - index));
            }
            Err(value) => return Ok(value),
        }
    }
}

/// Returns the node of a proof whose parent says that it hashes to `expected`.
fn node_at<N: AsRef<[u8]>>(proof: &[N], index: usize, expected: H256) -> Result<Node, ProofError> {
    let bytes = proof.get(index).ok_or(ProofError::TooShort(index))?.as_ref();
    let found = keccak256(bytes);
    if found != expected {
        return Err(ProofError::WrongNode { index, expected, found });
    }
    Node::decode(bytes).map_err(|source| ProofError::Node { index, source })
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
        let value = encode_value(slot.value);
        verify_proof(root, &keccak256(slot.slot).0, value.as_deref(), &slot.proof)?;
    }
    Ok(())
}

/// Returns what a storage trie holds for a slot: the RLP of the value, nothing for zero.
pub(crate) fn encode_value(value: U256) -> Option<Vec<u8>> {
    let bytes = value.to_big_endian();
    let skip = bytes.iter().take_while(|byte| **byte == 0).count();
    let significant = bytes.get(skip..).filter(|bytes| !bytes.is_empty())?;
    let mut encoded = Vec::with_capacity(33);
    append_bytes(&mut encoded, significant);
    Some(encoded)
}

/// A proof, and the value that it shows.
pub(crate) type Proved<E> = Result<(Vec<Vec<u8>>, Option<Vec<u8>>), E>;

/// Collects the proof of a key from a trie whose stored nodes `read` returns by path.
pub(crate) fn prove<E>(
    read: impl Fn(&[u8]) -> Result<Option<Vec<u8>>, E>,
    corrupt: impl Fn(&'static str) -> E,
    key: &[u8],
) -> Proved<E> {
    let key = nibbles(key);
    let mut proof = Vec::new();
    let Some(root) = read(&[])? else { return Ok((proof, None)) };
    let decode =
        |bytes: &[u8]| Node::decode(bytes).map_err(|_| corrupt("a trie node is malformed"));
    let mut node = decode(&root)?;
    proof.push(root);
    let mut path = key.as_slice();
    loop {
        let child = match step(path, node) {
            Err(value) => return Ok((proof, value)),
            Ok((rest, child)) => {
                path = rest;
                child
            }
        };
        node = match child {
            Child::Node(node) => *node,
            Child::Hash(_) => {
                let above = key.len().saturating_sub(path.len());
                let bytes = read(key.get(..above).unwrap_or_default())?;
                let bytes = bytes.ok_or_else(|| corrupt("a trie node is missing"))?;
                let node = decode(&bytes)?;
                proof.push(bytes);
                node
            }
        };
    }
}

/// Steps down through a node: on to what is left of the path and what lies there, or `Err` with
/// what the path ends in.
fn step(path: &[u8], node: Node) -> Result<(&[u8], Child), Option<Vec<u8>>> {
    match node {
        Node::Leaf { path: own, value } => Err((own == path).then_some(value)),
        Node::Extension { path: own, child } => {
            path.strip_prefix(own.as_slice()).map(|rest| (rest, child)).ok_or(None)
        }
        Node::Branch(mut branch) => match path.split_first() {
            None => Err(branch.value),
            Some((nibble, rest)) => {
                let child = branch.children.get_mut(usize::from(*nibble)).and_then(Option::take);
                child.map(|child| (rest, child)).ok_or(None)
            }
        },
    }
}
