//! Whatever is written on the command line is answered by a sentence and a code.

use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};

use crate::cli::Cli;

/// Arguments that a seed gives: nonsense, and what is nearly right.
fn texts(count: usize) -> Vec<String> {
    let nearly = proptest::prop_oneof![
        "[^\\x00]{0,40}",
        "0x[0-9a-fA-F]{0,140}",
        "[tM][1-9A-HJ-NP-Za-km-z]{20,40}",
        "-?[0-9]{0,90}[.]?[0-9]{0,30} ?(MBTC|gwei|wei|)",
        "[a-z]{0,8}[(]{0,40}(uint|int|bytes|tuple|address)?[0-9]{0,4}[\\[\\](),]{0,40}",
        "m(/[0-9]{0,12}['hH]{0,2}){0,5}",
        "@?[./]{0,4}[a-z]{0,5}",
    ];
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| nearly.new_tree(&mut runner).unwrap().current()).collect()
}

#[test]
fn no_text_makes_the_wallet_panic() {
    let wallet = Cli::new();
    wallet.json(&["keys", "new", "me", "--kdf", "minimal"]);
    wallet.json(&["chains", "add", "local", "--chain-id", "31337", "--rpc", "http://127.0.0.1:1"]);
    let brackets = "(".repeat(60_000);
    let nested = format!("f(uint256{})", "[]".repeat(30_000));
    let mut arguments = texts(12);
    arguments.extend([brackets, nested, String::new()]);
    for argument in &arguments {
        for command in [
            &["accounts", "show", "--", argument][..],
            &["transfer", "me", "--yes", "--", argument, "1"],
            &["transfer", "me", "me", "--yes", "--", argument],
            &["call", "me", "me", "--yes", "--", argument, argument],
            &[
                "call",
                "me",
                "me",
                "--yes",
                "--",
                "f(uint8[2][],string,bytes4)",
                argument,
                argument,
                argument,
            ],
            &["read", "--", argument, "f(address)(string)", argument],
            &["read", "--", "me", argument],
            &["deploy", "me", "--yes", "--", argument],
            &["broadcast", "--yes", "--", argument],
            &["receipt", "--", argument],
            &["verify", "message", "--", "me", "x", argument],
            &["verify", "typed", "--", "me", argument, argument],
            &["encrypt", "--", argument, argument, argument],
            &["keys", "derive", "--", argument, argument],
            &["keys", "password", "--", argument],
            &["keys", "import", "x", "mnemonic", "--", argument],
            &["chains", "use", "--", argument],
            &["chains", "add", "--chain-id", "1", "--rpc", argument, "--", argument],
        ] {
            let output = wallet.run(command);
            let errors = String::from_utf8_lossy(&output.stderr);
            let code = output.status.code();
            assert!(matches!(code, Some(0..=3)), "{command:?}: {code:?} {errors}");
            assert!(!errors.contains("panicked"), "{command:?}: {errors}");
        }
    }
}
