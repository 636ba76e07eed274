//! What an operator's tools ask a node, and what the operator tells it: `/health`, `/ready` with
//! its reasons, and the word on a branch that is too deep for the node to take by itself.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of a test fail it by panicking")]

mod program;

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use mbt_account::{Kind, Transaction};
use mbt_consensus::{Block, BlockId, BuildRequest, Imported, seal};
use mbt_crypto::{Address, SecretKey, U256};
use mbt_examples::{
    client::{ClientError, call},
    clock::{ChainClock, ShiftedClock},
    config::{Config, Engine},
    node::NodeHandle,
    service::{DevelopmentGenesis, Opened, Sealing},
};
use mbt_trie::Durability;
use mbt_vm::development;
use program::{NODE, PATIENCE, Running, clean, free_address, output, page, program};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Depth of the deepest reorganisation that a node takes by itself.
const DEPTH_MAX: u64 = 64;

/// Returns a development network's first block, `age_s` old, whose followers cost no work.
fn genesis(age_s: u64) -> DevelopmentGenesis {
    let timestamp = ChainClock::system().now() - age_s;
    DevelopmentGenesis { timestamp, target: U256::MAX, gas_limit: 0 }
}

/// Returns the settings of a node alone: in `data`, or in memory.
fn alone(data: Option<&Path>) -> Config {
    let mut config = Config::development();
    config.rpc.listen.set_port(0);
    config.metrics.listen.set_port(0);
    if let Some(data) = data {
        config.data = data.to_owned();
        config.storage.engine = Engine::Redb;
    }
    config
}

/// Makes a block two seconds behind the head.
async fn mine(node: &NodeHandle, miner: u64) {
    let request = BuildRequest {
        timestamp: node.head().timestamp + 2,
        miner: Address::from_low_u64(miner),
        ..BuildRequest::default()
    };
    let mut block = node.build(request).await.unwrap();
    let target = seal::effective_target(&block.header);
    block.header.nonce = seal::search(block.header.seal_hash(), target, 0..u64::MAX).unwrap();
    node.import_mined(block).await.unwrap();
}

/// Returns all blocks behind the first.
fn blocks(node: &NodeHandle) -> Vec<Block> {
    let snapshot = node.reader().snapshot().unwrap();
    let block = |number| {
        let id = snapshot.id_at(number).unwrap().unwrap();
        snapshot.block(&id).unwrap().unwrap()
    };
    (1..=snapshot.head().number).map(block).collect()
}

/// A data folder whose node stands on one branch and keeps a heavier one out for its depth.
struct Forked {
    folder: TempDir,
    refused: BlockId,
}

impl Forked {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = genesis(2 * (DEPTH_MAX + 2));
        let open = |data| Opened::open(alone(data), &made, ChainClock::system()).unwrap();
        let (own, other) = (open(Some(folder.path())), open(None));
        for _ in 0..=DEPTH_MAX {
            mine(own.handle(), 1).await;
            mine(other.handle(), 2).await;
        }
        mine(other.handle(), 2).await;
        for block in blocks(other.handle()) {
            let imported = own.handle().import(block, Durability::Durable).await.unwrap();
            assert_eq!(imported, Imported::Side);
        }
        let refused = other.handle().head().id;
        assert_eq!(own.handle().refused_reorg().map(|branch| branch.id), Some(refused));
        Self { folder, refused }
    }

    fn data(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    /// Starts a node over the folder that makes no blocks and serves these methods.
    fn run(&self, namespaces: &str) -> (Running, SocketAddr) {
        let (rpc, metrics) = (free_address(), free_address());
        let mut command = program();
        command.args(["run", "-qq", "--data", self.data()]);
        for setting in ["chain.network=development", "network.enabled=false"] {
            command.args(["--set", setting]);
        }
        command.args(["--set", &format!("rpc.namespaces={namespaces}")]);
        command.args(["--rpc-listen", &rpc.to_string(), "--metrics-listen", &metrics.to_string()]);
        let mut node = Running::spawn(command, rpc);
        node.await_answer();
        (node, metrics)
    }

    fn assert_ready_only_without_a_refused_branch(&self, node: &Running, metrics: SocketAddr) {
        let waits = format!(
            "a reorganisation deeper than {DEPTH_MAX} blocks to block {} ({}) waits for the \
             operator\n",
            DEPTH_MAX + 2,
            self.refused
        );
        assert_eq!(page(metrics, "/ready"), (503, waits));
        assert_eq!(page(metrics, "/health"), (200, "ok\n".to_owned()));
        assert!(page(metrics, "/metrics").1.contains("\nmbt_reorg_refused 1\n"));
        assert_ne!(node.head().unwrap()["hash"], self.hash());
    }

    fn assert_taken(&self, node: &Running, metrics: SocketAddr) {
        assert_eq!(node.head().unwrap()["hash"], self.hash());
        assert_eq!(page(metrics, "/ready"), (200, "ready\n".to_owned()));
        assert!(page(metrics, "/metrics").1.contains("\nmbt_reorg_refused 0\n"));
    }

    fn hash(&self) -> Value {
        json!(self.refused.to_string())
    }

    /// Runs `reorg accept`.
    fn accept(&self, block: &str, rpc: SocketAddr) -> (Option<i32>, String, String) {
        let rpc = format!("rpc.listen={rpc}");
        let settings = ["--dev", "-q", "--data", self.data(), "--set", &rpc];
        let output = output([&["reorg", "accept", block][..], &settings].concat());
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }
}

