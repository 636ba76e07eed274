//! The door of `mbt-statetest`: its lines, its sums and its exit codes, on a case of
//! ethereum/tests that is kept in `data/`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of a test fail it by panicking")]

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};
use tempfile::TempDir;

fn run(args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mbt-statetest")).args(args).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// Returns the lines about cases, and the sums.
fn lines(output: &Output) -> (Vec<Value>, Value) {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    let mut lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let sums = lines.pop().unwrap();
    (lines, sums)
}

/// The case as it is given: it passes.
fn given() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/add11.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn write(folder: &TempDir, name: &str, content: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path
}

#[test]
fn a_passing_case_is_a_line_and_exits_with_0() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(&folder, "add11.json", &given().to_string());
    for args in [vec![file.as_os_str()], vec![OsStr::new("--engine=interpreter"), file.as_os_str()]]
    {
        let output = run(args);
        assert_eq!(code(&output), 0);
        let (cases, sums) = lines(&output);
        let expected = json!({
            "file": file.display().to_string(), "name": "add11_yml", "fork": "Cancun",
            "d": 0, "g": 0, "v": 0, "pass": true, "error": null,
        });
        assert_eq!(cases, [expected]);
        assert_eq!(sums, json!({ "passed": 1, "failed": 0, "skipped": {} }));
    }
}

#[test]
fn a_failing_case_says_why_and_exits_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = given();
    wrong["add11_yml"]["post"]["Cancun"][0]["hash"] = json!(format!("0x{}", "11".repeat(32)));
    write(&folder, "deep/down/wrong.json", &wrong.to_string());
    write(&folder, "right.json", &given().to_string());
    write(&folder, "readme.txt", "is not looked at in a folder");
    let output = run([folder.path()]);
    assert_eq!(code(&output), 1);
    let (cases, sums) = lines(&output);
    assert_eq!(sums, json!({ "passed": 1, "failed": 1, "skipped": {} }));
    let passed: Vec<_> = cases.iter().map(|case| case["pass"].as_bool().unwrap()).collect();
    assert_eq!(passed, [false, true], "files come in the order of their paths");
    let error = cases[0]["error"].as_str().unwrap();
    assert!(error.starts_with("state root 0x") && error.contains("0x1111"), "{error}");
}

#[test]
fn skipped_cases_are_counted_by_their_reason_and_are_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let mut other = given();
    let posts = other["add11_yml"]["post"]["Cancun"].take();
    other["add11_yml"]["post"] = json!({ "Osaka": posts });
    let file = write(&folder, "osaka.json", &other.to_string());
    let output = run([&file]);
    assert_eq!(code(&output), 0);
    let (cases, sums) = lines(&output);
    assert!(cases.is_empty(), "{cases:?}");
    let skipped = json!({ "the fork's rules are not there": 1 });
    assert_eq!(sums, json!({ "passed": 0, "failed": 0, "skipped": skipped }));
}

#[test]
fn a_file_that_is_no_test_fails() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(&folder, "torn.json", "{\"add11_yml\": {");
    let output = run([&file]);
    assert_eq!(code(&output), 1);
    let (cases, sums) = lines(&output);
    assert_eq!(cases[0]["pass"], false);
    assert!(cases[0]["error"].as_str().unwrap().starts_with("not a state test"), "{cases:?}");
    assert_eq!(sums, json!({ "passed": 0, "failed": 1, "skipped": {} }));
}

#[test]
fn a_path_that_is_not_there_is_told_on_stderr() {
    let output = run(["absent.json"]);
    assert_eq!(code(&output), 1);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("error: absent.json: "), "{said}");
    assert!(output.stdout.is_empty());
}

#[test]
fn wrong_usage_exits_with_2_and_engines_that_do_not_exist_are_told() {
    assert_eq!(code(&run(Vec::<String>::new())), 2);
    assert_eq!(code(&run(["--engine", "magic", "x.json"])), 2);
    for engine in ["native", "reference"] {
        let output = run(["--engine", engine, "x.json"]);
        assert_eq!(code(&output), 2);
        let said = String::from_utf8(output.stderr).unwrap();
        let words = format!("error: engine {engine} does not exist yet");
        assert!(said.starts_with(&words) && said.lines().count() == 1, "{said}");
        assert!(output.stdout.is_empty());
    }
}
