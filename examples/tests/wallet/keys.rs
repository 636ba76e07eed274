//! What becomes of secrets: passphrases, passwords, files.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Stdio,
};

use crate::cli::{Cli, PASSWORD, text};

const WORDS: &str = "test test test test test test test test test test test junk";

fn import<'a>(name: &'a str, words: &'a Path) -> [&'a str; 7] {
    ["keys", "import", name, "mnemonic", text(words), "--kdf", "minimal"]
}

#[test]
fn a_passphrase_gives_another_account_and_is_kept_nowhere() {
    let wallet = Cli::new();
    let words = wallet.file("words", WORDS);
    let bare = wallet.json(&import("bare", &words));
    assert_eq!(bare["hex"], "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");

    // From the variable and from a file, never by itself.
    let mut command =
        wallet.command(&[&import("guarded", &words)[..], &["--passphrase", "--json"]].concat());
    let made = command.env("MBT_WALLET_PASSPHRASE", "TREZOR").output().unwrap();
    let guarded: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_ne!(guarded["hex"], bare["hex"]);
    assert_eq!(guarded["passphrase"], true);
    let phrase = wallet.file("phrase", "TREZOR\n");
    let same = ["--passphrase", "--passphrase-file", text(&phrase)];
    let again = wallet.json(&[&import("again", &words)[..], &same].concat());
    assert_eq!(again["hex"], guarded["hex"]);
    let mut unasked = wallet.command(&import("unasked", &words));
    assert!(unasked.env("MBT_WALLET_PASSPHRASE", "TREZOR").output().unwrap().status.success());
    let keys = wallet.json(&["keys", "list"]);
    let unasked = keys.as_array().unwrap().iter().find(|key| key["name"] == "unasked").unwrap();
    assert_eq!(unasked["hex"], bare["hex"]);

    // Another account of the same words takes the same passphrase; a slip is seen.
    let derive = ["keys", "derive", "guarded", "second", "--index", "1", "--kdf", "minimal"];
    let second = wallet.json(&[&derive[..], &["--passphrase-file", text(&phrase)]].concat());
    assert_eq!(second["path"], "m/44'/60'/0'/0/1");
    let slip = wallet.file("slip", "TREZ0R\n");
    let derive = ["keys", "derive", "guarded", "third", "--passphrase-file", text(&slip)];
    let error = wallet.refused(&derive, 1);
    assert!(error.contains("not the passphrase") && !error.contains("TREZ0R"), "{error}");
    let file = fs::read_to_string(wallet.path("home/accounts/guarded.json")).unwrap();
    assert!(!file.contains("TREZOR"));
}

#[test]
fn an_extended_key_is_taken_from_where_it_stands() {
    let wallet = Cli::new();
    // BIP-32, vector 1: the master key, and the key at m/0'.
    let master = "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejM\
                  RNNU3TGtRBeJgk33yuGBxrMPHi";
    let child = "xprv9uHRZZhk6KAJC1avXpDAp4MDc3sQKNxDiPvvkX8Br5ngLNv1TxvUxt4cV1rGL5hj6KCesnDYUhd7oWgT11eZG\
                 7XnxHrnYeSvkzY7d2bhkJ7";
    let import = |name: &str, key: &str, path: &str| {
        let file = wallet.file("xprv", key);
        let path = ["--path", path, "--kdf", "minimal"];
        wallet.json(&[&["keys", "import", name, "xprv", text(&file)][..], &path].concat())
    };
    let long = import("long", master, "m/0'/1");
    let short = import("short", child, "m/1");
    assert_eq!(long["hex"], short["hex"]);
    assert_eq!((long["path"].as_str(), short["path"].as_str()), (Some("m/0'/1"), None));
    let file = wallet.file("xprv", child);
    let error = wallet.refused(&["keys", "import", "x", "xprv", text(&file)], 2);
    assert!(error.contains("--path") && !error.contains("xprv9"), "{error}");
    let error = wallet.refused(&["keys", "import", "x", "key", text(&file), "--passphrase"], 2);
    assert!(error.contains("only words"), "{error}");
}

