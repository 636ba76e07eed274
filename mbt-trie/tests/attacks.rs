//! What hostile proofs try, each refused for its own reason.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mbt_account::EMPTY_ROOT;
use mbt_crypto::{H256, keccak256};
use mbt_trie::{MemoryTrie, NodeError, ProofError, verify_proof, verify_value};

fn trie<const N: usize>(entries: [(&[u8], &[u8]); N]) -> MemoryTrie {
    let mut trie = MemoryTrie::new();
    trie.set(entries);
    trie
}

/// An extension above a branch above two leaves, all stored by themselves.
fn forked() -> MemoryTrie {
    trie([(&[0x12, 0x34, 0x51], &[1; 40]), (&[0x12, 0x34, 0x61], &[2; 40])])
}

/// RLP of a list, in its short form, of items that are RLP.
fn list(items: &[&[u8]]) -> Vec<u8> {
    let items = items.concat();
    assert!(items.len() < 56);
    [&[0xc0 + u8::try_from(items.len()).unwrap()], items.as_slice()].concat()
}

/// What the verifier says of a lone node whose hash is the root.
fn lone(key: &[u8], node: Vec<u8>) -> Result<Option<Vec<u8>>, ProofError> {
    verify_value(keccak256(&node), key, &[node])
}

fn refused(index: usize, source: NodeError) -> Result<Option<Vec<u8>>, ProofError> {
    Err(ProofError::Node { index, source })
}

#[test]
fn a_value_in_place_of_its_node_is_refused() {
    let (trie, key, value) = (forked(), [0x12, 0x34, 0x51], [1; 40].to_vec());
    let mut proof = trie.prove(&key);
    for at in 0..proof.len() {
        let node = core::mem::replace(&mut proof[at], value.clone());
        let error = verify_proof(trie.root(), &key, Some(&value), &proof);
        assert!(matches!(error, Err(ProofError::WrongNode { index, .. }) if index == at));
        proof[at] = node;
    }
    let error = verify_proof(trie.root(), &key, Some(&value), &[&value]);
    assert!(matches!(error, Err(ProofError::WrongNode { index: 0, .. })));
}

#[test]
fn a_proof_that_ends_after_an_extension_is_refused() {
    let trie = forked();
    let proof = trie.prove(&[0x12, 0x34, 0x51]);
    assert_eq!(proof.len(), 3, "extension, branch, leaf");
    for value in [None, Some([1; 40].as_slice())] {
        let error = verify_proof(trie.root(), &[0x12, 0x34, 0x51], value, &proof[..1]);
        assert_eq!(error, Err(ProofError::TooShort(1)));
    }
}

#[test]
fn nodes_behind_the_end_are_refused_though_the_trie_holds_them() {
    let trie = forked();
    let (mut one, other) = (trie.prove(&[0x12, 0x34, 0x51]), trie.prove(&[0x12, 0x34, 0x61]));
    one.push(other[2].clone());
    let error = verify_value(trie.root(), &[0x12, 0x34, 0x51], &one);
    assert_eq!(error, Err(ProofError::TrailingNodes(1)));
    // Behind an absence, too: the extension already leads elsewhere.
    let error = verify_value(trie.root(), &[0x13], &other);
    assert_eq!(error, Err(ProofError::TrailingNodes(2)));
}

#[test]
fn a_branchs_value_is_that_of_the_key_that_ends_there_alone() {
    let (short, long) = ([0x12], [0x12, 0x34]);
    let trie = trie([(&short, &[7; 40]), (&long, &[8; 40]), (&[0x12, 0x56], &[9; 40])]);
    let (branch, leaf) = (trie.prove(&short), trie.prove(&long));
    let check = |key: &[u8], proof: &[Vec<u8>]| verify_value(trie.root(), key, proof);
    assert_eq!(check(&short, &branch), Ok(Some(vec![7; 40])));
    assert_eq!(check(&long, &leaf), Ok(Some(vec![8; 40])));
    assert_eq!(check(&short, &leaf), Err(ProofError::TrailingNodes(1)));
    assert_eq!(check(&long, &branch), Err(ProofError::TooShort(branch.len())));
    // Between the keys there is none, and a branch without a value shows it.
    assert_eq!(check(&[0x12, 0x77], &branch), Ok(None));
    let bare = forked();
    let proof = bare.prove(&[0x12, 0x34]);
    assert_eq!(verify_value(bare.root(), &[0x12, 0x34], &proof), Ok(None));
}

#[test]
fn a_node_inside_its_parent_is_not_listed_again() {
    let trie = trie([(&[0x11], b"a"), (&[0x12], b"b")]);
    let mut proof = trie.prove(&[0x11]);
    assert_eq!(proof.len(), 1, "all nodes are inside the root");
    assert_eq!(verify_value(trie.root(), &[0x11], &proof), Ok(Some(b"a".to_vec())));
    proof.push(list(&[&[0x31], b"a"]));
    assert_eq!(verify_value(trie.root(), &[0x11], &proof), Err(ProofError::TrailingNodes(1)));
}

#[test]
fn a_short_node_outside_its_parent_is_refused() {
    let leaf = list(&[&[0x20], b"a"]);
    let hash = keccak256(&leaf);
    let child = [&[0xa0], hash.0.as_slice()].concat();
    let mut items = [[0x80].as_slice(); 17];
    items[0] = &child;
    items[16] = b"v";
    let root = list(&items);
    let error = verify_value(keccak256(&root), &[0x00], &[root, leaf]);
    assert_eq!(error, refused(1, NodeError::Child), "path ends above");
}

