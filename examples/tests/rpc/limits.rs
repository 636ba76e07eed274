//! The server's bounds, its door, and batches.

use mbt_examples::rpc::{Namespace, RpcConfig, RpcError};
use serde_json::{Value, json};

use crate::{
    client::{WebSocket, outcome, post, request},
    node::TestNode,
};

const JSON: (&str, &str) = ("content-type", "application/json");

fn chain_id() -> String {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_chainId" }).to_string()
}

#[test]
fn batches_are_answered_in_order_and_sends_see_what_came_before() {
    let node = TestNode::start();
    let to = node.account(1).address();
    let mut batch = Vec::new();
    let mut push = |method: &str, params: Value| {
        let id = batch.len();
        batch.push(json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
    };
    push("eth_chainId", json!([]));
    for nonce in 0..50 {
        push("eth_sendRawTransaction", json!([node.sign_transfer(0, nonce, to, 1)]));
    }
    push("eth_sendRawTransaction", json!(["0x00"]));
    push("eth_sendRawTransaction", json!([]));
    push("eth_getTransactionCount", json!([node.account(0).hex(), "pending"]));
    push("eth_noSuchThing", json!([]));
    let answers = post(node.address(), &Value::from(batch).to_string()).json();
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), 55);
    for (id, answer) in answers.iter().enumerate() {
        assert_eq!(answer["id"], id);
    }
    let results: Vec<_> = answers.iter().map(|answer| outcome(answer.clone())).collect();
    assert!(results[1..51].iter().all(Result::is_ok), "{:?}", results[1]);
    assert_eq!(results[51].as_ref().unwrap_err()["code"], -32000);
    assert_eq!(results[52].as_ref().unwrap_err()["code"], -32602);
    assert_eq!(results[53].as_ref().unwrap(), "0x32");
    assert_eq!(results[54].as_ref().unwrap_err()["code"], -32601);
    let last = results[50].clone().unwrap();
    node.receipt(&last);
}

#[test]
fn batches_and_bodies_above_the_bound_are_refused() {
    let mut config = TestNode::config();
    config.batch_requests_max = 3;
    config.request_bytes_max = 2_000;
    let node = TestNode::start_with(config);
    let batch =
        |length| Value::from(vec![serde_json::from_str::<Value>(&chain_id()).unwrap(); length]);
    let answer: Value = post(node.address(), &batch(3).to_string()).json();
    assert_eq!(answer.as_array().unwrap().len(), 3);
    let answer = post(node.address(), &batch(4).to_string()).json();
    assert!(answer["error"]["code"].is_i64(), "{answer}");
    let answer = post(node.address(), &" ".repeat(3_000));
    assert_eq!(answer.status, 413);
}

#[test]
fn nonsense_gets_json_rpcs_own_errors() {
    let node = TestNode::start();
    for (body, code) in [("{", -32700), ("[]", -32600), ("{\"id\":1}", -32600), ("[1]", -32600)] {
        let answer = post(node.address(), body).json();
        let error = if answer.is_array() { &answer[0]["error"] } else { &answer["error"] };
        assert_eq!(error["code"], code, "{body}: {answer}");
    }
}

#[test]
fn foreign_hosts_and_origins_stay_outside() {
    let mut config = TestNode::config();
    config.cors = vec!["https://wallet.example".to_owned()];
    let node = TestNode::start_with(config);
    let host = |name| request(node.address(), "POST", &[("host", name), JSON], &chain_id()).status;
    assert_eq!(host("localhost:8545"), 200);
    assert_eq!(host("rebound.example"), 403);
    let preflight = |origin| {
        let headers = [("origin", origin), ("access-control-request-method", "POST")];
        let answer = request(node.address(), "OPTIONS", &headers, "");
        answer.header("access-control-allow-origin").map(str::to_owned)
    };
    assert_eq!(preflight("https://wallet.example").as_deref(), Some("https://wallet.example"));
    assert_eq!(preflight("https://evil.example"), None);
    assert!(WebSocket::open(node.address(), Some("https://wallet.example")).is_some());
    assert!(WebSocket::open(node.address(), Some("https://evil.example")).is_none());
    assert!(WebSocket::open(node.address(), None).is_some());
}

#[test]
fn plain_text_posts_are_refused() {
    let node = TestNode::start();
    let answer = request(node.address(), "POST", &[("content-type", "text/plain")], &chain_id());
    assert_eq!(answer.status, 415, "else any page could post without a preflight");
}

#[test]
fn namespaces_outside_the_list_do_not_exist() {
    let mut config = TestNode::config();
    config.namespaces = vec![Namespace::Eth];
    let node = TestNode::start_with(config);
    node.call("eth_chainId", json!([]));
    for method in ["debug_traceTransaction", "admin_acceptReorg", "txpool_status", "mbt_chainInfo"]
    {
        assert_eq!(node.error(method, json!([]))["code"], -32601, "{method}");
    }
    assert!(!RpcConfig::default().namespaces.contains(&Namespace::Debug));
    assert!(!RpcConfig::default().namespaces.contains(&Namespace::Admin));
}

#[test]
fn log_queries_are_bounded() {
    let mut config = TestNode::config();
    config.log_blocks_max = 2;
    let node = TestNode::start_with(config);
    node.wait_for_block(3);
    let error = node.error("eth_getLogs", json!([{ "fromBlock": "0x0", "toBlock": "0x3" }]));
    assert_eq!(error["code"], -32005);
    let error = node.error("eth_getLogs", json!([{ "fromBlock": "0x3", "toBlock": "0x1" }]));
    assert_eq!(error["code"], -32602);
}

#[test]
fn filters_are_bounded() {
    let mut config = TestNode::config();
    config.filters_max = 2;
    let node = TestNode::start_with(config);
    for _ in 0..2 {
        node.call("eth_newBlockFilter", json!([]));
    }
    assert_eq!(node.error("eth_newBlockFilter", json!([]))["code"], -32005);
}

#[test]
fn port_in_use_is_a_typed_error() {
    let node = TestNode::start();
    let mut config = TestNode::config();
    config.listen = node.address();
    let error = node.serve_again(config).unwrap_err();
    assert!(matches!(error, RpcError::AddressInUse { address } if address == node.address()));
}

#[test]
fn a_call_that_timed_out_makes_room_for_the_next() {
    let mut config = TestNode::config();
    config.call_timeout_ms = 200;
    config.heavy_requests_max = 1;
    config.call_gas_max = u64::MAX >> 8;
    let node = TestNode::start_still(config);
    // JUMPDEST; SSTORE(n, n); n += 1; JUMP: for as long as there is gas.
    let code = "0x5f5b80805560010160015600";
    let target = format!("0x{}", "ab".repeat(20));
    let mut overrides = json!({});
    overrides[&target] = json!({ "code": code });
    let request = json!({ "to": target });
    for _ in 0..2 {
        let error = node.error("eth_call", json!([request, "latest", overrides]));
        assert_eq!(error["code"], -32000, "{error}");
        assert_eq!(error["message"], "execution aborted (timeout = 200ms)");
    }
    assert_eq!(node.call("eth_call", json!([request])), "0x");
}
