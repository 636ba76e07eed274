//! The mountain range agrees with a slow twin that holds all leaves.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use mbt_account::codec::Decode;
use mbt_crypto::{H256, U256, keccak256};
use mbt_trie::{AncestorProof, MerkleMountainRange, MmrError, MmrNode};
use proptest::prelude::*;

fn leaf(height: u64) -> MmrNode {
    let id = keccak256(height.to_be_bytes());
    let work = U256::from(height % 7 + 1) << 64;
    MmrNode::leaf(id, work, height, 1_000 + 3 * height, U256::MAX >> (height % 5))
}

/// Node of a perfect tree, by definition.
fn slow_tree(leaves: &[MmrNode]) -> MmrNode {
    match leaves {
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len() / 2);
            slow_join(&slow_tree(left), &slow_tree(right))
        }
    }
}

fn slow_join(left: &MmrNode, right: &MmrNode) -> MmrNode {
    let bytes = [&b"MBT-MMR-NODE-1"[..], &rlp::encode(left), &rlp::encode(right)].concat();
    MmrNode {
        hash: keccak256(bytes),
        work: left.work + right.work,
        first_height: left.first_height,
        last_height: right.last_height,
        first_time: left.first_time,
        last_time: right.last_time,
        first_target: left.first_target,
        last_target: right.last_target,
    }
}

fn slow_root(leaves: &[MmrNode]) -> H256 {
    let (mut rest, mut peaks) = (leaves, Vec::new());
    while !rest.is_empty() {
        let size = 1_usize << rest.len().ilog2();
        peaks.push(slow_tree(&rest[..size]));
        rest = &rest[size..];
    }
    let whole = peaks.into_iter().rev().reduce(|right, left| slow_join(&left, &right));
    let whole = whole.map(|whole| rlp::encode(&whole).to_vec()).unwrap_or_default();
    let count = (leaves.len() as u64).to_be_bytes();
    keccak256([&b"MBT-MMR-ROOT-1"[..], &count, &whole].concat())
}

/// Nodes as a chain keeps them: by level and the place of the last leaf.
#[derive(Default)]
struct Nodes(BTreeMap<(u32, u64), MmrNode>);

impl Nodes {
    fn source(&self) -> impl Fn(u32, u64) -> Result<Option<MmrNode>, MmrError> {
        |level, index| {
            let last = MerkleMountainRange::last_leaf(level, index).unwrap();
            Ok(self.0.get(&(level, last)).copied())
        }
    }
}

fn range(first: u64, count: u64) -> (Vec<MmrNode>, Nodes, Vec<MerkleMountainRange>) {
    let leaves: Vec<_> = (first..first + count).map(leaf).collect();
    let mut nodes = Nodes::default();
    let mut ranges = vec![MerkleMountainRange::new()];
    for (place, leaf) in (0..).zip(&leaves) {
        let mut range = ranges.last().unwrap().clone();
        for (level, node) in (0..).zip(range.append(*leaf).unwrap()) {
            assert!(nodes.0.insert((level, place), node).is_none());
        }
        ranges.push(range);
    }
    (leaves, nodes, ranges)
}

#[test]
fn roots_are_the_slow_twins() {
    let (leaves, nodes, ranges) = range(5, 130);
    for (count, range) in ranges.iter().enumerate() {
        assert_eq!(range.root().unwrap(), slow_root(&leaves[..count]), "{count} leaves");
        assert_eq!(range.peaks().len(), count.count_ones() as usize);
        let restored = MerkleMountainRange::restore(count as u64, nodes.source()).unwrap();
        assert_eq!(&restored, range);
    }
    let whole = ranges.last().unwrap().whole().unwrap().unwrap();
    let work = leaves.iter().fold(U256::zero(), |sum, leaf| sum + leaf.work);
    assert_eq!((whole.work, whole.first_height, whole.last_height), (work, 5, 134));
}

#[test]
fn every_leaf_of_every_range_is_proved() {
    let (leaves, nodes, ranges) = range(0, 40);
    for (count, range) in (0..).zip(&ranges) {
        let root = range.root().unwrap();
        for index in 0..count {
            let proof = AncestorProof::new(count, index, nodes.source()).unwrap();
            assert_eq!(proof.leaf, leaves[usize::try_from(index).unwrap()]);
            assert_eq!(proof.verify(root), Ok(range.whole().unwrap().unwrap()));
            assert_eq!(AncestorProof::decode(&rlp::encode(&proof)), Ok(proof));
        }
        let error = AncestorProof::new(count, count, nodes.source());
        assert_eq!(error, Err(MmrError::NoSuchLeaf { index: count, count }));
    }
}

