//! `docs/rpc.md` shows every method with a request and a response, and they are real:
//! `UPDATE=1 cargo test -p mbt-examples --test rpc` writes the examples anew from a running node.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::PathBuf};

use mbt_examples::rpc::method_names;
use serde_json::{Value, json};

use crate::{
    client::{self, WebSocket, outcome},
    contract::{Op, init_code},
    node::TestNode,
};

const MARK: &str = "<!-- Everything below is written by the test `every_method_is_documented`. -->";

/// Longest JSON on one line.
const LINE: usize = 160;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/rpc.md")
}

#[test]
fn every_method_is_documented() {
    if std::env::var("UPDATE").is_ok() {
        update();
    }
    let text = fs::read_to_string(path()).unwrap();
    let (_, sections) = text.split_once(MARK).expect("docs/rpc.md has the mark");
    let mut documented = BTreeSet::new();
    for section in sections.split("\n### `").skip(1) {
        let (name, rest) = section.split_once('`').unwrap();
        let blocks: Vec<&str> = rest
            .split("```json\n")
            .skip(1)
            .map(|block| block.split_once("```").unwrap().0)
            .collect();
        assert_eq!(blocks.len(), 2, "{name} has a request and a response");
        let request: Value = serde_json::from_str(blocks[0]).unwrap();
        assert_eq!(request["method"], name);
        outcome(serde_json::from_str(blocks[1]).unwrap()).ok();
        documented.insert(name.to_owned());
    }
    let all: BTreeSet<String> = method_names().into_iter().map(str::to_owned).collect();
    assert_eq!(documented, all);
}

/// What the examples are about.
struct Scene {
    node: TestNode,
    contract: String,
    hash: Value,
    receipt: Value,
}

impl Scene {
    fn new() -> Self {
        let node = TestNode::start();
        let contract = node.deploy(init_code());
        let hash = node.send_call(0, &contract, Op::Set(42).input());
        let receipt = node.receipt(&hash);
        Self { node, contract, hash, receipt }
    }

    /// Returns what a method does and the parameters of its example.
    fn example(&self, method: &str) -> (&'static str, Value) {
        self.chain_example(method)
            .or_else(|| self.state_example(method))
            .or_else(|| self.transaction_example(method))
            .or_else(|| self.filter_example(method))
            .or_else(|| self.other_example(method))
            .unwrap_or_else(|| panic!("{method} has no example"))
    }

    fn chain_example(&self, method: &str) -> Option<(&'static str, Value)> {
        let (id, number) = (&self.receipt["blockHash"], &self.receipt["blockNumber"]);
        let none = json!([]);
        Some(match method {
            "eth_chainId" => ("The id that transactions are signed for.", none),
            "eth_syncing" => ("`false`, or where a node that is catching up stands.", none),
            "eth_blockNumber" => ("The head's number.", none),
            "eth_accounts" => ("Always empty: the node holds no keys.", none),
            "eth_mining" => ("Whether this node mines.", none),
            "eth_hashrate" => ("Hashes that this node tries in a second.", none),
            "eth_getBlockByNumber" => (
                "A block by number or tag, with hashes or whole transactions.",
                json!([number, false]),
            ),
            "eth_getBlockByHash" => ("A block by its hash, on any branch.", json!([id, true])),
            "eth_getBlockReceipts" => ("All receipts of a block.", json!([number])),
            "eth_getBlockTransactionCountByNumber" => {
                ("How many transactions a block holds.", json!([number]))
            }
            "eth_getBlockTransactionCountByHash" => {
                ("How many transactions a block holds.", json!([id]))
            }
            "eth_getUncleCountByBlockNumber" => ("There are no uncles.", json!([number])),
            "eth_getUncleCountByBlockHash" => ("There are no uncles.", json!([id])),
            "eth_getUncleByBlockNumberAndIndex" => ("There are no uncles.", json!([number, "0x0"])),
            "eth_getUncleByBlockHashAndIndex" => ("There are no uncles.", json!([id, "0x0"])),
            "eth_gasPrice" => ("The next base fee and the suggested tip.", none),
            "eth_maxPriorityFeePerGas" => {
                ("The tip that got transactions into recent blocks.", none)
            }
            "eth_blobBaseFee" => ("Always one: there are no blobs.", none),
            "eth_baseFee" => ("The next block's base fee.", none),
            "eth_feeHistory" => {
                ("Base fees, fullness and tips of past blocks.", json!(["0x2", "latest", [25, 75]]))
            }
            _ => return None,
        })
    }

