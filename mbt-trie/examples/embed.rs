//! The trie alone: put, commit, prove, verify, and commit again.
//!
//! `cargo run -p mbt-trie --example embed`. Nodes are kept in memory here; for a store of your own
//! write a `NodeStore`: bytes by path, two methods.

use mbt_crypto::keccak256;
use mbt_trie::{CorruptNode, MemoryNodes, Trie, verify_proof};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut trie = Trie::new(MemoryNodes::new());
    for (name, coins) in [("alice", 5_u8), ("bob", 7), ("carol", 9)] {
        trie.put(&keccak256(name).0, &[coins]);
    }
    let first = trie.commit()?;

    // Whoever knows the root can hold a value, or its absence, against it.
    let alice = keccak256("alice").0;
    let proof = trie.prove(&alice)?;
    verify_proof(first, &alice, Some(&[5]), &proof)?;
    let nobody = keccak256("nobody").0;
    verify_proof(first, &nobody, None, &trie.prove(&nobody)?)?;

    trie.put(&alice, &[6]);
    trie.remove(&keccak256("bob").0);
    let second = trie.commit()?;
    assert!(verify_proof(second, &alice, Some(&[5]), &proof).is_err());

    // The same store is opened again by its root.
    let trie: Trie<MemoryNodes> = Trie::open(trie.into_store(), second, 64 << 20);
    let value: Result<_, CorruptNode> = trie.get(&alice);
    assert_eq!(value?, Some(vec![6]));
    Ok(())
}
