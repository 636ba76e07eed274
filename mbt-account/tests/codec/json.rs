//! JSON of accounts and transactions.

use mbt_account::{LeagueAccount, PublicAccount, SignedTransaction, Transaction, system::Payload};
use mbt_crypto::SecretKey;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::values::{league_account, own, public_account, signed};

fn refusal<T: for<'de> serde::Deserialize<'de> + std::fmt::Debug>(value: Value) -> String {
    serde_json::from_value::<T>(value).unwrap_err().to_string()
}

fn with(base: &Value, field: &str, value: Value) -> Value {
    let mut changed = base.clone();
    changed[field] = value;
    changed
}

fn without(base: &Value, field: &str) -> Value {
    let mut changed = base.clone();
    changed.as_object_mut().unwrap().remove(field);
    changed
}

proptest! {
    #[test]
    fn values_survive_json(
        signed in signed(),
        account in public_account(),
        league in league_account(),
    ) {
        let json = serde_json::to_value(&signed).unwrap();
        prop_assert_eq!(serde_json::from_value::<SignedTransaction>(json.clone()).unwrap(), signed.clone());
        // What JSON-RPC adds is passed over.
        let mined = with(&with(&json, "blockHash", Value::Null), "from", json!("0x"));
        prop_assert_eq!(serde_json::from_value::<SignedTransaction>(mined).unwrap(), signed.clone());
        let bare = Transaction::clone(&signed);
        let json = serde_json::to_value(&bare).unwrap();
        prop_assert_eq!(serde_json::from_value::<Transaction>(json).unwrap(), bare);
        let json = serde_json::to_value(&account).unwrap();
        prop_assert_eq!(serde_json::from_value::<PublicAccount>(json).unwrap(), account);
        let json = serde_json::to_value(&league).unwrap();
        prop_assert_eq!(serde_json::from_value::<LeagueAccount>(json).unwrap(), league);
    }

    #[test]
    fn own_types_show_every_common_field_and_are_read_from_either_form(transaction in own()) {
        let json = serde_json::to_value(&transaction).unwrap();
        for field in ["type", "chainId", "nonce", "gas", "maxFeePerGas", "maxPriorityFeePerGas",
            "to", "value", "input", "accessList"]
        {
            prop_assert!(json.get(field).is_some(), "{}", field);
        }
        let own = if json["type"] == "0x4a" { "leagueJoin" } else { "notarize" };
        let payload: Payload = serde_json::from_value(json!({ own: json[own] })).unwrap();
        prop_assert_eq!(Some(payload), transaction.payload().unwrap());
        // A wallet's file may name the payload only, or its bytes only.
        for left_out in ["input", own, "to"] {
            let read: Transaction = serde_json::from_value(without(&json, left_out)).unwrap();
            prop_assert_eq!(&read, &transaction);
        }
        let neither = without(&without(&json, "input"), own);
        prop_assert_eq!(refusal::<Transaction>(neither), "missing field \"input\"");
        let other = with(&json, "input", json!("0xc0"));
        prop_assert_eq!(
            refusal::<Transaction>(other),
            "field \"input\" is not the payload's encoding"
        );
        let elsewhere = with(&json, "to", json!("0x0000000000000000000000000000000000000001"));
        prop_assert!(refusal::<Transaction>(elsewhere).contains("are sent to 0x"));
    }

    #[test]
    fn arbitrary_texts_never_panic(field in 0_usize..12, text in "(0x)?[0-9a-fg]{0,70}") {
        let names = ["type", "chainId", "nonce", "gas", "maxFeePerGas", "maxPriorityFeePerGas",
            "to", "value", "input", "v", "r", "s"];
        let changed = with(&transfer(), names[field], json!(text));
        let _ = serde_json::from_value::<Transaction>(changed.clone());
        let _ = serde_json::from_value::<SignedTransaction>(changed);
    }
}

fn transfer() -> Value {
    json!({
        "type": "0x2",
        "chainId": "0x7a69",
        "nonce": "0x0",
        "gas": "0x5208",
        "maxFeePerGas": "0x2",
        "maxPriorityFeePerGas": "0x1",
        "to": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
        "value": "0xde0b6b3a7640000",
        "input": "0x",
        "accessList": [],
    })
}

