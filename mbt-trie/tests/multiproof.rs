//! A multiproof is the union of its keys' proofs, and nothing but the one union is accepted.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{SlowState, address, diff, slot};
use mbt_account::{EMPTY_ROOT, PublicAccount};
use mbt_crypto::{H256, U256, keccak256};
use mbt_trie::{
    AccountDiff, EthereumLayout, Historic, History, Latest, MemoryNodes, MemoryStore, MemoryTrie,
    ProofError, Stage, State, StateDiff, StateKeys, StateMultiproof, Trie as Embedded,
    verify_account_proof, verify_multiproof, verify_value,
};
use proptest::prelude::*;
use trie_db::{Recorder, Trie, TrieDBBuilder, TrieDBMutBuilder, TrieMut};

fn any_key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(0_u8..4, 0..4),
        prop::collection::vec(any::<u8>(), 1..3),
        (0_u16..500).prop_map(|n| keccak256(n.to_be_bytes()).0.to_vec()),
    ]
}

fn entries() -> impl Strategy<Value = BTreeMap<Vec<u8>, Vec<u8>>> {
    prop::collection::btree_map(any_key(), prop::collection::vec(any::<u8>(), 1..60), 1..60)
}

/// Keys of entries and others, in any order, some twice.
fn asked(entries: &BTreeMap<Vec<u8>, Vec<u8>>, picks: &[prop::sample::Index]) -> Vec<Vec<u8>> {
    let there: Vec<_> = entries.keys().cloned().collect();
    let pick = |pick: &prop::sample::Index| pick.get(&there).clone();
    picks.iter().map(pick).collect()
}

/// Every proof that differs from this one in one thing.
fn altered(
    proof: &[Vec<u8>],
    node: prop::sample::Index,
    at: prop::sample::Index,
) -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let mut all = Vec::new();
    let mut push = |what, change: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut other = proof.to_vec();
        change(&mut other);
        if other != proof {
            all.push((what, other));
        }
    };
    let node = node.index(proof.len());
    let at = at.index(proof[node].len());
    push("a bit is flipped", &|proof| proof[node][at] ^= 1 << (at % 8));
    push("a byte is behind a node", &|proof| proof[node].push(0));
    push("a node is missing", &|proof| drop(proof.remove(node)));
    push("a node is there twice", &|proof| proof.insert(node, proof[node].clone()));
    push("a node is unused", &|proof| proof.push(vec![0xc2, 0x20, 0x01]));
    push("an empty node", &|proof| proof.insert(node, vec![]));
    push("a node that was used is behind the end", &|proof| proof.push(proof[node].clone()));
    push("nodes are not in order", &|proof| proof.swap(node, 0));
    push("nodes are not in order", &|proof| proof.rotate_left(1));
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_multiproof_is_the_union_of_what_trie_db_records(
        entries in entries(),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
        absent in prop::collection::vec(any_key(), 0..10),
        node in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
    ) {
        let mut keys = asked(&entries, &picks);
        keys.extend(absent);
        let mut database = common::database();
        let mut root = EMPTY_ROOT.0;
        let mut writer =
            TrieDBMutBuilder::<EthereumLayout>::new(&mut database, &mut root).build();
        for (key, value) in &entries {
            writer.insert(key, value).unwrap();
        }
        drop(writer);
        let mut recorded = BTreeSet::new();
        for key in &keys {
            let mut recorder = Recorder::<EthereumLayout>::new();
            TrieDBBuilder::<EthereumLayout>::new(&database, &root)
                .with_recorder(&mut recorder)
                .build()
                .get(key)
                .unwrap();
            recorded.extend(recorder.drain().into_iter().map(|node| node.data));
        }
        let mut trie = MemoryTrie::new();
        trie.set(entries.clone());
        let proof = trie.prove_all(&keys);
        prop_assert_eq!(proof.iter().cloned().collect::<BTreeSet<_>>(), recorded);
        let expected: Vec<_> = keys.iter().map(|key| entries.get(key).cloned()).collect();
        prop_assert_eq!(verify_multiproof(H256(root), &keys, &proof), Ok(expected));

        let mut stored = Embedded::new(MemoryNodes::new());
        entries.iter().for_each(|(key, value)| stored.put(key, value));
        stored.commit().unwrap();
        stored.unload();
        prop_assert_eq!(&stored.prove_all(&keys).unwrap(), &proof);
        keys.reverse();
        prop_assert_eq!(&trie.prove_all(&keys), &proof, "the order of keys does not matter");

        if !proof.is_empty() {
            for (what, other) in altered(&proof, node, at) {
                prop_assert!(verify_multiproof(H256(root), &keys, &other).is_err(), "{}", what);
            }
        }
        for key in &keys {
            let one = verify_multiproof(H256(root), &[key], &trie.prove(key)).unwrap();
            prop_assert_eq!(verify_value(H256(root), key, &trie.prove(key)), Ok(one[0].clone()));
        }
    }

    #[test]
    fn the_verifier_survives_any_nodes(
        keys in prop::collection::vec(any_key(), 1..6),
        proof in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..70), 1..6),
    ) {
        prop_assert!(verify_multiproof(H256::zero(), &keys, &proof).is_err());
        verify_multiproof(keccak256(&proof[0]), &keys, &proof).ok();
    }

    #[test]
    fn a_states_multiproof_shows_accounts_and_slots_now_and_before(
        diffs in prop::collection::vec(diff(), 4),
        asked in prop::collection::btree_map(
            (0_u8..42).prop_map(address),
            prop::collection::btree_set((0_u8..13).prop_map(slot), 0..6),
            1..12,
        ),
        node in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
    ) {
        let (state, store) = (State::new(History::Archive), MemoryStore::new());
        let mut stage = Stage::new(&store);
        let (mut twin, mut twins) = (SlowState::default(), Vec::new());
        for (number, diff) in (0..).zip(&diffs) {
            state.commit(&mut stage, number, diff).unwrap();
            twins.push((twin.commit(diff), twin.clone()));
        }
        let head = diffs.len() as u64 - 1;
        for (number, (root, twin)) in (0..).zip(&twins) {
            let historic = Historic::new(&stage, head, number).unwrap();
            let proof = historic.prove_all(&asked).unwrap();
            if number == head {
                prop_assert_eq!(&Latest::new(&stage).prove_all(&asked).unwrap(), &proof);
            }
            let values = proof.verify(*root, &asked).unwrap();
            prop_assert_eq!(values.keys().collect::<Vec<_>>(), asked.keys().collect::<Vec<_>>());
            let mut union = BTreeSet::new();
            for (address, value) in values {
                prop_assert_eq!(value.account.as_ref(), twin.accounts.get(&address));
                let slots: Vec<_> = asked[&address].iter().copied().collect();
                prop_assert_eq!(value.slots.keys().copied().collect::<Vec<_>>(), slots.clone());
                for (slot, value) in value.slots {
                    prop_assert_eq!(value, twin.storage(&address, &slot));
                }
                let one = historic.prove(&address, &slots).unwrap();
                verify_account_proof(*root, &one).unwrap();
                union.extend(one.account_proof);
                union.extend(one.storage_proofs.into_iter().flat_map(|proof| proof.proof));
            }
            prop_assert_eq!(proof.nodes.len(), union.len(), "each node once");
            prop_assert_eq!(proof.nodes.iter().cloned().collect::<BTreeSet<_>>(), union);
            if !proof.nodes.is_empty() {
                for (what, nodes) in altered(&proof.nodes, node, at) {
                    let other = StateMultiproof { nodes };
                    prop_assert!(other.verify(*root, &asked).is_err(), "{}", what);
                }
            }
        }
    }
}

