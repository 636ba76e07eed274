//! A node that is killed while it mines and imports comes back with every block it announced.
//!
//! `MBT_CRASH_ROUNDS` says how often it is killed; 5 without it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of a test fail it by panicking, and tell what they measured"
)]

mod program;

use std::{
    thread,
    time::{Duration, Instant},
};

use program::{MINERS, Pair, Running, agree};
use serde_json::{Value, json};

/// Longest that a restart may take.
const RESTART: Duration = Duration::from_secs(5);

/// Blocks that are looked for after each restart.
const REMEMBERED: usize = 200;

fn rounds() -> u64 {
    std::env::var("MBT_CRASH_ROUNDS").map_or(5, |rounds| rounds.parse().unwrap())
}

/// Remembers the head of `node` if the node that is killed mined it: it was announced, or it is
/// told by a node that heard of it.
fn remember(node: &Running, announced: &mut Vec<Value>) {
    let Some(head) = node.head() else { return };
    if head["miner"] == MINERS[0] && !announced.iter().any(|id| *id == head["hash"]) {
        announced.push(head["hash"].clone());
        if announced.len() > REMEMBERED {
            announced.remove(0);
        }
    }
}

#[test]
fn a_killed_node_restarts_soon_and_has_lost_no_announced_block() {
    let folder = tempfile::tempdir().unwrap();
    let pair = Pair::new(folder.path());
    let (witness, _) = pair.start(1);
    let (mut node, _) = pair.start(0);
    let (mut announced, mut mined, mut longest) = (Vec::new(), 0, Duration::ZERO);
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut random = seed;
    for round in 0..rounds() {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let lifetime = Duration::from_millis(300 + (random >> 33) % 2_500);
        let begun = Instant::now();
        while begun.elapsed() < lifetime {
            remember(&node, &mut announced);
            remember(&witness, &mut announced);
            thread::sleep(Duration::from_millis(20));
        }
        node.child.kill().unwrap();
        node.child.wait().unwrap();
        // What was announced in the last moment.
        remember(&witness, &mut announced);
        let took;
        (node, took) = pair.start(0);
        longest = longest.max(took);
        assert!(took < RESTART, "round {round}: restart took {took:?}");
        for id in &announced {
            let block = node.call("eth_getBlockByHash", &json!([id, false]));
            assert!(block.is_some_and(|block| block.is_object()), "round {round}: {id} is lost");
        }
        mined = mined.max(announced.len());
    }
    assert!(mined > 0, "the killed node mined nothing, so nothing was tested");
    let height = node.height().max(witness.height());
    node.await_height(height + 2);
    agree(&node, &witness);
    println!("rounds {}, longest restart {longest:?}, height {}", rounds(), node.height());
}
