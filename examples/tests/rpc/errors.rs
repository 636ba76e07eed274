//! Codes and words of errors: clients match on them.

use serde_json::{Value, json};

use crate::{
    contract::{Op, init_code},
    node::TestNode,
};

fn assert_error(error: &Value, code: i64, words: &str) {
    assert_eq!(error["code"], code, "{error}");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(words), "{message:?} lacks {words:?}");
}

#[test]
fn unknown_methods_have_code_32601() {
    let node = TestNode::start();
    for method in ["anvil_nodeInfo", "hardhat_metadata", "eth_noSuchThing", ""] {
        let error = node.error(method, json!([]));
        assert_error(&error, -32601, "does not exist/is not available");
    }
}

#[test]
fn reverts_have_code_3_and_their_data() {
    let node = TestNode::start();
    let contract = node.deploy(init_code());
    let input = format!("0x{}", hex::encode(Op::Fail.input()));
    let request = json!({ "to": contract, "data": input });
    for method in ["eth_call", "eth_estimateGas"] {
        let error = node.error(method, json!([request]));
        assert_error(&error, 3, "execution reverted: nope");
        assert!(error["data"].as_str().unwrap().starts_with("0x08c379a0"), "{method}");
    }
}

#[test]
fn refused_transactions_have_geths_words() {
    let node = TestNode::start();
    let to = node.account(1).address();
    let raw = node.sign_transfer(0, 0, to, 1);
    node.receipt(&node.call("eth_sendRawTransaction", json!([raw])));
    let send = |raw: &str| node.error("eth_sendRawTransaction", json!([raw]));
    assert_error(&send(&raw), -32000, "nonce too low");
    let queued = node.sign_transfer(0, 7, to, 1);
    node.call("eth_sendRawTransaction", json!([queued]));
    assert_error(&send(&queued), -32000, "already known");
    let replacement = node.sign_transfer(0, 7, to, 2);
    assert_error(&send(&replacement), -32000, "replacement transaction underpriced");
    let poor = node.sign_poor_transfer(to);
    assert_error(&send(&poor), -32000, "insufficient funds for gas * price + value");
    assert_error(&send("0x04c0"), -32000, "transaction type not supported");
    assert_error(&send("0x02c0"), -32000, "rlp");
    assert_error(&send(&node.sign_unprotected(to)), -32000, "only replay-protected (EIP-155)");
    assert_error(&send(&node.sign_for_chain(1, to)), -32000, "invalid chain id for signer");
}

#[test]
fn wrong_parameters_have_code_32602_and_are_named() {
    let node = TestNode::start();
    for (method, params, name) in [
        ("eth_getBalance", json!(["0x01"]), "address"),
        ("eth_getBalance", json!([]), "address"),
        ("eth_getBlockByNumber", json!(["newest", false]), "block"),
        ("eth_getBlockByNumber", json!(["0x01", false]), "block"),
        ("eth_getTransactionByHash", json!(["0x1234"]), "transactionHash"),
        ("eth_getLogs", json!([{ "topics": "0x" }]), "filter"),
        ("eth_sendRawTransaction", json!(["0x123"]), "data"),
        ("eth_call", json!([{ "gas": -1 }]), "transaction"),
        ("eth_feeHistory", json!(["0x1", "latest", [5, 2]]), "rewardPercentiles"),
        (
            "debug_traceTransaction",
            json!([format!("0x{}", "00".repeat(32)), { "tracer": "no" }]),
            "options",
        ),
    ] {
        assert_error(&node.error(method, params), -32602, name);
    }
    assert_error(&node.error("eth_chainId", json!([1])), -32602, "too many arguments");
    assert_error(&node.error("eth_getBalance", json!({ "address": "0x" })), -32602, "non-array");
}

#[test]
fn what_is_not_there_is_null_and_states_above_the_head_are_errors() {
    let node = TestNode::start();
    let nothing = format!("0x{}", "11".repeat(32));
    for (method, params) in [
        ("eth_getBlockByNumber", json!(["0xffffff", false])),
        ("eth_getBlockByHash", json!([nothing, true])),
        ("eth_getTransactionByHash", json!([nothing])),
        ("eth_getTransactionReceipt", json!([nothing])),
        ("eth_getBlockReceipts", json!(["0xffffff"])),
        ("eth_getBlockTransactionCountByNumber", json!(["0xffffff"])),
        ("eth_getUncleByBlockHashAndIndex", json!([nothing, "0x0"])),
    ] {
        assert!(node.call(method, params).is_null(), "{method}");
    }
    let account = node.account(0).hex();
    let error = node.error("eth_getBalance", json!([account, "0xffffff"]));
    assert_error(&error, -32000, "header not found");
}
