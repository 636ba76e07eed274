//! What the crate offers, and that it can be shown, sent and shared.

use mbt_trie as api;

type Store = api::WriteBuffer<api::MemoryStore>;
type Snapshot = api::BufferSnapshot<api::MemorySnapshot>;

#[allow(dead_code, reason = "it is made to be derived for")]
#[derive(Debug)]
struct Everything<'a> {
    account_diff: api::AccountDiff,
    account_proof: api::AccountProof,
    ancestor_proof: api::AncestorProof,
    column: api::Column,
    durability: api::Durability,
    historic: api::Historic<Snapshot>,
    historic_ref: api::Historic<&'a Store>,
    history: api::History,
    key_range: api::KeyRange<'a>,
    latest: api::Latest<&'a Store>,
    layout: (api::EthereumLayout, api::KeccakHasher, api::RlpNodeCodec),
    memory: (api::MemoryStore, api::MemorySnapshot, api::MemoryTrie),
    mmr: (api::MerkleMountainRange, api::MmrNode, api::MmrError),
    node_error: api::NodeError,
    proof_error: api::ProofError,
    stage: api::Stage<'a, Store>,
    state: api::State,
    state_diff: api::StateDiff,
    state_error: api::StateError,
    storage_proof: api::StorageProof,
    store_error: api::StoreError,
    store: Store,
    snapshot: Snapshot,
    write_batch: api::WriteBatch,
}

fn can_be_shared<T: Send + Sync>() {}

#[test]
fn everything_can_be_shared_between_threads() {
    can_be_shared::<Everything<'static>>();
}

#[test]
fn views_are_usable_as_objects() {
    let store = api::MemoryStore::new();
    let latest = api::Latest::new(&store);
    let view: &dyn api::StateView = &latest;
    assert!(view.account(&mbt_crypto::Address([1; 20])).is_ok_and(|account| account.is_none()));
}