#[test]
fn a_long_node_inside_its_parent_is_refused() {
    let leaf = list(&[&[0x31], &[&[0xa0], [7; 32].as_slice()].concat()]);
    let mut items = [[0x80].as_slice(); 17];
    items[1] = &leaf;
    items[16] = b"v";
    assert_eq!(lone(&[0x11], list(&items)), refused(0, NodeError::Child));
}

#[test]
fn the_empty_trie_proves_absence_by_no_node_and_only_for_its_root() {
    assert_eq!(verify_value::<Vec<u8>>(EMPTY_ROOT, b"key", &[]), Ok(None));
    for node in [vec![], vec![0x80], vec![0xc0]] {
        let error = verify_value(EMPTY_ROOT, b"key", &[node]);
        assert_eq!(error, Err(ProofError::TrailingNodes(1)));
    }
    let trie = forked();
    for root in [trie.root(), H256::zero()] {
        let error = verify_value::<Vec<u8>>(root, b"key", &[]);
        assert_eq!(error, Err(ProofError::TooShort(0)));
        let error = verify_value(root, b"key", &[[0x80]]);
        assert!(matches!(error, Err(ProofError::WrongNode { index: 0, .. })));
    }
    assert!(matches!(lone(b"", vec![0xc0]), Err(ProofError::Node { .. })), "empty list");
}

#[test]
fn a_second_encoding_of_a_node_is_refused_though_its_hash_fits() {
    let good = list(&[&[0x20], &[0x01]]);
    assert_eq!(lone(b"", good.clone()), Ok(Some(vec![1])));
    let long_list = [&[0xf8, 0x02], &good[1..]].concat();
    let long_value = list(&[&[0x20], &[0x81, 0x01]]);
    let long_path = list(&[&[0x81, 0x20], &[0x01]]);
    let long_length = list(&[&[0x20], &[0xb8, 0x01, 0x90]]);
    let trailing = [good.as_slice(), &[0]].concat();
    let third = list(&[&[0x20], &[0x01], &[0x01]]);
    for node in [long_list, long_value, long_path, long_length, trailing, third] {
        let error = lone(b"", node.clone());
        assert!(matches!(error, Err(ProofError::Node { index: 0, .. })), "{node:02x?}");
    }
}

#[test]
fn wrong_flags_of_a_path_are_refused() {
    let child = [&[0xa0], [7; 32].as_slice()].concat();
    // Flags that are none, and half a byte of pad that is not zero.
    for first in [0x40, 0x7f, 0x21, 0x2f, 0x01] {
        assert_eq!(lone(b"", list(&[&[first], b"v"])), refused(0, NodeError::Path), "{first:#x}");
    }
    // An extension with a leaf's value, one that leads to a leaf, and one of no length.
    assert_eq!(lone(b"", list(&[&[0x11], b"v"])), refused(0, NodeError::Child));
    let leaf = list(&[&[0x20], b"v"]);
    assert_eq!(lone(b"", list(&[&[0x11], &leaf])), refused(0, NodeError::Child));
    assert_eq!(lone(b"", list(&[&[0x00], &child])), refused(0, NodeError::NotMinimal));
    // A leaf's flag on what was an extension makes its child's hash a value, of another hash.
    let trie = forked();
    let key = [0x12, 0x34, 0x51];
    let mut proof = trie.prove(&key);
    assert_eq!(proof[0][1..3], [0x83, 0x00], "an even extension of two bytes");
    proof[0][2] = 0x20;
    let error = verify_value(trie.root(), &key, &proof);
    assert!(matches!(error, Err(ProofError::WrongNode { index: 0, .. })));
}

#[test]
fn a_shorter_or_longer_key_has_another_proof() {
    let (trie, key) = (forked(), [0x12, 0x34, 0x51]);
    let proof = trie.prove(&key);
    let check = |key: &[u8]| verify_value(trie.root(), key, &proof);
    assert_eq!(check(&key), Ok(Some(vec![1; 40])));
    assert_eq!(check(&[0x12, 0x34, 0x51, 0x00]), Ok(None), "the leaf ends above");
    assert_eq!(check(&[0x12, 0x34, 0x52]), Ok(None), "the leaf is another's");
    assert_eq!(check(&[0x12, 0x34]), Err(ProofError::TrailingNodes(1)));
    assert_eq!(check(&[0x12]), Err(ProofError::TrailingNodes(2)));
    assert_eq!(check(&[]), Err(ProofError::TrailingNodes(2)));
}

#[test]
fn an_absence_shown_for_one_key_is_none_for_a_key_that_is_there() {
    let trie = forked();
    let there = [0x12, 0x34, 0x51];
    for absent in [[0x12, 0x34, 0x71], [0x12, 0x34, 0x52], [0x13, 0x34, 0x51]] {
        let proof = trie.prove(&absent);
        assert_eq!(verify_proof(trie.root(), &absent, None, &proof), Ok(()));
        assert!(verify_proof(trie.root(), &there, None, &proof).is_err(), "{absent:02x?}");
    }
}

#[test]
fn every_bit_of_every_node_counts() {
    let mut trie = MemoryTrie::new();
    trie.set((0_u8..200).map(|n| (keccak256([n]).0, vec![n + 1; 40])));
    for key in [keccak256([7]).0, keccak256([201]).0] {
        let mut proof = trie.prove(&key);
        for node in 0..proof.len() {
            for at in 0..proof[node].len() {
                for bit in 0..8 {
                    proof[node][at] ^= 1 << bit;
                    let error = verify_value(trie.root(), &key, &proof);
                    assert!(
                        matches!(error, Err(ProofError::WrongNode { index, .. }) if index == node)
                    );
                    proof[node][at] ^= 1 << bit;
                }
            }
        }
    }
}
