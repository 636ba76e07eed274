//! Networks on this machine: the local network in this process with a clock of its own, the same as
//! a program, and nodes that are processes of their own.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of a test fail it by panicking, and tell what they measured"
)]

mod program;

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use mbt_consensus::SealedHeader;
use mbt_examples::{
    client::call,
    clock::{ChainClock, ShiftedClock},
    localnet::{Localnet, LocalnetConfig},
    service::Service,
};
use program::{Pair, Running, agree, clean, number};
use serde_json::{Value, json};

/// Longest that anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(120);

async fn await_height(node: &Service, height: u64) {
    let wait = async {
        while node.handle().head().number < height {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap();
}

fn header_at(node: &Service, number: u64) -> SealedHeader {
    node.handle().reader().snapshot().unwrap().header_at(number).unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_stopped_for_an_hour_resumes_with_its_normal_interval() {
    let folder = tempfile::tempdir().unwrap();
    let config =
        LocalnetConfig { public_nodes: 2, data: Some(folder.path().to_owned()), base_port: 0 };
    let wall = Arc::new(ShiftedClock::default());
    let localnet = Localnet::start(&config, ChainClock::new(wall.clone())).await.unwrap();
    await_height(&localnet.nodes()[0], 3).await;
    localnet.stop().await;

    wall.advance_s(3600);
    let localnet = Localnet::start(&config, ChainClock::new(wall)).await.unwrap();
    let node = &localnet.nodes()[0];
    let last = node.handle().head();
    assert!(last.number >= 3, "the chain is kept");
    await_height(node, last.number + 3).await;
    let pause = header_at(node, last.number + 1).timestamp - last.timestamp;
    assert!(pause < 120, "chain time jumped by {pause} s");
    let (before, after) = (last.target, header_at(node, last.number + 3).target);
    assert!(after / 2 < before, "the target collapsed from {before} to {after}");
    localnet.stop().await;
}

/// The program with three nodes, and where each serves JSON-RPC.
struct Program {
    process: Running,
    nodes: Vec<SocketAddr>,
    ready: Value,
}

impl Program {
    fn start() -> Self {
        let mut command = clean(Command::new(env!("CARGO_BIN_EXE_mbt-localnet")));
        command.args(["--json", "-qq", "--base-port", "0"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let address = |node: &Value| {
            let http = node["http"].as_str().unwrap();
            http.strip_prefix("http://").unwrap().parse().unwrap()
        };
        let nodes: Vec<SocketAddr> =
            ready["public"].as_array().unwrap().iter().map(address).collect();
        Self { process: Running { child, rpc: nodes[0] }, nodes, ready }
    }

    fn block(&self, node: usize, at: &str) -> Value {
        call(self.nodes[node], "eth_getBlockByNumber", &json!([at, false])).unwrap()
    }

    fn heights(&self) -> Vec<u64> {
        (0..self.nodes.len()).map(|node| number(&self.block(node, "latest")["number"])).collect()
    }

    /// Tells whether all nodes have the same block at a height, with the same state.
    fn agree_at(&self, height: u64) -> bool {
        let at = format!("{height:#x}");
        let seen = |node| {
            let block = self.block(node, &at);
            (block["hash"].clone(), block["stateRoot"].clone())
        };
        (1..self.nodes.len()).all(|node| seen(node) == seen(0))
    }
}

#[test]
fn three_nodes_agree_on_every_head_and_state_root_within_two_intervals() {
    let program = Program::start();
    assert_eq!(program.nodes.len(), 3);
    let ready = &program.ready;
    assert_eq!((&ready["ready"], &ready["leagues"]), (&json!(true), &json!([])));
    assert_eq!(ready["accounts"].as_array().unwrap().len(), 10);
    let begun = Instant::now();
    let (mut agreed, mut longest) = (0, Duration::ZERO);
    for height in 1..=6 {
        while program.heights().into_iter().max() < Some(height) {
            assert!(begun.elapsed() < PATIENCE, "block {height} is not mined");
            thread::sleep(Duration::from_millis(20));
        }
        let seen = Instant::now();
        // In blocks, not seconds: two behind any head, all nodes must be of one mind.
        loop {
            let lowest = program.heights().into_iter().min().unwrap();
            if lowest >= height && program.agree_at(height) {
                agreed += 1;
                longest = longest.max(seen.elapsed());
                break;
            }
            if lowest >= height + 2 {
                println!("block {height} is still disputed at height {lowest}");
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "nodes stay apart at block {height}");
            thread::sleep(Duration::from_millis(20));
        }
    }
    println!("{agreed} of 6 heads agreed on, the slowest after {longest:?}");
    // Three miners may find two blocks each at once, but not again and again.
    assert!(agreed >= 5, "only {agreed} of 6 heads were agreed on within two blocks");
    assert_eq!(program.process.interrupt(), Some(0));
}

#[test]
fn separate_processes_of_a_network_that_slept_go_on_from_its_last_block() {
    const SLEPT_S: u64 = 10 * 3600;
    let folder = tempfile::tempdir().unwrap();
    let pair = Pair::new(folder.path());
    let first = pair.age(SLEPT_S);
    let ((left, _), (right, _)) = (pair.start(0), pair.start(1));
    left.await_height(8);
    agree(&left, &right);
    for node in [left, right] {
        let block = node.call("eth_getBlockByNumber", &json!(["0x5", false])).unwrap();
        let passed = number(&block["timestamp"]) - first;
        assert!(passed < SLEPT_S / 10, "chain time went on by {passed} s");
        assert_eq!(node.interrupt(), Some(0));
    }
}
