//! The hexary Merkle-Patricia trie with Ethereum's roots.

mod arena;
mod embed;
pub(crate) mod forest;
mod layout;
mod memory;
pub(crate) mod multi;
pub(crate) mod nibbles;
mod node;
mod nodes;
pub(crate) mod proof;

pub(crate) use arena::{Change, NodeRead};
pub use embed::{CorruptNode, NodeChanges, NodeStore, Trie};
pub use layout::{EthereumLayout, KeccakHasher, RlpNodeCodec, ordered_root, sorted_root};
pub use memory::MemoryTrie;
pub use multi::{ProvedAccount, StateKeys, StateMultiproof, StateValues, verify_multiproof};
pub use nibbles::NodePath;
pub use node::NodeError;
pub use nodes::MemoryNodes;
pub use proof::{
    AccountProof, ProofError, StorageProof, verify_account_proof, verify_proof, verify_value,
};
