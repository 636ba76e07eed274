//! Arbitrary parameters: an answer or an error, never a closed connection.

use mbt_examples::rpc::method_names;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};

use crate::{client::outcome, client::post, node::TestNode};

/// JSON as clients send it, more or less: the interesting words are frequent.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|float| json!(float)),
        ".{0,20}".prop_map(Value::from),
        prop::sample::select(vec!["latest", "pending", "earliest", "safe", "finalized"])
            .prop_map(Value::from),
        any::<u64>().prop_map(|number| json!(format!("{number:#x}"))),
        prop::collection::vec(any::<u8>(), 0..40)
            .prop_map(|bytes| json!(format!("0x{}", hex::encode(bytes)))),
        any::<[u8; 20]>().prop_map(|bytes| json!(format!("0x{}", hex::encode(bytes)))),
        any::<[u8; 32]>().prop_map(|bytes| json!(format!("0x{}", hex::encode(bytes)))),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let key = prop::sample::select(vec![
            "from",
            "to",
            "gas",
            "data",
            "input",
            "value",
            "nonce",
            "accessList",
            "address",
            "topics",
            "fromBlock",
            "toBlock",
            "blockHash",
            "blockNumber",
            "storageKeys",
            "tracer",
            "tracerConfig",
            "gasPrice",
            "maxFeePerGas",
            "state",
            "stateDiff",
            "limit",
            "stateOverrides",
            "blockOverrides",
            "balance",
            "code",
            "number",
            "time",
            "baseFeePerGas",
            "requireCanonical",
            "chainId",
            "type",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.prop_map(str::to_owned), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

#[test]
fn arbitrary_parameters_get_an_answer_or_a_typed_error() {
    let node = TestNode::start();
    let methods: Vec<_> = method_names().into_iter().collect();
    let call = |params: Vec<Value>| {
        let batch: Vec<Value> = methods
            .iter()
            .enumerate()
            .map(|(id, method)| {
                // The wait of the synchronous send is not what is tested.
                json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
            })
            .collect();
        let response = post(node.address(), &Value::from(batch).to_string());
        prop_assert_eq!(response.status, 200);
        let answers = response.json();
        prop_assert_eq!(answers.as_array().map(Vec::len), Some(methods.len()));
        for (method, answer) in methods.iter().zip(answers.as_array().unwrap()) {
            if let Err(error) = outcome(answer.clone()) {
                let code = error["code"].as_i64().unwrap();
                prop_assert!(
                    [-32602, -32000, -32001, -32005, -32601, 3, 4].contains(&code),
                    "{method} {params:?}: {error}"
                );
            }
        }
        Ok(())
    };
    let mut runner = TestRunner::new(Config { cases: 64, ..Config::default() });
    runner.run(&prop::collection::vec(value(), 0..4), call).unwrap();
}