#[test]
fn leaves_that_are_not_next_are_refused_and_change_nothing() {
    let (_, _, ranges) = range(0, 11);
    let mut range = ranges[11].clone();
    for height in [0, 10, 12, 1 << 60] {
        assert_eq!(range.append(leaf(height)), Err(MmrError::NotNext { last: 10, found: height }));
    }
    let wide = MmrNode { first_height: 11, last_height: 12, ..leaf(11) };
    assert_eq!(range.append(wide), Err(MmrError::WrongSpan { expected: 1, found: 2 }));
    let heavy = MmrNode { work: U256::MAX, ..leaf(11) };
    assert_eq!(range.append(heavy), Err(MmrError::Overflow));
    assert_eq!(range, ranges[11]);
}

#[test]
fn a_missing_node_is_named() {
    let (_, mut nodes, _) = range(0, 11);
    nodes.0.remove(&(3, 7));
    let error = MerkleMountainRange::restore(11, nodes.source());
    assert_eq!(error, Err(MmrError::MissingNode { level: 3, index: 0 }));
}

#[test]
fn places_beyond_64_bits_do_not_exist() {
    assert_eq!(MerkleMountainRange::last_leaf(0, 5), Some(5));
    assert_eq!(MerkleMountainRange::last_leaf(3, 1), Some(15));
    assert_eq!(MerkleMountainRange::last_leaf(63, 2), None);
    assert_eq!(MerkleMountainRange::last_leaf(64, 0), None);
    let proof = AncestorProof { count: u64::MAX, index: 0, leaf: leaf(0), nodes: vec![] };
    assert!(matches!(proof.verify(H256::zero()), Err(MmrError::WrongLength { .. })));
}

fn change(node: &mut MmrNode, field: usize) {
    match field {
        0 => node.hash.0[0] ^= 1,
        1 => node.work += U256::one(),
        2 => node.first_height ^= 1,
        3 => node.last_height ^= 1,
        4 => node.first_time += 1,
        5 => node.last_time += 1,
        6 => node.first_target ^= U256::one(),
        _ => node.last_target ^= U256::one(),
    }
}

proptest! {
    #[test]
    fn a_proof_with_any_change_is_refused(
        count in 1_u64..40,
        pick in any::<prop::sample::Index>(),
        node in any::<prop::sample::Index>(),
        field in 0_usize..8,
    ) {
        let (_, nodes, ranges) = range(0, count);
        let root = ranges.last().unwrap().root().unwrap();
        let index = pick.index(usize::try_from(count).unwrap()) as u64;
        let proof = AncestorProof::new(count, index, nodes.source()).unwrap();

        let mut other = proof.clone();
        change(&mut other.leaf, field);
        prop_assert!(other.verify(root).is_err(), "the leaf's field {}", field);
        if !proof.nodes.is_empty() {
            let node = node.index(proof.nodes.len());
            let mut other = proof.clone();
            change(&mut other.nodes[node], field);
            prop_assert!(other.verify(root).is_err(), "a node's field {}", field);
            let mut other = proof.clone();
            other.nodes.remove(node);
            prop_assert!(other.verify(root).is_err(), "a node left out");
        }
        let mut other = proof.clone();
        other.nodes.push(proof.leaf);
        prop_assert!(other.verify(root).is_err(), "a node too many");
        for (count, index) in [(count + 1, index), (count - 1, index), (count, index ^ 1)] {
            let other = AncestorProof { count, index, ..proof.clone() };
            prop_assert!(other.verify(root).is_err(), "leaf {} of {}", index, count);
        }
        prop_assert!(proof.verify(H256::zero()).is_err());
    }

    #[test]
    fn decoders_survive_any_bytes_and_are_undone(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        at in any::<prop::sample::Index>(),
        byte: u8,
    ) {
        MmrNode::decode(&bytes).ok();
        AncestorProof::decode(&bytes).ok();
        let mut bytes = rlp::encode(&leaf(300)).to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(node) = MmrNode::decode(&bytes) {
            prop_assert_eq!(rlp::encode(&node).to_vec(), bytes);
        }
    }
}