fn taken() -> String {
    let adopted = DEPTH_MAX + 2;
    format!("branch taken: {} blocks left the chain, {adopted} joined it\n", DEPTH_MAX + 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_branch_is_taken_in_the_folder_of_a_node_that_does_not_run() {
    let forked = Forked::new().await;
    let nobody = free_address();
    let (code, _, said) = forked.accept("0x12", nobody);
    assert_eq!((code, said.as_str()), (Some(2), "error: \"0x12\" is not a block's hash\n"));
    let unknown = format!("0x{}", "12".repeat(32));
    let (code, _, said) = forked.accept(&unknown, nobody);
    assert_eq!(code, Some(1));
    assert!(said.starts_with("error: ") && said.contains(&unknown), "{said}");

    let (code, told, said) = forked.accept(&forked.refused.to_string(), nobody);
    assert_eq!((code, told), (Some(0), taken()), "{said}");
    let config = alone(Some(forked.folder.path()));
    let opened = Opened::open(config, &genesis(0), ChainClock::system()).unwrap();
    assert_eq!(opened.handle().head().id, forked.refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_branch_is_taken_through_the_node_that_runs() {
    let forked = Forked::new().await;
    let (node, metrics) = forked.run("eth,admin");
    forked.assert_ready_only_without_a_refused_branch(&node, metrics);
    let (code, told, said) = forked.accept(&forked.refused.to_string(), node.rpc);
    assert_eq!((code, told), (Some(0), taken()), "{said}");
    forked.assert_taken(&node, metrics);
    assert_eq!(node.interrupt(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_branch_is_taken_by_a_call_of_the_admin_namespace_only() {
    let forked = Forked::new().await;
    let (node, _) = forked.run("eth,mbt");
    let (code, _, said) = forked.accept(&forked.refused.to_string(), node.rpc);
    assert_eq!(code, Some(1));
    assert!(said.contains("\"admin\" in rpc.namespaces"), "{said}");
    assert_eq!(node.interrupt(), Some(0));

    let (node, metrics) = forked.run("eth,mbt,admin");
    forked.assert_ready_only_without_a_refused_branch(&node, metrics);
    let refused = node.call("mbt_refusedReorg", &json!([])).unwrap();
    assert_eq!(refused["hash"], forked.hash());
    let unknown = format!("0x{}", "12".repeat(32));
    let error = call(node.rpc, "admin_acceptReorg", &json!([unknown])).unwrap_err();
    assert!(matches!(error, ClientError::Refused { code: -32000, .. }), "{error}");
    let change = node.call("admin_acceptReorg", &json!([forked.hash()])).unwrap();
    let ids = |field: &str| change[field].as_array().unwrap().clone();
    let depth = usize::try_from(DEPTH_MAX).unwrap();
    assert_eq!((ids("retired").len(), ids("adopted").len()), (depth + 1, depth + 2));
    assert_eq!(ids("adopted").last(), Some(&forked.hash()));
    forked.assert_taken(&node, metrics);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_without_blocks_for_twenty_intervals_is_stalled_and_lives() {
    let wall = Arc::new(ShiftedClock::default());
    let clock = ChainClock::new(wall.clone());
    let opened = Opened::open(alone(None), &genesis(0), clock).unwrap();
    let service = opened.start(Sealing::Configured).await.unwrap();
    let metrics = service.metrics_address().unwrap();
    let ask = |path: &'static str| async move {
        tokio::task::spawn_blocking(move || page(metrics, path)).await.unwrap()
    };
    assert_eq!(ask("/ready").await, (200, "ready\n".to_owned()));
    wall.advance_s(41);
    let (status, reason) = ask("/ready").await;
    assert_eq!(status, 503);
    assert!(reason.starts_with("stalled: no block for 4"), "{reason}");
    assert_eq!(ask("/health").await, (200, "ok\n".to_owned()));
    let handle = service.handle();
    let now = BuildRequest { timestamp: handle.now(), ..BuildRequest::default() };
    let mut block = handle.build(now).await.unwrap();
    let target = seal::effective_target(&block.header);
    block.header.nonce = seal::search(block.header.seal_hash(), target, 0..u64::MAX).unwrap();
    handle.import_mined(block).await.unwrap();
    assert_eq!(ask("/ready").await, (200, "ready\n".to_owned()));
    assert_eq!(ask("/nothing").await.0, 404);
    service.stop().await;
}

/// Returns a transaction with as much data as the pool takes, so that a disk fills soon.
fn long_transaction(nonce: u64) -> String {
    let key = SecretKey::from_bytes(development::ACCOUNTS[0].private_key).unwrap();
    let gwei = U256::from(1_000_000_000);
    let kind = Kind::Legacy { chain_id: Some(31_337), gas_price: gwei * 100 };
    let (to, value) = (Some(Address::from_low_u64(0x77)), U256::zero());
    let input = (0..100_000_u32).map(|at| at.wrapping_mul(at).to_le_bytes()[1] | 1).collect();
    let transaction = Transaction { kind, nonce, gas_limit: 2_000_000, to, value, input };
    format!("0x{}", hex::encode(transaction.sign(&key).encode()))
}

fn wait<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// A node in `data` whose files may not grow above a bound, as on a full disk.
fn run_bounded(data: &Path, bound: &str) -> (Running, SocketAddr) {
    let (rpc, metrics) = (free_address(), free_address());
    let mut command = clean(Command::new("bash"));
    command.args(["-c", "trap '' XFSZ; ulimit -f $0; exec \"$@\"", bound, NODE]);
    command.args(["run", "--dev", "-qq", "--block-time", "1", "--data", data.to_str().unwrap()]);
    command.args(["--rpc-listen", &rpc.to_string(), "--metrics-listen", &metrics.to_string()]);
    let mut node = Running::spawn(command, rpc);
    node.await_answer();
    (node, metrics)
}

#[test]
fn a_full_disk_is_told_and_a_restart_with_room_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let data: PathBuf = folder.path().join("node");
    let init = ["init", "--dev", "--set", "chain.interval_s=1", "--hashrate", "1", "--data"];
    assert!(output(init.into_iter().chain([data.to_str().unwrap()])).status.success());
    let largest = fs::read_dir(&data).unwrap().map(|file| file.unwrap().metadata().unwrap().len());
    let bound = largest.max().unwrap() / 1024 + 1024;
    let (node, metrics) = run_bounded(&data, &bound.to_string());
    assert_eq!(page(metrics, "/ready"), (200, "ready\n".to_owned()));
    let mut nonce = 0;
    let reason = wait("the disk is full", || {
        for _ in 0..10 {
            let raw = json!([long_transaction(nonce)]);
            if node.call("eth_sendRawTransaction", &raw).is_some() {
                nonce += 1;
            }
        }
        let (status, reason) = page(metrics, "/ready");
        (status == 503).then_some(reason)
    });
    assert!(reason.starts_with("the chain cannot be written: "), "{reason}");
    assert_eq!(page(metrics, "/health"), (200, "ok\n".to_owned()));
    let height = node.height();
    drop(node);

    let (node, metrics) = run_bounded(&data, "unlimited");
    assert!(node.height() >= height, "{} blocks of {height} are there", node.height());
    node.await_height(height + 1);
    assert_eq!(page(metrics, "/ready"), (200, "ready\n".to_owned()));
}
