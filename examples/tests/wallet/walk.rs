//! Create, fund, transfer, deploy, call, sign, verify, export, import elsewhere.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::{Value, json};

use crate::cli::{Cli, Localnet, PASSWORD, text};

const NOTEBOOK: &str = "contracts/artifacts/Notebook.json";

fn field<'a>(json: &'a Value, name: &str) -> &'a str {
    json[name].as_str().unwrap_or_else(|| panic!("no {name} in {json}"))
}

#[test]
fn a_person_uses_one_account_from_its_making_to_another_wallet() {
    let network = Localnet::start();
    let public = &network.ready["public"][0];
    let wallet = Cli::new();
    wallet.json(&["chains", "add", "net", "--chain-id", "31337", "--rpc", field(public, "http")]);
    wallet.json(&["chains", "use", "net"]);

    // Keys: a new one, and one of the funded accounts.
    let alice = wallet.json(&["keys", "new", "alice", "--kdf", "minimal"]);
    let words = field(&alice, "mnemonic").to_owned();
    assert_eq!(words.split(' ').count(), 12);
    let funded = &network.ready["accounts"][0];
    let key = wallet.file("funded.key", field(funded, "private_key"));
    let bank = wallet.json(&["keys", "import", "bank", "key", text(&key), "--kdf", "minimal"]);
    assert_eq!(bank["address"], funded["address"]);

    // Fund, in either form of the address and by name.
    let paid = wallet.json(&["transfer", "bank", field(&alice, "address"), "1.5 MBTC"]);
    assert_eq!(paid["status"], "0x1");
    wallet.json(&["transfer", "bank", field(&alice, "hex"), "0.25"]);
    wallet.json(&["transfer", "bank", "alice", "250000000 gwei"]);
    let record = wallet.json(&["accounts", "show", "alice"]);
    assert_eq!(record["balance"], "0x1bc16d674ec80000", "exactly 2 MBTC");
    assert_eq!(record["nonce"], "0x0");

    // A contract: created, called, read.
    let made = wallet.json(&["deploy", "alice", NOTEBOOK]);
    let notebook = field(&made, "contractAddress").to_owned();
    let called = wallet.json(&["call", "alice", &notebook, "write(uint256)", "42"]);
    assert_eq!(called["logs"].as_array().map(Vec::len), Some(1));
    let read = wallet.json(&["read", &notebook, "pages(address)(uint256)", "alice"]);
    assert_eq!(read["results"], json!(["42"]));

    // Offline: signed without a node, sent later.
    let raw = wallet.path("raw.txt");
    let offline = ["--offline", "--nonce", "2", "--gas-limit", "21000"];
    let fees = ["--max-fee", "30 gwei", "--priority-fee", "1 gwei", "--out", text(&raw)];
    let signed =
        wallet.json(&[&["transfer", "alice", "bank", "1 wei"][..], &offline, &fees].concat());
    let sent = wallet.json(&["broadcast", &format!("@{}", text(&raw))]);
    assert_eq!(sent["transactionHash"], signed["hash"]);
    let receipt = wallet.json(&["receipt", field(&signed, "hash")]);
    assert_eq!(receipt, sent);
    let history = wallet.json(&["history", "alice"]);
    let states: Vec<_> = history.as_array().unwrap().iter().map(|sent| &sent["status"]).collect();
    assert_eq!(states, ["ok"; 3]);

    // Signatures: of a message and of a document, by one and by nobody else.
    let signature = wallet.json(&["sign", "message", "alice", "hello"]);
    let signature = field(&signature, "signature");
    wallet.json(&["verify", "message", "alice", "hello", signature]);
    let error = wallet.refused(&["verify", "message", "bank", "hello", signature], 1);
    assert!(error.contains("not by"), "{error}");
    let mail = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/mail.json");
    // The document is for chain 1, where the same key may hold coin.
    let foreign = wallet.refused(&["sign", "typed", "alice", mail, "--yes"], 2);
    assert!(
        foreign.contains("chain id 1") && foreign.contains("--allow-foreign-chain"),
        "{foreign}"
    );
    let shown = wallet.refused(&["sign", "typed", "alice", mail, "--allow-foreign-chain"], 1);
    for part in ["\"Ether Mail\"", "of version \"1\"", "on chain 1", "Hello, Bob!"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let signature = wallet.json(&["sign", "typed", "alice", mail, "--allow-foreign-chain"]);
    // The digest that EIP-712 itself gives for this document.
    let digest = "0xbe609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2";
    assert_eq!(signature["hash"], digest);
    wallet.json(&["verify", "typed", "alice", mail, field(&signature, "signature")]);

    // Export, and the same account elsewhere: by words and by keystore.
    let (phrase, keystore) = (wallet.path("alice.words"), wallet.path("alice.json"));
    wallet.json(&["keys", "export", "alice", "mnemonic", text(&phrase)]);
    wallet.json(&["keys", "export", "alice", "keystore", text(&keystore)]);
    assert_eq!(fs::read_to_string(&phrase).unwrap().trim(), words);
    for file in [&phrase, &keystore] {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let elsewhere = Cli::new();
    for (name, kind, file) in [("w", "mnemonic", &phrase), ("k", "keystore", &keystore)] {
        let moved = elsewhere.json(&["keys", "import", name, kind, text(file), "--kdf", "minimal"]);
        assert_eq!(moved["hex"], alice["hex"], "{kind}");
    }
    let second = elsewhere.json(&["keys", "derive", "w", "w2", "--index", "1", "--kdf", "minimal"]);
    assert_eq!(second["path"], "m/44'/60'/0'/0/1");
    assert_ne!(second["hex"], alice["hex"]);

    // A file for the account, opened by the wallet it moved to.
    let secret = wallet.file("secret.txt", "what was bought");
    let sealed = wallet.path("secret.sealed");
    wallet.json(&["encrypt", field(&alice, "public_key"), text(&secret), text(&sealed)]);
    let opened = elsewhere.path("opened.txt");
    elsewhere.json(&["decrypt", "k", text(&sealed), text(&opened)]);
    assert_eq!(fs::read_to_string(&opened).unwrap(), "what was bought");

    wallet.json(&["keys", "remove", "alice"]);
    let left = wallet.json(&["keys", "list"]);
    assert_eq!(left.as_array().map(Vec::len), Some(1));
    let home = fs::read_to_string(wallet.path("home/accounts/bank.json")).unwrap();
    assert!(!home.contains(PASSWORD) && !home.contains(&field(funded, "private_key")[2..]));
}

#[test]
fn the_same_account_is_used_on_several_chains() {
    let wallet = Cli::new();
    let test = wallet.json(&["keys", "new", "me", "--kdf", "minimal"]);
    assert!(field(&test, "address").starts_with('t'));
    let add = |name: &str, id: &str| {
        wallet.json(&["chains", "add", name, "--chain-id", id, "--rpc", "http://127.0.0.1:1"]);
    };
    add("main", "5063252");
    // The first league under the public chain.
    add("league", &(5_063_252_u64 << 28 | 1).to_string());
    for name in ["main", "league"] {
        let keys = wallet.json(&["keys", "list", "--chain", name]);
        assert!(field(&keys[0], "address").starts_with('M'), "{name}");
        assert_eq!(keys[0]["hex"], test["hex"], "{name}");
    }
    // A signature is for one chain alone.
    let offline = |chain: &str| {
        let fees = ["--max-fee", "2 gwei", "--priority-fee", "1 gwei", "--gas-limit", "21000"];
        let to = [&["transfer", "me", "me", "1 wei", "--offline", "--nonce", "0"][..], &fees];
        wallet.json(&[&to.concat()[..], &["--chain", chain]].concat())
    };
    let raw = offline("league");
    assert_ne!(raw["raw"], offline("main")["raw"]);
    let error = wallet.refused(&["broadcast", "--chain", "main", field(&raw, "raw")], 2);
    assert!(error.contains("signed for chain"), "{error}");
}
