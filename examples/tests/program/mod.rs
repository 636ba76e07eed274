//! The real program as a child process.
#![allow(dead_code, reason = "each test file uses some of it")]

use std::{
    ffi::OsStr,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
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

/// Reads a quantity.
pub(crate) fn number(value: &Value) -> u64 {
    let digits = value.as_str().unwrap_or_default().trim_start_matches("0x");
    u64::from_str_radix(digits, 16).unwrap_or_default()
}
