//! What the program says and returns when it cannot do what it was asked, and what it leaves behind.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of a test fail it by panicking, and tell what they measured"
)]

mod program;

use std::{fs, net::TcpListener, path::Path, process::Command};

use mbt_account::{Kind, Transaction};
use mbt_crypto::{Address, SecretKey};
use mbt_examples::storage::DataFolder;
use mbt_vm::development;
use program::{Running, clean, free_address, output, program};
use serde_json::json;

/// Asserts that a program ended with a code and one sentence.
fn assert_refused(args: &[&str], code: i32, words: &[&str]) {
    let output = output(args);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    let last = said.lines().last().unwrap_or_default();
    assert!(last.starts_with("error: "), "{args:?}: {said}");
    for word in words {
        assert!(last.contains(word), "{args:?} does not tell {word:?}: {said}");
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_port_in_use_is_told_with_code_6() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let free = free_address().to_string();
    let in_use = [address.as_str(), "in use"];
    let run = ["run", "--dev", "--rpc-listen"];
    assert_refused(&[&run[..], &[&address, "--metrics-listen", &free]].concat(), 6, &in_use);
    assert_refused(&[&run[..], &[&free, "--metrics-listen", &address]].concat(), 6, &in_use);
}

#[test]
fn a_locked_data_folder_is_told_with_code_4() {
    let folder = tempfile::tempdir().unwrap();
    let _lock = DataFolder::lock(folder.path()).unwrap();
    let data = text(folder.path());
    assert_refused(&["run", "--dev", "--data", data], 4, &[data, "in use"]);
    assert_refused(&["init", "--dev", "--data", data], 4, &[data, "in use"]);
}

#[test]
fn another_chain_in_the_data_folder_is_told_with_code_5() {
    let folder = tempfile::tempdir().unwrap();
    let data = text(folder.path());
    assert!(output(["init", "--dev", "--data", data]).status.success());
    let other = folder.path().join("other.json");
    fs::write(&other, r#"{ "chainId": 31337, "timestamp": 1 }"#).unwrap();
    let genesis = format!("chain.genesis={}", text(&other));
    let args = ["run", "--dev", "--data", data, "--set", &genesis];
    assert_refused(&args, 5, &[data, "genesis", "0x"]);
}

#[test]
fn a_wrong_setting_is_told_with_code_3() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("node.toml");
    fs::write(&file, "[rpc]\nlisten = 5\n").unwrap();
    assert_refused(&["config", "check", "--config", text(&file)], 3, &["rpc.listen = 5"]);
    fs::write(&file, "[rcp]\n").unwrap();
    assert_refused(&["config", "check", "--config", text(&file)], 3, &["no setting rcp"]);
    assert_refused(&["config", "check", "--config", "absent.toml"], 3, &["absent.toml"]);
    assert_refused(&["run", "--dev", "--set", "mining.enabled=true"], 3, &["mining.miner"]);
    assert_refused(&["run"], 3, &["chain.genesis"]);
    let genesis = folder.path().join("genesis.json");
    fs::write(&genesis, "{}").unwrap();
    let setting = format!("chain.genesis={}", text(&genesis));
    assert_refused(&["run", "--dev", "--set", &setting], 3, &["genesis.json", "chainId"]);
}

#[test]
fn a_wrong_command_is_told_with_code_2() {
    assert_eq!(output(["runn"]).status.code(), Some(2));
    assert_eq!(output(["run", "--block-time", "1"]).status.code(), Some(2));
}

#[test]
fn settings_are_shown_as_they_are_in_the_end() {
    let mut command = program();
    command.env("MBT_RPC_FILTERS_MAX", "77");
    let output = command.args(["config", "show", "--dev", "--set", "log.filter=warn"]).output();
    let shown: toml::Table = String::from_utf8(output.unwrap().stdout).unwrap().parse().unwrap();
    assert_eq!(shown["rpc"]["filters_max"].as_integer(), Some(77));
    assert_eq!(shown["log"]["filter"].as_str(), Some("warn"));
    assert_eq!(shown["chain"]["network"].as_str(), Some("development"));
}

#[test]
fn a_development_node_stops_when_asked_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let rpc = free_address();
    let mut command = program();
    command.current_dir(folder.path()).args(["run", "--dev", "-q", "--block-time", "1"]);
    command.args(["--rpc-listen", &rpc.to_string(), "--metrics-listen", "127.0.0.1:0"]);
    let mut node = Running::spawn(command, rpc);
    node.await_answer();
    node.await_height(2);
    assert_eq!(node.interrupt(), Some(0));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn json_rpc_answers_soon_after_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut told = Vec::new();
    for data in [vec![], vec!["--data", text(folder.path())]] {
        let rpc = free_address();
        let mut command = program();
        command.args(["run", "--dev", "-q", "--rpc-listen", &rpc.to_string()]).args(data);
        command.args(["--metrics-listen", "127.0.0.1:0"]);
        let mut node = Running::spawn(command, rpc);
        told.push(node.await_answer());
        assert_eq!(node.call("eth_chainId", &json!([])), Some(json!("0x7a69")));
        assert_eq!(node.interrupt(), Some(0));
    }
    println!("first answer after {:?} in memory, {:?} with a data folder", told[0], told[1]);
}

