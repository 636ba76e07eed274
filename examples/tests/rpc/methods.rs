//! Every group of methods answers what Ethereum's clients rely on.

use serde_json::{Value, json};

use crate::{
    contract::{Op, init_code, runtime, word},
    node::TestNode,
};

const BLOCK_FIELDS: &[&str] = &[
    "baseFeePerGas",
    "difficulty",
    "extraData",
    "gasLimit",
    "gasUsed",
    "hash",
    "logsBloom",
    "miner",
    "mixHash",
    "nonce",
    "number",
    "parentHash",
    "receiptsRoot",
    "sha3Uncles",
    "size",
    "stateRoot",
    "timestamp",
    "totalDifficulty",
    "transactions",
    "transactionsRoot",
    "uncles",
    "target",
    "ancestorsRoot",
];
const RECEIPT_FIELDS: &[&str] = &[
    "blockHash",
    "blockNumber",
    "cumulativeGasUsed",
    "effectiveGasPrice",
    "from",
    "gasUsed",
    "logs",
    "logsBloom",
    "status",
    "transactionHash",
    "transactionIndex",
    "type",
];
const LOG_FIELDS: &[&str] = &[
    "address",
    "blockHash",
    "blockNumber",
    "data",
    "logIndex",
    "removed",
    "topics",
    "transactionHash",
    "transactionIndex",
];
const TRANSACTION_FIELDS: &[&str] = &[
    "accessList",
    "blockHash",
    "blockNumber",
    "chainId",
    "from",
    "gas",
    "gasPrice",
    "hash",
    "input",
    "maxFeePerGas",
    "maxPriorityFeePerGas",
    "nonce",
    "r",
    "s",
    "to",
    "transactionIndex",
    "type",
    "v",
    "value",
    "yParity",
];

fn has_all(value: &Value, fields: &[&str]) {
    for field in fields {
        assert!(value.get(field).is_some_and(|v| !v.is_null()), "{field} is missing in {value}");
    }
}

#[test]
fn transfer_is_seen_by_every_read() {
    let node = TestNode::start();
    let [alice, bob] = [node.account(0), node.account(1)];
    let before = node.call("eth_getBalance", json!([bob.hex(), "latest"]));
    let hash = node.send_transfer(0, bob.address(), 12_345);
    let receipt = node.receipt(&hash);
    has_all(&receipt, RECEIPT_FIELDS);
    assert!(receipt["contractAddress"].is_null() && receipt.get("root").is_none());
    assert_eq!(receipt["status"], "0x1");
    assert_eq!(receipt["gasUsed"], "0x5208");
    assert_eq!(receipt["from"], alice.hex().to_lowercase());

    let transaction = node.call("eth_getTransactionByHash", json!([hash]));
    has_all(&transaction, TRANSACTION_FIELDS);
    assert_eq!(transaction["gasPrice"], receipt["effectiveGasPrice"]);

    let by_hash = node.call("eth_getBlockByHash", json!([receipt["blockHash"], true]));
    has_all(&by_hash, BLOCK_FIELDS);
    let by_number = node.call("eth_getBlockByNumber", json!([receipt["blockNumber"], true]));
    assert_eq!(by_hash, by_number);
    let index = receipt["transactionIndex"].clone();
    for (method, params) in [
        ("eth_getTransactionByBlockHashAndIndex", json!([receipt["blockHash"], index])),
        ("eth_getTransactionByBlockNumberAndIndex", json!([receipt["blockNumber"], index])),
    ] {
        assert_eq!(node.call(method, params), transaction, "{method}");
    }
    let receipts = node.call("eth_getBlockReceipts", json!([receipt["blockNumber"]]));
    assert_eq!(receipts[0], receipt);

    let after = node.call("eth_getBalance", json!([bob.address().to_string(), "latest"]));
    assert_eq!(number(&after), number(&before) + 12_345, "Base58Check names the same account");
    let count = node.call("eth_getTransactionCount", json!([alice.hex(), "latest"]));
    assert_eq!(count, "0x1");
    let raw = node.call("eth_getRawTransactionByHash", json!([hash]));
    assert!(raw.as_str().unwrap().starts_with("0x02"));
}