#[test]
fn a_changed_password_opens_and_the_old_one_does_not() {
    let wallet = Cli::new();
    let made = wallet.json(&["keys", "new", "me", "--kdf", "minimal"]);
    let new = wallet.file("new", "another one\n");
    let change = ["keys", "password", "me", "--kdf", "minimal", "--new-password-file", text(&new)];
    wallet.json(&change);
    let error = wallet.refused(&["sign", "message", "me", "x", "--yes"], 1);
    assert!(error.contains("wrong password"), "{error}");
    let with_new = ["sign", "message", "me", "x", "--password-file", text(&new)];
    assert_eq!(wallet.json(&with_new)["signer"], made["hex"]);
    // The words are there still.
    let words = wallet.path("words");
    wallet.json(&["keys", "export", "me", "mnemonic", text(&words), "--password-file", text(&new)]);
    assert_eq!(fs::read_to_string(&words).unwrap().trim(), made["mnemonic"].as_str().unwrap());
    let file = wallet.path("home/accounts/me.json");
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn no_file_of_others_is_written_over_or_through() {
    let wallet = Cli::new();
    let key = wallet.json(&["keys", "new", "me", "--kdf", "minimal"]);
    let key = key["public_key"].as_str().unwrap();
    let (secret, sealed) = (wallet.file("secret", "what was bought"), wallet.path("sealed"));
    wallet.json(&["encrypt", key, text(&secret), text(&sealed)]);
    // A file of the name that a half-written output might have, readable by all.
    let bystander = wallet.file("opened.part", "mine");
    fs::set_permissions(&bystander, fs::Permissions::from_mode(0o644)).unwrap();
    let opened = wallet.path("opened");
    wallet.json(&["decrypt", "me", text(&sealed), text(&opened)]);
    assert_eq!(fs::read_to_string(&bystander).unwrap(), "mine");
    assert_eq!(fs::metadata(&opened).unwrap().permissions().mode() & 0o777, 0o600);

    // A link that leads nowhere is no free name either.
    let (link, elsewhere) = (wallet.path("link"), wallet.path("elsewhere"));
    symlink(&elsewhere, &link).unwrap();
    let fees = ["--max-fee", "2 gwei", "--priority-fee", "1 gwei", "--nonce", "0", "--gas-limit"];
    for taken in [&opened, &link] {
        let offline = [&["transfer", "me", "me", "1", "--offline", "--yes"][..], &fees].concat();
        for command in [
            &["keys", "export", "me", "key", text(taken)][..],
            &["decrypt", "me", text(&sealed), text(taken)],
            &["encrypt", "me", text(&secret), text(taken)],
            &[&offline[..], &["21000", "--out", text(taken)]].concat(),
        ] {
            let error = wallet.refused(command, 2);
            assert!(error.contains("is there already"), "{command:?}: {error}");
        }
    }
    assert!(!elsewhere.exists());
    assert_eq!(fs::read_to_string(&opened).unwrap(), "what was bought");

    // A damaged file leaves nothing behind.
    let mut bytes = fs::read(&sealed).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&sealed, bytes).unwrap();
    let before = fs::read_dir(sealed.parent().unwrap()).unwrap().count();
    let error = wallet.refused(&["decrypt", "me", text(&sealed), text(&wallet.path("none"))], 1);
    assert!(error.contains("wrong key"), "{error}");
    let short = wallet.file("short", "x");
    let error = wallet.refused(&["decrypt", "me", text(&short), text(&wallet.path("none"))], 1);
    assert!(error.contains("no encrypted file"), "{error}");
    assert_eq!(fs::read_dir(sealed.parent().unwrap()).unwrap().count(), before + 1);
}

#[test]
fn what_only_reads_leaves_no_folder_and_a_closed_output_is_no_panic() {
    let wallet = Cli::new();
    wallet.json(&["keys", "list"]);
    wallet.json(&["chains", "list"]);
    for shell in ["bash", "zsh", "fish"] {
        let mut child = wallet
            .command(&["completions", shell])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    }
    assert!(!wallet.path("home").exists());
    // A secret that is longer than any is refused rather than cut.
    let long = wallet.file("long", &PASSWORD.repeat(5_000));
    let error = wallet.refused(&["keys", "new", "me", "--password-file", text(&long)], 2);
    assert!(error.contains("longer than 65536") && !error.contains(PASSWORD), "{error}");
}