#[test]
fn equal_storage_of_two_accounts_is_listed_once() {
    let (state, store) = (State::new(History::Archive), MemoryStore::new());
    let change = AccountDiff {
        account: Some(PublicAccount::default()),
        storage: (0..50).map(|n| (slot(n), U256::from(n + 1))).collect(),
        ..AccountDiff::default()
    };
    let accounts = [1, 2].map(|n| (address(n), change.clone())).into();
    let mut stage = Stage::new(&store);
    let diff = StateDiff { accounts, ..StateDiff::default() };
    let root = state.commit(&mut stage, 0, &diff).unwrap();
    let asked = |accounts: &[u8]| -> StateKeys {
        accounts.iter().map(|n| (address(*n), [slot(3), slot(99)].into())).collect()
    };
    let latest = Latest::new(&stage);
    let (one, two) =
        (latest.prove_all(&asked(&[1])).unwrap(), latest.prove_all(&asked(&[1, 2])).unwrap());
    assert_eq!(two.nodes.len(), one.nodes.len() + 1, "one more leaf of an account");
    assert_eq!(two.verify(root, &asked(&[1, 2])).unwrap().len(), 2);
    assert!(one.verify(root, &asked(&[1, 2])).is_err());
    assert!(two.verify(root, &asked(&[1])).is_err());
    assert!(two.verify(root, &StateKeys::new()).is_err());
    assert_eq!(StateMultiproof::default().verify(root, &StateKeys::new()), Ok([].into()));
}

#[test]
fn an_empty_state_proves_every_absence_without_a_node() {
    let asked: StateKeys = [(address(1), [slot(1)].into())].into();
    let values = StateMultiproof::default().verify(EMPTY_ROOT, &asked).unwrap();
    assert_eq!(values[&address(1)].account, None);
    assert_eq!(values[&address(1)].slots[&slot(1)], U256::zero());
    let other = StateMultiproof { nodes: vec![vec![0x80]] };
    assert_eq!(other.verify(EMPTY_ROOT, &asked), Err(ProofError::TrailingNodes(1)));
}

#[test]
fn a_value_that_is_no_account_is_refused() {
    let mut trie = MemoryTrie::new();
    trie.set([(keccak256(address(1).0).0, vec![0xc0])]);
    let asked: StateKeys = [(address(1), [].into())].into();
    let nodes = trie.prove(&keccak256(address(1).0).0);
    let error = StateMultiproof { nodes }.verify(trie.root(), &asked);
    assert!(matches!(error, Err(ProofError::Value(_))));
}