#[test]
fn forms_have_ethereums_names_and_texts() {
    let transaction: Transaction = serde_json::from_value(transfer()).unwrap();
    assert_eq!(serde_json::to_value(&transaction).unwrap(), transfer());
    let signed = serde_json::to_value(transaction.sign(&SecretKey::from_bytes([7; 32]).unwrap()));
    let signed = signed.unwrap();
    assert_eq!(signed["v"], signed["yParity"]);
    for field in ["hash", "r", "s"] {
        assert!(signed[field].as_str().unwrap().starts_with("0x"));
    }
}

/// The example of EIP-155.
#[test]
fn json_signs_to_the_bytes_of_eip_155() {
    let transaction: Transaction = serde_json::from_value(json!({
        "type": "0x0",
        "chainId": "0x1",
        "nonce": "0x9",
        "gasPrice": "0x4a817c800",
        "gasLimit": "0x5208",
        "to": "0x3535353535353535353535353535353535353535",
        "value": "0xde0b6b3a7640000",
        "data": "0x",
    }))
    .unwrap();
    let signed = transaction.sign(&SecretKey::from_bytes([0x46; 32]).unwrap());
    assert_eq!(
        hex::encode(signed.encode()),
        "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025\
         a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276\
         a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
    );
    let json = serde_json::to_value(&signed).unwrap();
    assert_eq!(json["v"], "0x25");
    assert!(json.get("yParity").is_none());
}

#[test]
fn errors_name_the_field() {
    let refused = |field, value| refusal::<Transaction>(with(&transfer(), field, value));
    let misplaced =
        |field, tx_type| format!("field {field:?} is not one of transactions of type {tx_type}");
    assert_eq!(refused("vaule", json!("0x1")), "unknown field \"vaule\"");
    assert_eq!(refused("gasPrice", json!("0x1")), misplaced("gasPrice", "0x2"));
    assert_eq!(refused("type", json!("0x0")), misplaced("maxFeePerGas", "0x0"));
    assert_eq!(
        refused("type", json!("0x19")),
        "transaction type 0x19 not supported: it is reserved for signed messages"
    );
    assert_eq!(refused("type", json!("0x3")), "transaction type 0x3 not supported");
    assert_eq!(refused("nonce", json!("0x01")), "hex number with leading zero digits");
    assert_eq!(refused("nonce", json!("0x1ffffffffffffffff")), "hex number > 64 bits");
    assert_eq!(refused("value", json!("1")), "hex string without 0x prefix");
    for field in ["type", "chainId", "nonce", "gas", "maxFeePerGas", "value"] {
        let text = refusal::<Transaction>(without(&transfer(), field));
        assert!(text.contains("missing field") && text.contains(field), "{text}");
    }
}

#[test]
fn signed_forms_that_contradict_themselves_are_refused() {
    let transaction: Transaction = serde_json::from_value(transfer()).unwrap();
    let signed = transaction.sign(&SecretKey::from_bytes([7; 32]).unwrap());
    let good = serde_json::to_value(&signed).unwrap();
    let other = if good["v"] == "0x0" { "0x1" } else { "0x0" };
    let refused = |field, value| refusal::<SignedTransaction>(with(&good, field, json!(value)));
    assert_eq!(refused("v", other), "fields \"v\" and \"yParity\" differ");
    assert_eq!(refused("yParity", "0x2"), "fields \"v\" and \"yParity\" differ");
    assert!(refused("nonce", "0x1").starts_with("field \"hash\" is not that of the transaction"));
    let only_v = with(&without(&good, "yParity"), "v", json!("0x1b"));
    assert_eq!(refusal::<SignedTransaction>(only_v), "field \"yParity\" is 27, neither 0 nor 1");
    assert_eq!(serde_json::from_value::<SignedTransaction>(without(&good, "v")).unwrap(), signed);
}

#[test]
fn league_fields_come_together() {
    let account = serde_json::to_value(PublicAccount::default()).unwrap();
    assert!(account["leagueMicroProtocol"].is_null());
    let half = with(&account, "leagueMicroProtocol", account["codeHash"].clone());
    assert_eq!(
        refusal::<PublicAccount>(half),
        "leagueMicroProtocol and leagueGenesisRoot are both set or neither"
    );
}