    fn state_example(&self, method: &str) -> Option<(&'static str, Value)> {
        let sender = self.node.account(0).hex();
        let read = json!({ "to": self.contract, "input": "0x02" });
        let set = format!("0x{}", hex::encode(Op::Set(7).input()));
        let write = json!({ "from": sender, "to": self.contract, "input": set });
        Some(match method {
            "eth_getBalance" => {
                ("An account's coin, in its smallest unit.", json!([sender, "latest"]))
            }
            "eth_getCode" => ("An account's code.", json!([self.contract, "latest"])),
            "eth_getStorageAt" => ("A storage slot.", json!([self.contract, "0x0", "latest"])),
            "eth_getTransactionCount" => (
                "An account's nonce; at `pending` with the pool's transactions.",
                json!([sender, "pending"]),
            ),
            "eth_getAccount" => ("An account's record.", json!([self.contract, "latest"])),
            "eth_getAccountInfo" => ("Nonce, balance and code at once.", json!([sender, "latest"])),
            "eth_getProof" => (
                "An account and slots with their proofs.",
                json!([self.contract, ["0x0"], "latest"]),
            ),
            "eth_call" => (
                "Executes a call and forgets it. Takes state and block overrides.",
                json!([read, "latest"]),
            ),
            "eth_estimateGas" => ("The least gas with which a call succeeds.", json!([write])),
            "eth_createAccessList" => ("The slots a call touches.", json!([write, "latest"])),
            "eth_fillTransaction" => ("Everything a wallet needs before it signs.", json!([write])),
            "mbt_getAccount" => (
                "The record with its six fields, and the address in both forms.",
                json!([sender, "latest"]),
            ),
            "mbt_parseAddress" => ("An address in all its forms.", json!([sender])),
            "ots_hasCode" => {
                ("Whether an account is a contract.", json!([self.contract, "latest"]))
            }
            _ => return None,
        })
    }

    fn transaction_example(&self, method: &str) -> Option<(&'static str, Value)> {
        let (id, number) = (&self.receipt["blockHash"], &self.receipt["blockNumber"]);
        let index = &self.receipt["transactionIndex"];
        let hash = json!([self.hash]);
        let to = self.node.account(1).address();
        Some(match method {
            "eth_getTransactionByHash" => ("A transaction, mined or pending.", hash),
            "eth_getRawTransactionByHash" => ("A transaction's bytes.", hash),
            "eth_getTransactionByBlockHashAndIndex" => {
                ("A transaction by place.", json!([id, index]))
            }
            "eth_getTransactionByBlockNumberAndIndex" => {
                ("A transaction by place.", json!([number, index]))
            }
            "eth_getTransactionReceipt" => ("The receipt; null while pending.", hash),
            "eth_sendRawTransaction" => {
                ("Sends a signed transaction.", json!([self.node.sign_transfer(3, 0, to, 1)]))
            }
            "eth_sendRawTransactionSync" => (
                "Sends and waits for the receipt (EIP-7966). The wait, in milliseconds, is optional.",
                json!([self.node.sign_transfer(4, 0, to, 1), 10_000]),
            ),
            "debug_traceTransaction" => (
                "Repeats a transaction under a tracer.",
                json!([self.hash, { "tracer": "callTracer" }]),
            ),
            "debug_traceBlockByNumber" => {
                ("Repeats a block under a tracer.", json!([number, { "tracer": "callTracer" }]))
            }
            "debug_traceBlockByHash" => {
                ("Repeats a block under a tracer.", json!([id, { "tracer": "callTracer" }]))
            }
            "debug_traceCall" => (
                "Executes a call under a tracer.",
                json!([{ "to": self.contract, "input": "0x02" }, "latest", { "tracer": "prestateTracer" }]),
            ),
            "debug_getRawHeader" => ("A header's RLP.", json!([number])),
            "debug_getRawReceipts" => ("The receipts' encodings.", json!([number])),
            "debug_getRawTransaction" => ("A mined transaction's bytes.", hash),
            "ots_getTransactionError" => ("The output of a failed transaction.", hash),
            _ => return None,
        })
    }

