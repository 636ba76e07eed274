//! The real program as a child process.
#![allow(dead_code, reason = "each test file uses some of it")]

use std::{
    ffi::OsStr,
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use mbt_examples::client::call;
use serde_json::{Value, json};

/// Longest that anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Returns the node's program, without variables that would configure it.
pub(crate) fn program() -> Command {
    clean(Command::new(NODE))
}

/// The node's program.
pub(crate) const NODE: &str = env!("CARGO_BIN_EXE_mbt-public-node");

/// Takes away what would configure a program.
pub(crate) fn clean(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MBT_") {
            command.env_remove(name);
        }
    }
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// Asks for a page as monitors do, and returns the status and the text.
pub(crate) fn page(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// Runs the program to its end.
pub(crate) fn output(args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
    program().args(args).output().unwrap()
}

/// Returns an address that nobody listens on.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A running program, killed when it is dropped.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) rpc: SocketAddr,
}

impl Running {
    pub(crate) fn spawn(mut command: Command, rpc: SocketAddr) -> Self {
        let child = command.stdout(Stdio::null()).spawn().unwrap();
        Self { child, rpc }
    }

    pub(crate) fn call(&self, method: &str, params: &Value) -> Option<Value> {
        call(self.rpc, method, params).ok()
    }

    /// Waits for the first answer, and returns how long it took.
    pub(crate) fn await_answer(&mut self) -> Duration {
        let begun = Instant::now();
        while self.call("eth_chainId", &json!([])).is_none() {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the program ended: {status}");
            }
            assert!(begun.elapsed() < PATIENCE, "no answer");
            thread::sleep(Duration::from_millis(20));
        }
        begun.elapsed()
    }

    /// Returns the head as JSON-RPC shows it.
    pub(crate) fn head(&self) -> Option<Value> {
        self.call("eth_getBlockByNumber", &json!(["latest", false]))
    }

    pub(crate) fn height(&self) -> u64 {
        self.head().map_or(0, |head| number(&head["number"]))
    }

    pub(crate) fn await_height(&self, height: u64) {
        let begun = Instant::now();
        while self.height() < height {
            assert!(begun.elapsed() < PATIENCE, "height {height} is not reached");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Asks the program to stop, as Ctrl-C does, and returns its exit code.
    pub(crate) fn interrupt(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Who is paid by the nodes of a [`Pair`].
pub(crate) const MINERS: [&str; 2] =
    ["0x00000000000000000000000000000000000000aa", "0x00000000000000000000000000000000000000bb"];

/// A development network of two mining nodes, each a process: a block a second.
pub(crate) struct Pair<'a> {
    folder: &'a Path,
    p2p: [SocketAddr; 2],
    rpc: [SocketAddr; 2],
}

impl<'a> Pair<'a> {
    /// Prepares the network in a folder: its first block is of now.
    pub(crate) fn new(folder: &'a Path) -> Self {
        let new = folder.join("new");
        let init = ["init", "--dev", "--set", "chain.interval_s=1", "--hashrate", "8000", "--data"];
        assert!(output(init.into_iter().chain([new.to_str().unwrap()])).status.success());
        fs::rename(new.join("genesis.json"), folder.join("genesis.json")).unwrap();
        let free = || [free_address(), free_address()];
        Self { folder, p2p: free(), rpc: free() }
    }

    /// Changes the time of the first block, and returns it.
    pub(crate) fn age(&self, seconds: u64) -> u64 {
        let file = self.folder.join("genesis.json");
        let mut genesis: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let timestamp = genesis["timestamp"].as_u64().unwrap() - seconds;
        genesis["timestamp"] = json!(timestamp);
        fs::write(file, genesis.to_string()).unwrap();
        timestamp
    }

    fn command(&self, index: usize) -> Command {
        let multiaddress = |at: SocketAddr| format!("/ip4/{}/tcp/{}", at.ip(), at.port());
        let data = self.folder.join(index.to_string());
        let genesis = format!("chain.genesis={}/genesis.json", self.folder.display());
        let mut command = program();
        command.args(["run", "-qq", "--data", data.to_str().unwrap(), "--set", &genesis]);
        command.args(["--set", "chain.network=development", "--set", "chain.interval_s=1"]);
        command.args(["--mine", MINERS[index], "--set", "mining.threads=1"]);
        command.args(["--set", "mining.hashrate_max=20000"]);
        command.args(["--p2p-listen", &multiaddress(self.p2p[index])]);
        command.args(["--peer", &multiaddress(self.p2p[1 - index])]);
        command.args(["--rpc-listen", &self.rpc[index].to_string()]);
        command.args(["--metrics-listen", "127.0.0.1:0"]);
        command
    }

    /// Starts a node, and returns how long its first answer took.
    pub(crate) fn start(&self, index: usize) -> (Running, Duration) {
        let mut node = Running::spawn(self.command(index), self.rpc[index]);
        let took = node.await_answer();
        (node, took)
    }
}

/// Waits until both nodes have the same block three below their heads.
pub(crate) fn agree(left: &Running, right: &Running) {
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

/// Reads a quantity.
pub(crate) fn number(value: &Value) -> u64 {
    let digits = value.as_str().unwrap_or_default().trim_start_matches("0x");
    u64::from_str_radix(digits, 16).unwrap_or_default()
}