#[test]
fn transactions_without_a_chain_id_are_taken_when_the_operator_says_so() {
    let rpc = free_address();
    let mut command = program();
    command.args(["run", "--dev", "-q", "--block-time", "1", "--allow-unprotected-txs"]);
    command.args(["--rpc-listen", &rpc.to_string(), "--metrics-listen", "127.0.0.1:0"]);
    let mut node = Running::spawn(command, rpc);
    node.await_answer();
    let key = SecretKey::from_bytes(development::ACCOUNTS[0].private_key).unwrap();
    let transaction = Transaction {
        kind: Kind::Legacy { chain_id: None, gas_price: 100_000_000_000_u64.into() },
        nonce: 0,
        gas_limit: 21_000,
        to: Some(Address::from_low_u64(0x77)),
        value: 1.into(),
        input: Vec::new(),
    };
    let raw = format!("0x{}", hex::encode(transaction.sign(&key).encode()));
    let hash = node.call("eth_sendRawTransaction", &json!([raw])).unwrap();
    node.await_height(2);
    let receipt = node.call("eth_getTransactionReceipt", &json!([hash])).unwrap();
    assert_eq!(receipt["status"], "0x1");
}

#[test]
fn an_exported_chain_is_imported_and_a_torn_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let rpc = free_address();
    let mut command = program();
    command.args(["run", "--dev", "-q", "--block-time", "1", "--data", text(&first)]);
    command.args(["--rpc-listen", &rpc.to_string(), "--metrics-listen", "127.0.0.1:0"]);
    let mut node = Running::spawn(command, rpc);
    node.await_answer();
    node.await_height(3);
    assert_eq!(node.interrupt(), Some(0));

    let file = folder.path().join("chain.rlp");
    let settings = ["--dev", "--set", "chain.interval_s=1", "-q", "--data"];
    let exported = output([&["export"], &settings[..], &[text(&first), text(&file)]].concat());
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    fs::create_dir(&second).unwrap();
    fs::copy(first.join("genesis.json"), second.join("genesis.json")).unwrap();
    let import = [&["import"], &settings[..], &[text(&second), text(&file)]].concat();
    let imported = output(&import);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let told = String::from_utf8(imported.stdout).unwrap();
    let count = String::from_utf8(exported.stdout).unwrap().replace("exported ", "");
    assert!(told.contains(count.trim()), "{told}: {count}");

    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
    assert_refused(&import, 1, &["chain.rlp"]);
    let stats = output(["db", "stats", "--dev", "--data", text(&second)]);
    assert!(String::from_utf8(stats.stdout).unwrap().contains("chain-headers"));
}

