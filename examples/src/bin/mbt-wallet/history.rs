//! What was sent, and what became of it.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
};

use mbt_account::{SignedTransaction, TxHash, format_amount};
use mbt_crypto::{Address, H256, U256};
use mbt_examples::exit::{Code, Failure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    chains::Chain,
    node::{Node, hash_text, number},
    output::{Wallet, file_failed},
};

/// A line of the history.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Sent {
    hash: String,
    chain_id: Option<u64>,
    from: String,
    nonce: u64,
    to: Option<String>,
    value: String,
}

/// Notes a transaction that is about to be sent: one too many in the list is better than one too
/// few.
pub(crate) fn note(
    wallet: &Wallet,
    from: Address,
    transaction: &SignedTransaction,
) -> Result<(), Failure> {
    let sent = Sent {
        hash: hash_text(transaction.hash()),
        chain_id: transaction.chain_id(),
        from: from.to_hex(),
        nonce: transaction.nonce,
        to: transaction.to.map(|to| to.to_hex()),
        value: format!("{:#x}", transaction.value),
    };
    wallet.home.create()?;
    let file = wallet.home.history_file();
    let line = serde_json::to_string(&sent).map_err(Failure::runtime)?;
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(&file)
        .and_then(|mut out| writeln!(out, "{line}").and_then(|()| out.sync_all()))
        .map_err(file_failed(&file))
}

/// `history`.
pub(crate) fn list(wallet: &Wallet, account: Option<&str>) -> Result<(), Failure> {
    let from = account.map(|name| wallet.address(name)).transpose()?.map(|from| from.to_hex());
    let chain = wallet.chain()?;
    let node = Node::connect(&chain).ok();
    if node.is_none() {
        wallet.note("no node answers: what became of the transactions is not known");
    }
    let file = wallet.home.history_file();
    let text = match fs::read_to_string(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        other => other.map_err(file_failed(&file))?,
    };
    let (mut json, mut lines) = (Vec::new(), Vec::new());
    // A line that a crash cut short is no transaction.
    for sent in text.lines().filter_map(|line| serde_json::from_str::<Sent>(line).ok()) {
        if from.as_ref().is_some_and(|from| *from != sent.from)
            || sent.chain_id.is_some_and(|id| id != chain.chain_id)
        {
            continue;
        }
        let receipt = match &node {
            Some(node) => node.ask("eth_getTransactionReceipt", &json!([sent.hash]))?,
            None => Value::Null,
        };
        let outcome = outcome(node.as_ref().map(|_| &receipt));
        let value = number(&json!(sent.value)).unwrap_or_else(U256::zero);
        let to = sent.to.as_deref().unwrap_or("new contract");
        lines.push(format!(
            "{} {:>5} {to} {} MBTC {outcome}",
            sent.hash,
            sent.nonce,
            format_amount(value)
        ));
        json.push(json!({ "sent": sent, "status": outcome, "receipt": receipt }));
    }
    if lines.is_empty() {
        lines.push(format!("nothing was sent on the chain {}", chain.name));
    }
    wallet.print(&json.into(), &lines);
    Ok(())
}

fn outcome(receipt: Option<&Value>) -> &'static str {
    match receipt {
        None => "unknown",
        Some(Value::Null) => "pending",
        Some(receipt) if succeeded(receipt) => "ok",
        Some(_) => "failed",
    }
}

/// `receipt`.
pub(crate) fn receipt(wallet: &Wallet, hash: &str) -> Result<(), Failure> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(hash.strip_prefix("0x").unwrap_or(hash), &mut bytes).map_err(|_| {
        Failure::new(Code::Usage, format!("\"{hash}\" is not a hash of 64 hexadecimal digits"))
    })?;
    let chain = wallet.chain()?;
    let node = Node::connect(&chain)?;
    match node.receipt(TxHash(H256(bytes)))? {
        Some(receipt) => {
            wallet.print(&receipt, &describe(&receipt));
            Ok(())
        }
        None => Err(Failure::runtime(format!(
            "no block of the chain {} holds {hash}: it is pending, or was never sent there",
            chain.name
        ))),
    }
}

pub(crate) fn succeeded(receipt: &Value) -> bool {
    receipt.get("status").and_then(Value::as_str) == Some("0x1")
}

/// Shows a receipt on a few lines.
pub(crate) fn describe(receipt: &Value) -> Vec<String> {
    let text = |name: &str| receipt.get(name).and_then(Value::as_str).unwrap_or("-");
    let quantity = |name: &str| receipt.get(name).and_then(number).unwrap_or_default();
    let fee = quantity("gasUsed").saturating_mul(quantity("effectiveGasPrice"));
    let mut lines = vec![
        format!("hash      {}", text("transactionHash")),
        format!("status    {}", if succeeded(receipt) { "ok" } else { "failed" }),
        format!("block     {} {}", quantity("blockNumber"), text("blockHash")),
        format!("fee       {} MBTC for {} gas", format_amount(fee), quantity("gasUsed")),
    ];
    if receipt.get("contractAddress").is_some_and(Value::is_string) {
        lines.push(format!("contract  {}", text("contractAddress")));
    }
    if let Some(logs) = receipt.get("logs").and_then(Value::as_array)
        && !logs.is_empty()
    {
        lines.push(format!("events    {}", logs.len()));
    }
    lines
}

/// Says which chain a hash can be looked for on.
pub(crate) fn sent_line(chain: &Chain, hash: TxHash) -> String {
    format!("{} sent to the chain {}", hash_text(hash), chain.name)
}
