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
    net::SocketAddr,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use program::{PATIENCE, Running, free_address, number, output, program};
use serde_json::{Value, json};

/// Who is paid by the node that is killed, and by the one that is not.
const MINERS: [&str; 2] =
    ["0x00000000000000000000000000000000000000aa", "0x00000000000000000000000000000000000000bb"];

/// Longest that a restart may take.
const RESTART: Duration = Duration::from_secs(5);

/// Blocks that are looked for after each restart.
const REMEMBERED: usize = 200;

/// A network of two mining nodes: blocks come several times a second.
struct Setup<'a> {
    folder: &'a Path,
    p2p: [SocketAddr; 2],
    rpc: [SocketAddr; 2],
}

impl Setup<'_> {
    fn data(&self, index: usize) -> String {
        self.folder.join(index.to_string()).to_str().unwrap().to_owned()
    }

    fn command(&self, index: usize) -> Command {
        let multiaddress = |at: SocketAddr| format!("/ip4/{}/tcp/{}", at.ip(), at.port());
        let genesis = format!("chain.genesis={}/genesis.json", self.data(0));
        let mut command = program();
        command.args(["run", "-qq", "--data", &self.data(index), "--set", &genesis]);
        command.args(["--set", "chain.network=development", "--set", "chain.interval_s=1"]);
        command.args(["--mine", MINERS[index], "--set", "mining.threads=1"]);
        command.args(["--set", "mining.hashrate_max=20000"]);
        command.args(["--p2p-listen", &multiaddress(self.p2p[index])]);
        command.args(["--peer", &multiaddress(self.p2p[1 - index])]);
        command.args(["--rpc-listen", &self.rpc[index].to_string()]);
        command.args(["--metrics-listen", "127.0.0.1:0"]);
        command
    }

    fn start(&self, index: usize) -> (Running, Duration) {
        let mut node = Running::spawn(self.command(index), self.rpc[index]);
        let took = node.await_answer();
        (node, took)
    }
}

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
    let setup = Setup {
        folder: folder.path(),
        p2p: [free_address(), free_address()],
        rpc: [free_address(), free_address()],
    };
    let data = setup.data(0);
    let init = ["init", "--dev", "--set", "chain.interval_s=1", "--hashrate", "8000", "--data"];
    assert!(output(init.into_iter().chain([data.as_str()])).status.success());
    let (witness, _) = setup.start(1);
    let (mut node, _) = setup.start(0);
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
        (node, took) = setup.start(0);
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

/// Waits until both nodes have the same block three below their heads.
fn agree(left: &Running, right: &Running) {
    let begun = Instant::now();
    loop {
        let height = left.height().min(right.height()).saturating_sub(3);
        let at = json!([format!("{height:#x}"), false]);
        let id = |node: &Running| {
            node.call("eth_getBlockByNumber", &at).map(|block| block["hash"].clone())
        };
        if number(&json!(format!("{height:#x}"))) > 0 && id(left) == id(right) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "the nodes do not agree");
        thread::sleep(Duration::from_millis(100));
    }
}
