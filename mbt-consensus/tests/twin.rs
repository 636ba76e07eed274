//! Random trees of blocks, in random order, against a slow twin that chooses the head.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test fails by panicking, and shares its helpers"
)]

mod common;

use std::collections::BTreeMap;

use common::*;
use mbt_consensus::*;
use mbt_crypto::U256;
use mbt_trie::MemoryStore;
use proptest::prelude::*;

/// A tree as choices: each block's parent among the earlier ones, its delay and its miner.
type Shape = Vec<(prop::sample::Index, u64, u8)>;

struct Tree {
    /// In an order in which parents come first.
    blocks: Vec<Block>,
    /// The path from genesis to each block, by index.
    paths: Vec<Vec<usize>>,
}

fn grow(shape: &Shape) -> Tree {
    let mut tree = Tree { blocks: Vec::new(), paths: Vec::new() };
    for (parent, delay, miner) in shape {
        // One choice more than blocks: genesis.
        let parent = parent.index(tree.blocks.len() + 1);
        let mut path = parent.checked_sub(1).map_or(Vec::new(), |p| tree.paths[p].clone());
        let ancestors: Vec<_> = path.iter().map(|index| tree.blocks[*index].clone()).collect();
        let mut chain = chain_of(&ancestors);
        let sent = ancestors.iter().flat_map(|block| &block.transactions);
        let nonce = sent.filter(|t| t.sender() == key(*miner).address()).count() as u64;
        let payment = transfer(*miner, nonce, key(9).address(), u64::from(*miner));
        let mut block = mine(&mut chain, *miner, *delay, [payment]);
        // Equal choices would give equal blocks.
        block.header.extra_data = tree.blocks.len().to_be_bytes().to_vec();
        seal_block(&mut block);
        path.push(tree.blocks.len());
        tree.blocks.push(block);
        tree.paths.push(path);
    }
    tree
}

/// The greatest work of a block all of whose path is in `here`.
fn twins_choice(tree: &Tree, here: &[bool]) -> U256 {
    let work = |index: &usize| seal::nominal_work(tree.blocks[*index].header.target);
    let start = seal::nominal_work(genesis().header.target);
    let complete = tree.paths.iter().filter(|path| path.iter().all(|index| here[*index]));
    complete
        .map(|path| path.iter().map(work).fold(start, |sum, work| sum + work))
        .fold(start, U256::max)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn the_head_is_always_the_complete_block_with_the_most_work(
        shape in prop::collection::vec((any::<prop::sample::Index>(), 0_u64..5, 1_u8..5), 1..14),
        order in prop::collection::vec(any::<u32>(), 14),
        headers_first: bool,
    ) {
        let tree = grow(&shape);
        let now = START + 1_000;
        let store = MemoryStore::default();
        let mut chain = open(store.clone());
        let mut sequence: Vec<usize> = (0..tree.blocks.len()).collect();
        if headers_first {
            for block in &tree.blocks {
                chain.import_headers(now, std::slice::from_ref(&block.header)).unwrap();
            }
            sequence.sort_by_key(|index| order[*index]);
        }
        let mut here = vec![false; tree.blocks.len()];
        for index in sequence {
            let before = chain.head().id;
            let block = tree.blocks[index].clone();
            let outcome = chain.import(now, block, mbt_trie::Durability::Deferred).unwrap();
            here[index] = true;
            prop_assert_eq!(chain.head().total_work, twins_choice(&tree, &here));
            let moved = matches!(outcome, Imported::Head(_));
            prop_assert_eq!(moved, chain.head().id != before);
        }
        let by_id: BTreeMap<_, _> =
            tree.blocks.iter().enumerate().map(|(n, block)| (block.header.id(), n)).collect();
        let path = &tree.paths[by_id[&chain.head().id]];
        let alone: Vec<_> = path.iter().map(|index| tree.blocks[*index].clone()).collect();
        let fresh = chain_of(&alone);
        for n in [1, 2, 3, 4, 9] {
            let address = key(n).address();
            prop_assert_eq!(balance(&chain, &address), balance(&fresh, &address));
        }
        let head = chain.head().clone();
        drop(chain);
        let mut resumed = open(store);
        prop_assert_eq!(resumed.head(), &head);
        let next = mine(&mut resumed, 1, 2, []);
        prop_assert!(matches!(take(&mut resumed, &next), Imported::Head(_)));
    }
}
