//! Subscriptions over WebSocket.

use serde_json::json;

use crate::{
    client::WebSocket,
    contract::{Op, init_code, word},
    node::TestNode,
};

#[test]
fn heads_logs_and_pending_transactions_are_pushed() {
    let node = TestNode::start();
    let contract = node.deploy(init_code());
    let mut socket = WebSocket::open(node.address(), None).unwrap();
    let heads = socket.call("eth_subscribe", json!(["newHeads"])).unwrap();
    let logs = socket.call("eth_subscribe", json!(["logs", { "address": contract }])).unwrap();
    let pending = socket.call("eth_subscribe", json!(["newPendingTransactions"])).unwrap();
    let whole = socket.call("eth_subscribe", json!(["newPendingTransactions", true])).unwrap();
    let hash = node.send_call(0, &contract, Op::Set(4).input());
    assert_eq!(socket.notification(&pending), hash);
    assert_eq!(socket.notification(&whole)["hash"], hash);
    let log = socket.notification(&logs);
    assert_eq!(log["topics"][0], format!("{:#x}", word(4)));
    assert_eq!(log["removed"], false);
    let first = socket.notification(&heads);
    let second = socket.notification(&heads);
    assert_eq!(second["parentHash"], first["hash"], "no head is left out");
    let block = socket.call("eth_getBlockByHash", json!([first["hash"], false])).unwrap();
    assert_eq!(block["stateRoot"], first["stateRoot"]);
    assert_eq!(socket.call("eth_unsubscribe", json!([logs])), Ok(json!(true)));
}

#[test]
fn syncing_is_told_at_once() {
    let node = TestNode::start();
    let mut socket = WebSocket::open(node.address(), None).unwrap();
    let subscription = socket.call("eth_subscribe", json!(["syncing"])).unwrap();
    assert_eq!(socket.notification(&subscription), false);
}

#[test]
fn subscriptions_need_a_socket_and_a_known_name() {
    let node = TestNode::start();
    let error = node.error("eth_subscribe", json!(["newHeads"]));
    assert_eq!(error["code"], -32601);
    assert_eq!(error["message"], "notifications not supported");
    let mut socket = WebSocket::open(node.address(), None).unwrap();
    for params in [json!(["newTails"]), json!([]), json!(["logs", { "topics": 5 }])] {
        assert_eq!(socket.call("eth_subscribe", params).unwrap_err()["code"], -32602);
    }
}

#[test]
fn subscriptions_of_a_connection_are_bounded() {
    let mut config = TestNode::config();
    config.subscriptions_per_connection_max = 2;
    let node = TestNode::start_with(config);
    let mut socket = WebSocket::open(node.address(), None).unwrap();
    for _ in 0..2 {
        socket.call("eth_subscribe", json!(["newHeads"])).unwrap();
    }
    assert!(socket.call("eth_subscribe", json!(["newHeads"])).is_err());
}

#[test]
fn logs_of_blocks_that_leave_the_chain_come_again_as_removed() {
    let [node, other] = [(), ()].map(|()| TestNode::start_still(TestNode::config()));
    let creation = node.send_creation(init_code());
    node.mine();
    let contract = node.created(&creation);
    other.import_from(&node);
    let mut socket = WebSocket::open(node.address(), None).unwrap();
    let logs = socket.call("eth_subscribe", json!(["logs", { "address": contract }])).unwrap();
    let filter = node.call("eth_newFilter", json!([{ "address": contract }]));
    node.send_call(0, &contract, Op::Set(4).input());
    node.mine();
    let log = socket.notification(&logs);
    assert_eq!(log["removed"], false);
    assert_eq!(node.call("eth_getFilterChanges", json!([filter])), json!([log]));

    for _ in 0..2 {
        other.mine();
    }
    node.import_from(&other);
    let mut removed = socket.notification(&logs);
    assert_eq!(removed["removed"], true);
    let changes = node.call("eth_getFilterChanges", json!([filter]));
    assert_eq!(changes[0], removed);
    removed["removed"] = json!(false);
    assert_eq!(removed, log);
}
