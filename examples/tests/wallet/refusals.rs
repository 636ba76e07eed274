//! What the wallet refuses, and how it says so: the word or field at fault, no secret, the code.

use std::{io::Write, process::Stdio};

use crate::cli::{Cli, text};

const WORDS: &str = "test test test test test test test test test test test junk";

fn imported(wallet: &Cli, kind: &str, secret: &str) -> String {
    let file = wallet.file("secret", secret);
    wallet.refused(&["keys", "import", "x", kind, text(&file), "--kdf", "minimal"], 1)
}

#[test]
fn secrets_that_are_none_are_named_by_their_place_and_never_shown() {
    let wallet = Cli::new();
    let unknown = imported(&wallet, "mnemonic", &WORDS.replacen("test junk", "tset junk", 1));
    assert!(unknown.contains("word 11") && !unknown.contains("tset"), "{unknown}");
    let order = imported(&wallet, "mnemonic", &WORDS.replacen("test junk", "junk test", 1));
    assert!(order.contains("do not fit together"), "{order}");
    let count = imported(&wallet, "mnemonic", "test test junk");
    assert!(count.contains("3 words"), "{count}");
    let zero = imported(&wallet, "key", &"0".repeat(64));
    assert!(zero.starts_with("error: "), "{zero}");
    let short = imported(&wallet, "key", "c0ffee");
    assert!(short.contains("64 hex digits") && !short.contains("c0ffee"), "{short}");
    let keystore = imported(&wallet, "keystore", "{\"version\": 3}");
    assert!(keystore.contains("crypto"), "{keystore}");
    assert!(wallet.json(&["keys", "list"]).as_array().unwrap().is_empty());
}

#[test]
fn addresses_and_amounts_are_read_strictly() {
    let wallet = Cli::new();
    wallet.json(&["keys", "new", "me", "--kdf", "minimal"]);
    let right = wallet.json(&["keys", "list", "--chain", "local"])[0]["address"]
        .as_str()
        .unwrap()
        .to_owned();
    let slip = right.replacen(&right[5..6], if &right[5..6] == "x" { "y" } else { "x" }, 1);
    let error = wallet.refused(&["transfer", "me", &slip, "1"], 2);
    assert!(error.contains(&slip), "{error}");
    // The same account as it is written where coin has value.
    let rpc = ["--chain-id", "5063252", "--rpc", "http://127.0.0.1:1"];
    wallet.json(&[&["chains", "add", "main"][..], &rpc].concat());
    let main = &wallet.json(&["keys", "list", "--chain", "main"])[0]["address"];
    let error = wallet.refused(&["accounts", "show", main.as_str().unwrap()], 2);
    assert!(error.contains("main network"), "{error}");
    // Without a unit a fee would be in MBTC for a unit of gas.
    for fee in ["--max-fee", "--priority-fee"] {
        let error = wallet.refused(&["transfer", "me", "me", "1", fee, "30"], 2);
        assert!(error.contains("unit is missing"), "{error}");
    }
    for amount in ["1e18", "1,5", "0.0000000000000000001", "1 ether"] {
        let error = wallet.refused(&["transfer", "me", "me", amount], 2);
        assert!(error.contains("invalid value"), "{amount}: {error}");
    }
}

#[test]
fn nothing_is_signed_unseen() {
    let wallet = Cli::new();
    wallet.json(&["keys", "new", "me", "--kdf", "minimal"]);
    let offline = ["--offline", "--nonce", "0", "--gas-limit", "21000"];
    let fees = ["--max-fee", "2 gwei", "--priority-fee", "1 gwei"];
    let transfer = [&["transfer", "me", "me", "1.5 MBTC"][..], &offline, &fees].concat();
    // Without a terminal and without --yes nobody has looked at it.
    let shown = wallet.refused(&transfer, 1);
    assert!(shown.contains("amount    1.5 MBTC") && shown.contains("--yes"), "{shown}");

    wallet.json(&["chains", "add", "eth", "--chain-id", "1", "--rpc", "http://127.0.0.1:1"]);
    let foreign = [&transfer[..], &["--chain", "eth", "--yes"]].concat();
    let error = wallet.refused(&foreign, 2);
    assert!(error.contains("--allow-foreign-chain"), "{error}");
    wallet.json(&[&transfer[..], &["--chain", "eth", "--allow-foreign-chain"]].concat());
}

#[test]
fn a_wrong_password_opens_nothing() {
    let wallet = Cli::new();
    wallet.json(&["keys", "new", "me", "--kdf", "minimal"]);
    let mut command = wallet.command(&["sign", "message", "me", "x", "--yes"]);
    let output = command.env("MBT_WALLET_PASSWORD", "wrong").output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("wrong password") && !error.contains("\"wrong\""), "{error}");

    // Passwords are read from the input where there is no variable.
    let mut child = wallet
        .command(&["sign", "message", "me", "x", "--yes"])
        .env_remove("MBT_WALLET_PASSWORD")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{}", crate::cli::PASSWORD).unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
}

#[test]
fn a_node_that_is_not_there_or_of_another_chain_is_named() {
    let wallet = Cli::new();
    wallet.json(&["keys", "new", "me", "--kdf", "minimal"]);
    wallet.json(&["chains", "add", "off", "--chain-id", "31337", "--rpc", "http://127.0.0.1:1"]);
    let error = wallet.refused(&["accounts", "show", "me", "--chain", "off"], 1);
    assert!(error.contains("http://127.0.0.1:1"), "{error}");
    let error = wallet.refused(&["accounts", "show", "me", "--chain", "nowhere"], 2);
    assert!(error.contains("no chain nowhere"), "{error}");
}
