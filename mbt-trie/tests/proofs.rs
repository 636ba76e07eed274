//! Proofs are as Ethereum's, and nothing but the one proof is accepted.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;

use common::{address, slot};
use mbt_account::{EMPTY_ROOT, PublicAccount};
use mbt_crypto::{H256, U256, keccak256};
use mbt_trie::{
    AccountDiff, EthereumLayout, History, Latest, MemoryStore, MemoryTrie, NodeError, ProofError,
    RlpNodeCodec, Stage, State, StateDiff, ordered_root, sorted_root, verify_account_proof,
    verify_proof, verify_value,
};
use proptest::prelude::*;
use trie_db::{NodeCodec, Recorder, Trie, TrieDBBuilder, TrieDBMutBuilder, TrieMut};

fn entries() -> impl Strategy<Value = BTreeMap<Vec<u8>, Vec<u8>>> {
    let key = prop_oneof![
        prop::collection::vec(0_u8..4, 0..4),
        prop::collection::vec(any::<u8>(), 1..3),
        any::<u16>().prop_map(|n| keccak256(n.to_be_bytes()).0.to_vec()),
    ];
    prop::collection::btree_map(key, prop::collection::vec(any::<u8>(), 1..60), 0..40)
}

fn trie(entries: &BTreeMap<Vec<u8>, Vec<u8>>) -> MemoryTrie {
    let mut trie = MemoryTrie::new();
    trie.set(entries.clone());
    trie
}

proptest! {
    #[test]
    fn proofs_are_those_that_trie_db_records(
        entries in entries(),
        absent in prop::collection::vec(0_u8..5, 0..5),
    ) {
        let mut database = common::database();
        let mut root = EMPTY_ROOT.0;
        let mut writer =
            TrieDBMutBuilder::<EthereumLayout>::new(&mut database, &mut root).build();
        for (key, value) in &entries {
            writer.insert(key, value).unwrap();
        }
        drop(writer);
        let trie = trie(&entries);
        prop_assert_eq!(trie.root(), H256(root));
        prop_assert_eq!(sorted_root(&entries), H256(root));
        for key in entries.keys().chain([&absent]) {
            let mut recorder = Recorder::<EthereumLayout>::new();
            let value = TrieDBBuilder::<EthereumLayout>::new(&database, &root)
                .with_recorder(&mut recorder)
                .build()
                .get(key)
                .unwrap();
            let recorded: Vec<_> = recorder.drain().into_iter().map(|node| node.data).collect();
            let proof = trie.prove(key);
            if !entries.is_empty() {
                prop_assert_eq!(&proof, &recorded);
            }
            prop_assert_eq!(value.as_ref(), entries.get(key));
            verify_proof(H256(root), key, value.as_deref(), &proof).unwrap();
        }
    }

    #[test]
    fn a_proof_with_any_change_is_refused(
        entries in entries(),
        pick in any::<prop::sample::Index>(),
        node in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        flip in 1_u8..,
    ) {
        prop_assume!(!entries.is_empty());
        let (trie, key) = (trie(&entries), pick.get(&entries.keys().collect::<Vec<_>>()).to_vec());
        let proof = trie.prove(&key);
        let node = node.index(proof.len());
        let check = |proof: &[Vec<u8>]| verify_value(trie.root(), &key, proof);
        prop_assert!(check(&proof).is_ok());

        let mut other = proof.clone();
        let at = at.index(other[node].len());
        other[node][at] ^= flip;
        prop_assert!(check(&other).is_err(), "a byte changed");
        let mut other = proof.clone();
        other[node].push(0);
        prop_assert!(check(&other).is_err(), "a byte behind a node");
        let mut other = proof.clone();
        other.remove(node);
        prop_assert!(check(&other).is_err(), "a node left out");
        let mut other = proof.clone();
        other.insert(node, proof[node].clone());
        prop_assert!(check(&other).is_err(), "a node twice");
        let mut other = proof.clone();
        other.push(proof[node].clone());
        let error = check(&other);
        prop_assert_eq!(error, Err(ProofError::TrailingNodes(1)), "a node behind the end");
    }

    #[test]
    fn the_verifier_survives_any_bytes(
        root in any::<[u8; 32]>(),
        key in prop::collection::vec(any::<u8>(), 0..40),
        proof in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..70), 0..4),
    ) {
        prop_assert!(verify_value(H256(root), &key, &proof).is_err());
        let root = proof.first().map(keccak256).unwrap_or_default();
        verify_value(root, &key, &proof).ok();
    }

    #[test]
    fn the_node_codec_survives_any_bytes(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..80),
            prop::collection::vec(any::<u8>(), 0..50).prop_map(|inner| {
                let mut bytes = vec![0xc0 + u8::try_from(inner.len()).unwrap()];
                bytes.extend(inner);
                bytes
            }),
        ],
    ) {
        RlpNodeCodec::decode(&bytes).ok();
    }

    #[test]
    fn a_lists_root_is_that_of_its_trie(count in 0_usize..300) {
        let items: Vec<_> = (0..count).map(|n| vec![7; n % 50 + 1]).collect();
        let trie = MemoryTrie::of_list(items.clone());
        prop_assert_eq!(trie.root(), ordered_root(items.clone()));
        let keyed = items.into_iter().enumerate().map(|(n, item)| (rlp::encode(&n), item));
        prop_assert_eq!(trie.root(), common::slow_root(keyed));
    }
}