fn number(value: &Value) -> u128 {
    u128::from_str_radix(value.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

#[test]
fn contract_is_deployed_called_and_its_logs_are_found() {
    let node = TestNode::start();
    let contract = node.deploy(init_code());
    let code = node.call("eth_getCode", json!([contract, "latest"]));
    assert_eq!(code, format!("0x{}", hex::encode(runtime())));

    let hash = node.send_call(0, &contract, Op::Set(77).input());
    let receipt = node.receipt(&hash);
    has_all(&receipt["logs"][0], LOG_FIELDS);
    let topic = format!("{:#x}", word(77));
    let stored = node.call("eth_getStorageAt", json!([contract, "0x0", "latest"]));
    assert_eq!(stored, topic);
    let read = json!({ "to": contract, "data": "0x02" });
    assert_eq!(node.call("eth_call", json!([read, "latest"])), topic);

    let block = &receipt["blockNumber"];
    for filter in [
        json!({ "address": contract, "fromBlock": "earliest", "toBlock": "latest" }),
        json!({ "topics": [[topic, format!("{:#x}", word(1))]], "fromBlock": block, "toBlock": block }),
        json!({ "blockHash": receipt["blockHash"], "address": [contract] }),
    ] {
        let logs = node.call("eth_getLogs", json!([filter]));
        assert_eq!(logs, receipt["logs"], "{filter}");
    }
    let other = json!({ "topics": [format!("{:#x}", word(5))], "fromBlock": "earliest" });
    assert_eq!(node.call("eth_getLogs", json!([other])), json!([]));
}

#[test]
fn calls_see_overrides_and_estimates_suffice() {
    let node = TestNode::start();
    let contract = node.deploy(init_code());
    let read = json!({ "to": contract, "input": "0x02" });
    let slot = format!("{:#x}", word(0));
    let value = format!("{:#x}", word(5));
    let overrides = json!({ contract.as_str(): { "stateDiff": { slot: value } } });
    assert_eq!(node.call("eth_call", json!([read, "latest", overrides])), value);

    let input = format!("0x{}", hex::encode(Op::Set(9).input()));
    let from = node.account(0).hex();
    let request = json!({ "from": from, "to": contract, "data": input });
    let gas = node.call("eth_estimateGas", json!([request]));
    let mut with_gas = request.clone();
    with_gas["gas"] = gas;
    node.call("eth_call", json!([with_gas, "latest"]));

    let list = node.call("eth_createAccessList", json!([request, "latest"]));
    assert_eq!(list["accessList"][0]["storageKeys"][0], format!("{:#x}", word(0)));

    let filled = node.call("eth_fillTransaction", json!([request]));
    assert!(filled["raw"].as_str().unwrap().starts_with("0x02"));
    has_all(&filled["tx"], &["nonce", "gas", "maxFeePerGas", "maxPriorityFeePerGas", "chainId"]);
}

#[test]
fn chain_network_and_pool_say_who_they_are() {
    let node = TestNode::start();
    assert_eq!(node.call("eth_chainId", json!([])), "0x7a69");
    assert_eq!(node.call("net_version", json!([])), "31337");
    assert_eq!(node.call("net_listening", json!([])), false, "this one has no network");
    assert_eq!(node.call("net_peerCount", json!([])), "0x0");
    assert_eq!(node.call("eth_accounts", json!([])), json!([]));
    assert_eq!(node.call("eth_syncing", json!([])), false);
    assert!(
        node.call("web3_clientVersion", json!([])).as_str().unwrap().starts_with("mbt-chain/v")
    );
    let status = node.call("txpool_status", json!([]));
    assert_eq!(status, json!({ "pending": "0x0", "queued": "0x0" }));
    let info = node.call("mbt_chainInfo", json!([]));
    let genesis = node.call("eth_getBlockByNumber", json!(["earliest", false]));
    assert_eq!(info["genesis"], genesis["hash"]);
    assert!(node.call("mbt_refusedReorg", json!([])).is_null());
}

#[test]
fn fees_are_offered_and_remembered() {
    let node = TestNode::start();
    let hash = node.send_transfer(0, node.account(1).address(), 1);
    node.receipt(&hash);
    let history = node.call("eth_feeHistory", json!(["0x2", "latest", [0, 50.5, 100]]));
    let blocks = history["gasUsedRatio"].as_array().unwrap().len();
    assert_eq!(history["baseFeePerGas"].as_array().unwrap().len(), blocks + 1);
    assert_eq!(history["reward"].as_array().unwrap().len(), blocks);
    assert_eq!(history["reward"][0].as_array().unwrap().len(), 3);
    let tip = number(&node.call("eth_maxPriorityFeePerGas", json!([])));
    let price = number(&node.call("eth_gasPrice", json!([])));
    assert!(tip > 0 && price > tip);
    assert_eq!(node.call("eth_blobBaseFee", json!([])), "0x1");
}

#[test]
fn account_record_has_six_fields_and_both_address_forms() {
    let node = TestNode::start();
    let account = node.account(0);
    let record = node.call("mbt_getAccount", json!([account.hex(), "earliest"]));
    for field in
        ["nonce", "balance", "storageRoot", "codeHash", "leagueMicroProtocol", "leagueGenesisRoot"]
    {
        assert!(record.get(field).is_some(), "{field}");
    }
    assert_eq!(record["hexAddress"], account.hex());
    assert!(record["address"].as_str().unwrap().starts_with('t'));
    assert_eq!(node.call("mbt_getAccount", json!([record["address"], "earliest"])), record);
    let info = node.call("eth_getAccountInfo", json!([account.hex(), "latest"]));
    assert_eq!(info["balance"], record["balance"]);
}

#[test]
fn proofs_hold_against_the_state_root() {
    let node = TestNode::start();
    let contract = node.deploy(init_code());
    node.receipt(&node.send_call(0, &contract, Op::Set(3).input()));
    let slot = format!("{:#x}", word(0));
    let block = node.call("eth_getBlockByNumber", json!(["latest", false]));
    let params = json!([contract, [slot], { "blockHash": block["hash"] }]);
    let proof = node.call("eth_getProof", params);
    node.verify_proof(&block["stateRoot"], &proof);
    assert_eq!(proof["storageProof"][0]["value"], "0x3");
}

#[test]
fn pending_transactions_are_visible_before_they_are_mined() {
    let node = TestNode::start();
    // A gap keeps the transaction out of every block.
    let hash = node.send_with_nonce(0, 5);
    let transaction = node.call("eth_getTransactionByHash", json!([hash]));
    assert!(transaction["blockHash"].is_null() && transaction["blockNumber"].is_null());
    assert!(node.call("eth_getTransactionReceipt", json!([hash])).is_null());
    assert_eq!(node.call("txpool_status", json!([]))["queued"], "0x1");
    let sender = node.account(0).hex();
    let content = node.call("txpool_content", json!([]));
    assert_eq!(content["queued"][&sender]["5"]["hash"], hash);
    let from = node.call("txpool_contentFrom", json!([sender]));
    assert_eq!(from["queued"]["5"]["hash"], hash);
    let lines = node.call("txpool_inspect", json!([]));
    assert!(lines["queued"][&sender]["5"].as_str().unwrap().contains(" wei + 21000 gas"));
    let block = node.call("eth_getBlockByNumber", json!(["pending", true]));
    assert!(block["hash"].is_null() && block["nonce"].is_null());
}

#[test]
fn filters_report_changes_once() {
    let node = TestNode::start();
    let contract = node.deploy(init_code());
    let blocks = node.call("eth_newBlockFilter", json!([]));
    let pending = node.call("eth_newPendingTransactionFilter", json!([]));
    let logs = node.call("eth_newFilter", json!([{ "address": contract }]));
    let hash = node.send_call(0, &contract, Op::Set(8).input());
    let receipt = node.receipt(&hash);
    let seen = node.call("eth_getFilterChanges", json!([blocks]));
    assert!(seen.as_array().unwrap().contains(&receipt["blockHash"]), "{seen}");
    let seen = node.call("eth_getFilterChanges", json!([pending]));
    assert_eq!(seen, json!([hash]));
    assert_eq!(node.call("eth_getFilterChanges", json!([logs])), receipt["logs"]);
    assert_eq!(node.call("eth_getFilterChanges", json!([logs])), json!([]));
    assert_eq!(node.call("eth_uninstallFilter", json!([logs])), true);
    assert_eq!(node.error("eth_getFilterChanges", json!([logs]))["message"], "filter not found");
}

#[test]
fn traces_have_geths_shapes() {
    let node = TestNode::start();
    let contract = node.deploy(init_code());
    let hash = node.send_call(0, &contract, Op::Set(8).input());
    let receipt = node.receipt(&hash);
    let trace = node.call("debug_traceTransaction", json!([hash]));
    has_all(&trace, &["gas", "failed", "returnValue", "structLogs"]);
    let call_tracer = json!({ "tracer": "callTracer" });
    let call = node.call("debug_traceTransaction", json!([hash, call_tracer]));
    assert_eq!(call["type"], "CALL");
    assert_eq!(call["gasUsed"], receipt["gasUsed"]);
    let block = node.call("debug_traceBlockByNumber", json!([receipt["blockNumber"], call_tracer]));
    assert_eq!(block[0], json!({ "txHash": hash, "result": call }));
    let request = json!({ "to": contract, "data": "0x02" });
    let call = node.call("debug_traceCall", json!([request, "latest", call_tracer]));
    assert_eq!(call["output"], format!("{:#x}", word(8)));
    let prestate = json!({ "tracer": "prestateTracer" });
    let state = node.call("debug_traceTransaction", json!([hash, prestate]));
    assert!(state.as_object().unwrap().contains_key(&contract), "{state}");
}

#[test]
fn synchronous_send_answers_with_the_receipt() {
    let node = TestNode::start();
    let raw = node.sign_transfer(0, 0, node.account(1).address(), 1);
    let receipt = node.call("eth_sendRawTransactionSync", json!([raw]));
    has_all(&receipt, RECEIPT_FIELDS);
    let stuck = node.sign_transfer(0, 9, node.account(1).address(), 1);
    let error = node.error("eth_sendRawTransactionSync", json!([stuck, 50]));
    assert_eq!(error["code"], 4);
}

#[test]
fn explorers_basics_answer() {
    let node = TestNode::start();
    node.receipt(&node.send_transfer(0, node.account(1).address(), 1));
    assert_eq!(node.call("ots_getApiLevel", json!([])), 8);
    assert_eq!(node.call("ots_hasCode", json!([node.account(0).hex(), "latest"])), false);
    let header = node.call("erigon_getHeaderByNumber", json!(["0x1"]));
    assert_eq!(header["number"], "0x1");
    let details = node.call("ots_getBlockDetails", json!([1]));
    assert_eq!(details["block"]["number"], "0x1");
    let page = node.call("ots_getBlockTransactions", json!([1, 0, 25]));
    assert!(page["fullblock"]["transactions"].is_array());
    let contract = node.deploy(init_code());
    let failed = node.send_call(0, &contract, Op::Fail.input());
    assert_eq!(node.receipt(&failed)["status"], "0x0");
    let output = node.call("ots_getTransactionError", json!([failed]));
    assert!(output.as_str().unwrap().starts_with("0x08c379a0"), "{output}");
}