    fn filter_example(&self, method: &str) -> Option<(&'static str, Value)> {
        let filter = json!({ "address": self.contract, "fromBlock": "earliest" });
        let install = || self.node.call("eth_newFilter", json!([filter]));
        Some(match method {
            "eth_getLogs" => ("Logs by range, address and topics.", json!([filter])),
            "eth_newFilter" => ("A filter of logs, to be polled.", json!([filter])),
            "eth_newBlockFilter" => ("A filter of new blocks.", json!([])),
            "eth_newPendingTransactionFilter" => ("A filter of pooled transactions.", json!([])),
            "eth_getFilterChanges" => ("What happened since the last poll.", json!([install()])),
            "eth_getFilterLogs" => ("All logs of a filter.", json!([install()])),
            "eth_uninstallFilter" => ("Forgets a filter.", json!([install()])),
            "eth_subscribe" => (
                "Pushes `newHeads`, `logs` (with a filter), `newPendingTransactions` (`true`: whole \
                 ones) or `syncing`. WebSocket only. Logs of blocks that leave the chain come again \
                 with `removed: true`.",
                json!(["newHeads"]),
            ),
            "eth_unsubscribe" => ("Ends a subscription. WebSocket only.", json!(["0x0"])),
            _ => return None,
        })
    }

    fn other_example(&self, method: &str) -> Option<(&'static str, Value)> {
        let (id, number) = (&self.receipt["blockHash"], &self.receipt["blockNumber"]);
        let sender = self.node.account(0).hex();
        let none = json!([]);
        Some(match method {
            "net_version" => ("The chain id as a decimal number.", none),
            "net_listening" => ("Whether the node has a network.", none),
            "net_peerCount" => ("How many peers there are.", none),
            "web3_clientVersion" => ("Name and version of the program.", none),
            "web3_sha3" => ("Keccak-256 of bytes.", json!(["0x68656c6c6f"])),
            "txpool_status" => ("How many transactions wait.", none),
            "txpool_content" => ("All transactions that wait, by sender and nonce.", none),
            "txpool_contentFrom" => ("A sender's transactions that wait.", json!([sender])),
            "txpool_inspect" => ("All transactions that wait, a line each.", none),
            "mbt_chainInfo" => ("The chain's rules and where it stands.", none),
            "mbt_nodeStatus" => ("This node: peers, sync, pool.", none),
            "mbt_refusedReorg" => {
                ("The branch that was refused for its depth, or null. The operator decides.", none)
            }
            "admin_acceptReorg" => ("Takes the branch that was refused.", json!([id])),
            "ots_getApiLevel" => ("The level of Otterscan's interface.", none),
            "erigon_getHeaderByNumber" => ("A header.", json!([number])),
            "ots_getBlockDetails" => ("A block without its transactions.", json!([number])),
            "ots_getBlockDetailsByHash" => ("A block without its transactions.", json!([id])),
            "ots_getBlockTransactions" => {
                ("A page of a block's transactions.", json!([number, 0, 10]))
            }
            _ => return None,
        })
    }
}

fn update() {
    let scene = Scene::new();
    let text = fs::read_to_string(path()).unwrap();
    let (before, _) = text.split_once(MARK).expect("docs/rpc.md has the mark");
    let mut text = format!("{before}{MARK}\n");
    let mut namespace = "";
    for method in method_names() {
        let space = method.split('_').next().unwrap();
        if space != namespace {
            namespace = space;
            write!(text, "\n## `{space}_`\n").unwrap();
        }
        let (words, params) = scene.example(method);
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let response = answer(&scene, method, &params);
        write!(text, "\n### `{method}`\n\n{words}\n\n").unwrap();
        for value in [request, response] {
            let value = shortened(value);
            let line = value.to_string();
            let shown = if line.len() <= LINE { line } else { format!("{value:#}") };
            write!(text, "```json\n{shown}\n```\n").unwrap();
        }
    }
    fs::write(path(), text).unwrap();
}

fn answer(scene: &Scene, method: &str, params: &Value) -> Value {
    let address = scene.node.address();
    let result = if method.ends_with("subscribe") {
        WebSocket::open(address, None).unwrap().call(method, params.clone())
    } else {
        client::call(address, method, params.clone())
    };
    match result {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": 1, "result": result }),
        Err(error) => json!({ "jsonrpc": "2.0", "id": 1, "error": error }),
    }
}

/// Cuts long strings, so that a page stays readable.
fn shortened(value: Value) -> Value {
    const SHOWN: usize = 80;
    match value {
        Value::String(text) if text.len() > SHOWN => json!(format!("{}...", &text[..SHOWN])),
        Value::Array(items) => items.into_iter().map(shortened).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, shortened(value))).collect()
        }
        other => other,
    }
}