fn three() -> MemoryTrie {
    let mut trie = MemoryTrie::new();
    trie.set((0_u8..3).map(|n| (keccak256([n]).0, vec![n + 1; 40])));
    trie
}

#[test]
fn a_value_is_no_proof_of_itself() {
    let (trie, key) = (three(), keccak256([1]).0);
    let value = vec![2; 40];
    let error = verify_proof(trie.root(), &key, Some(&value), &[&value]);
    assert!(matches!(error, Err(ProofError::WrongNode { index: 0, .. })));
    let mut proof = trie.prove(&key);
    *proof.last_mut().unwrap() = value.clone();
    let error = verify_proof(trie.root(), &key, Some(&value), &proof);
    assert!(matches!(error, Err(ProofError::WrongNode { index: 1, .. })));
}

#[test]
fn a_proof_of_another_key_or_value_is_refused() {
    let (trie, key) = (three(), keccak256([1]).0);
    let proof = trie.prove(&key);
    let check = |key: &[u8], value: Option<&[u8]>| verify_proof(trie.root(), key, value, &proof);
    assert_eq!(check(&key, Some(&[2; 40])), Ok(()));
    assert_eq!(check(&key, Some(&[3; 40])), Err(ProofError::OtherValue));
    assert_eq!(check(&key, None), Err(ProofError::OtherValue));
    assert!(check(&keccak256([2]).0, None).is_err());
    assert!(check(&keccak256([2]).0, Some(&[3; 40])).is_err());
}

#[test]
fn a_short_proof_is_refused_at_each_length() {
    let (trie, key) = (three(), keccak256([1]).0);
    let proof = trie.prove(&key);
    for length in 0..proof.len() {
        let error = verify_value(trie.root(), &key, &proof[..length]);
        assert_eq!(error, Err(ProofError::TooShort(length)));
    }
}

#[test]
fn the_empty_tries_only_proof_is_empty() {
    assert_eq!(verify_proof::<Vec<u8>>(EMPTY_ROOT, b"k", None, &[]), Ok(()));
    let error = verify_proof(EMPTY_ROOT, b"k", None, &[[0x80]]);
    assert_eq!(error, Err(ProofError::TrailingNodes(1)));
    let error = verify_proof::<Vec<u8>>(EMPTY_ROOT, b"k", Some(b"v"), &[]);
    assert_eq!(error, Err(ProofError::OtherValue));
}

#[test]
fn a_node_that_no_trie_holds_is_refused_though_its_hash_fits() {
    // A leaf whose path's pad is not zero, and a branch of one way.
    let pad = vec![0xc2, 0x21, 0x01];
    let mut branch = vec![0xc0 + 18, 0xc2, 0x20, 0x01];
    branch[0] = 0xc0 + 3 + 16;
    branch.extend([0x80; 16]);
    for (node, source) in [(pad, NodeError::Path), (branch, NodeError::NotMinimal)] {
        let error = verify_value(keccak256(&node), b"", &[node]);
        assert_eq!(error, Err(ProofError::Node { index: 0, source }));
    }
}

#[test]
fn an_accounts_proof_covers_its_slots() {
    let (state, store) = (State::new(History::Archive), MemoryStore::new());
    let mut stage = Stage::new(&store);
    let mut diff = StateDiff::default();
    for n in 0..20 {
        let account = Some(PublicAccount { nonce: u64::from(n), ..PublicAccount::default() });
        let storage = (0..n).map(|n| (slot(n), U256::from(n) << 100)).collect();
        let change = AccountDiff { account, storage, ..AccountDiff::default() };
        diff.accounts.insert(address(n), change);
    }
    let root = state.commit(&mut stage, 0, &diff).unwrap();
    let latest = Latest::new(&stage);
    let proof = latest.prove(&address(9), &[slot(3), slot(200)]).unwrap();
    assert_eq!(verify_account_proof(root, &proof), Ok(()));
    assert_eq!(proof.storage_proofs[0].value, U256::from(3) << 100);

    let mut other = proof.clone();
    other.storage_proofs[0].value += U256::one();
    assert_eq!(verify_account_proof(root, &other), Err(ProofError::OtherValue));
    let mut other = proof.clone();
    other.address = address(8);
    assert!(verify_account_proof(root, &other).is_err());
    let mut other = proof.clone();
    other.account = None;
    assert!(verify_account_proof(root, &other).is_err());
    let mut other = proof;
    other.storage_proofs.swap(0, 1);
    let (first, second) = (other.storage_proofs[0].slot, other.storage_proofs[1].slot);
    other.storage_proofs[0].slot = second;
    other.storage_proofs[1].slot = first;
    assert!(verify_account_proof(root, &other).is_err());

    let absent = latest.prove(&address(77), &[slot(3)]).unwrap();
    assert_eq!((&absent.account, absent.storage_proofs[0].proof.len()), (&None, 0));
    assert_eq!(verify_account_proof(root, &absent), Ok(()));
    let without_storage = latest.prove(&address(0), &[slot(3)]).unwrap();
    assert_eq!(verify_account_proof(root, &without_storage), Ok(()));
}
