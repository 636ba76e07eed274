//! The wallet's program, and a network for it.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// The password of every key here.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A wallet in a folder of its own.
pub(crate) struct Cli {
    folder: TempDir,
}

impl Cli {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    /// Returns a path beside the wallet's own files.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file beside the wallet's own.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Prepares a command with the password in the variable.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mbt-wallet"));
        command
            .args(args)
            .env("MBT_WALLET_HOME", self.folder.path().join("home"))
            .env("MBT_WALLET_PASSWORD", PASSWORD)
            .env_remove("MBT_WALLET_CHAIN")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command without being asked anything.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs a command that must succeed, and returns its JSON.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--json", "--yes"]].concat());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {errors}");
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{args:?}: {error}: {output:?}"))
    }

    /// Runs a command that must fail with a code, and returns what it says.
    pub(crate) fn refused(&self, args: &[&str], code: i32) -> String {
        let output = self.run(args);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {errors}");
        assert!(output.stdout.is_empty(), "{args:?}: {output:?}");
        errors
    }
}

/// Returns a path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A network on loopback, stopped when it is dropped.
pub(crate) struct Localnet {
    child: Child,
    pub(crate) ready: Value,
}

impl Localnet {
    pub(crate) fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mbt-localnet"))
            .args(["--json", "--public-nodes", "1", "--base-port", "0", "-q"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap();
        Self { child, ready }
    }
}

impl Drop for Localnet {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
