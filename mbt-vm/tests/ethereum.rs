//! A short choice of ethereum/tests; `mbt-statetest` runs all of them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

use std::path::{Path, PathBuf};

use mbt_vm::conformance::{Engine, Verdict, run_state_tests};

const FOLDERS: [&str; 8] = [
    "stExample",
    "stSelfBalance",
    "stSStoreTest",
    "stEIP1559",
    "stEIP2930",
    "stCreate2",
    "stRevertTest",
    "Shanghai",
];

fn vectors() -> PathBuf {
    std::env::var_os("MBT_VECTORS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors"),
        PathBuf::from,
    )
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
}

#[test]
#[allow(clippy::print_stderr, reason = "says why the vectors were not run")]
fn state_tests_pass() {
    let root = vectors().join("ethereum/GeneralStateTests");
    if !root.is_dir() {
        eprintln!("ignored: {} is not there; set MBT_VECTORS", root.display());
        return;
    }
    let mut paths = Vec::new();
    for folder in FOLDERS {
        files(&root.join(folder), &mut paths);
    }
    let mut passed = 0;
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        for case in run_state_tests(&text, Engine::Interpreter).unwrap() {
            match case.verdict {
                Verdict::Passed => passed += 1,
                Verdict::Skipped(_) => {}
                Verdict::Failed(_) => panic!("{}: {case:?}", path.display()),
            }
        }
    }
    assert!(passed > 100, "{passed} cases passed");
}