#[test]
fn a_store_is_checked_moved_and_begun_from_a_state() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let rpc = free_address();
    let mut command = program();
    command.args(["run", "--dev", "-q", "--block-time", "1", "--data", text(&first)]);
    command.args(["--rpc-listen", &rpc.to_string(), "--metrics-listen", "127.0.0.1:0"]);
    let mut node = Running::spawn(command, rpc);
    node.await_answer();
    node.await_height(3);
    assert_eq!(node.interrupt(), Some(0));

    let settings = ["--dev", "--set", "chain.interval_s=1", "-q"];
    let run = |args: &[&str], data: &Path| {
        let output = output([args, &settings[..], &["--data", text(data)]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), String::from_utf8(output.stdout).unwrap() + &said)
    };
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let (code, checked) = run(&["db", "verify", "--json"], &first);
    assert_eq!(code, Some(0), "{checked}");
    assert_eq!(json(&checked)["faults"], 0);
    let (_, sizes) = run(&["db", "stats", "--json"], &first);
    assert_eq!(json(&sizes)["engine"], "redb");

    // To another engine and to be run there.
    let (code, said) = run(&["db", "migrate", "--to", "fjall"], &first);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("storage.engine = \"fjall\""), "{said}");
    let (code, said) = run(&["db", "migrate", "--to", "fjall"], &first);
    assert!(code == Some(1) && said.contains("holds data already"), "{said}");
    let moved = ["db", "verify", "--json", "--set", "storage.engine=fjall"];
    let (code, again) = run(&moved, &first);
    assert_eq!((code, &again), (Some(0), &checked));

    // A node that begins at the head.
    let file = folder.path().join("head.state");
    let (code, said) = run(&["export", "--state", text(&file)], &first);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(&["import", "--state", text(&file)], &second);
    assert!(code == Some(3) && said.contains("genesis.json"), "{said}");
    fs::copy(first.join("genesis.json"), second.join("genesis.json")).unwrap();
    let bytes = fs::read(&file).unwrap();
    let torn = folder.path().join("torn.state");
    fs::write(&torn, &bytes[..bytes.len() - 1]).unwrap();
    let (code, said) = run(&["import", "--state", text(&torn)], &second);
    assert!(code == Some(1) && said.contains("torn.state"), "{said}");
    let (code, said) = run(&["db", "verify"], &second);
    assert!(code == Some(1) && said.contains("was not finished"), "{said}");
    let (code, said) = run(&["import", "--state", text(&file)], &second);
    assert_eq!(code, Some(0), "{said}");
    let (code, verified) = run(&["db", "verify", "--json"], &second);
    assert_eq!(code, Some(0), "{verified}");
    assert_eq!(json(&verified)["head"], json(&checked)["head"]);
    let height = json(&verified)["head"]["number"].as_u64().unwrap();
    let rpc = free_address();
    let mut command = program();
    command.args(["run", "--dev", "-q", "--block-time", "1", "--data", text(&second)]);
    command.args(["--rpc-listen", &rpc.to_string(), "--metrics-listen", "127.0.0.1:0"]);
    let mut node = Running::spawn(command, rpc);
    node.await_answer();
    node.await_height(height + 2);
    assert_eq!(node.interrupt(), Some(0));
    let (code, verified) = run(&["db", "verify"], &second);
    assert_eq!(code, Some(0), "{verified}");
    let file = folder.path().join("again.state");
    let (code, said) = run(&["export", "--state", text(&file)], &second);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_generated_key_is_its_owners_only_and_is_never_replaced() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("miner.key");
    let made = output(["key", "generate", text(&file)]);
    assert!(made.status.success());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(output(["key", "inspect", text(&file)]).stdout, made.stdout);
    assert_refused(&["key", "generate", text(&file)], 1, &["miner.key"]);
}

#[test]
fn a_broken_data_folder_is_told_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let data = text(folder.path());
    assert!(output(["init", "--dev", "--data", data]).status.success());
    let files = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
    let chain = files.max_by_key(|file| fs::metadata(file).unwrap().len()).unwrap();
    let whole = fs::read(&chain).unwrap();
    let (garbage, torn) = (vec![0x5a; whole.len()], whole[..whole.len() / 2].to_vec());
    for broken in [garbage, torn, b"short".to_vec()] {
        fs::write(&chain, &broken).unwrap();
        for command in ["run", "init"] {
            assert_refused(&[command, "--dev", "--data", data], 1, &[text(&chain)]);
        }
        assert!(fs::read(&chain).unwrap() == broken, "the file was changed");
    }
    fs::write(&chain, whole).unwrap();
    let genesis = folder.path().join("genesis.json");
    fs::write(&genesis, "{ \"chainId\": ").unwrap();
    assert_refused(&["run", "--dev", "--data", data], 3, &[text(&genesis), "JSON"]);
}

#[test]
fn a_local_network_says_what_it_cannot_do() {
    let localnet = |args: &[&str]| {
        let output = clean(Command::new(env!("CARGO_BIN_EXE_mbt-localnet"))).args(args).output();
        let output = output.unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(localnet(&["--leagues", "1"]).0, 2);
    assert_eq!(localnet(&["--public-nodes", "0"]).0, 2);
    let (code, said) = localnet(&["-qq", "--base-port", "65535"]);
    assert_eq!((code, said.as_str()), (2, "error: base port 65535 is too high\n"));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let (code, said) = localnet(&["-qq", "--public-nodes", "1", "--base-port", &port.to_string()]);
    assert_eq!(code, 6, "{said}");
    assert!(said.contains(&format!("127.0.0.1:{port} is in use")), "{said}");
}
