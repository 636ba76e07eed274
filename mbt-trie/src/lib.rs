#![doc = include_str!("../README.md")]
#![cfg_attr(not(any(test, feature = "std")), no_std)]

extern crate alloc;

mod mmr;
mod snapshot;
mod state;
mod store;
mod trie;

pub use mmr::{AncestorProof, MerkleMountainRange, MmrError, MmrNode};
pub use snapshot::{
    SNAPSHOT_PREFIX_BYTES, SnapshotCounts, SnapshotError, SnapshotExport, SnapshotHead,
    SnapshotImport, chunk_bytes,
};
pub use state::{
    AccountDiff, Historic, History, Latest, RESIDENT_BYTES, ResidentState, State, StateCounts,
    StateDiff, StateError, StateFault, StateView, verify_state,
};
#[cfg(feature = "testing")]
pub use store::testing;
#[cfg(feature = "std")]
pub use store::{BUFFER_BYTES, BufferSnapshot, MemorySnapshot, MemoryStore, WriteBuffer};
pub use store::{
    Column, Durability, Entries, KeyRange, KeyValueRead, KeyValueStore, Stage, StoreError,
    WriteBatch,
};
pub use trie::{
    AccountProof, CorruptNode, EthereumLayout, KeccakHasher, MemoryNodes, MemoryTrie, NodeChanges,
    NodeError, NodePath, NodeStore, ProofError, ProvedAccount, RlpNodeCodec, StateKeys,
    StateMultiproof, StateValues, StorageProof, Trie, ordered_root, sorted_root,
    verify_account_proof, verify_multiproof, verify_proof, verify_value,
};
