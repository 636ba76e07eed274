//! JSON-RPC checks each signature once, and nobody behind it checks one again.

use mbt_account::SenderStatistics;
use serde_json::{Value, json};

use crate::{client::post, node::TestNode};

const COUNT: u64 = 20;

#[test]
fn rpc_pool_build_and_import_check_each_signature_once() {
    let node = TestNode::start_still(TestNode::config());
    let to = node.account(1).address();
    let raw: Vec<String> =
        (0..COUNT).map(|nonce| node.sign_transfer(0, nonce, to, nonce)).collect();
    // One alone, the others in a batch.
    let hash = node.call("eth_sendRawTransaction", json!([raw[0]]));
    let batch: Vec<Value> = raw[1..]
        .iter()
        .map(|raw| json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": [raw] }))
        .collect();
    post(node.address(), &Value::from(batch).to_string());
    assert_eq!(node.call("txpool_status", json!([]))["pending"], format!("{COUNT:#x}"));
    assert_eq!(node.senders(), SenderStatistics { recovered: COUNT, reused: 0 });

    // Sent again: known.
    node.error("eth_sendRawTransaction", json!([raw[0]]));
    assert_eq!(node.senders(), SenderStatistics { recovered: COUNT, reused: 1 });

    node.mine();
    node.receipt(&hash);
    assert_eq!(node.call("txpool_status", json!([]))["pending"], "0x0");
    assert_eq!(node.senders(), SenderStatistics { recovered: COUNT, reused: 1 });
}
