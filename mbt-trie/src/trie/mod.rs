//! The hexary Merkle-Patricia trie with Ethereum's roots.

mod layout;
mod memory;
pub(crate) mod nibbles;
mod node;
pub(crate) mod proof;
pub(crate) mod update;

pub use layout::{EthereumLayout, KeccakHasher, RlpNodeCodec, ordered_root, sorted_root};
pub use memory::MemoryTrie;
pub use node::NodeError;
pub use proof::{
    AccountProof, ProofError, StorageProof, verify_account_proof, verify_proof, verify_value,
};
