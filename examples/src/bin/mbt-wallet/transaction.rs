//! `transfer`, `deploy`, `call` and `broadcast`: made, shown, signed, sent and waited for.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use indicatif::ProgressBar;
use mbt_account::{Kind, SignedTransaction, Transaction};
use mbt_crypto::{Address, U256};
use mbt_examples::exit::{Code, Failure};
use serde_json::{Value, json};

use super::{
    abi,
    args::{Call, Deploy, Send, Transfer, Wait},
    chains::Chain,
    history,
    home::{check_free, create_private},
    node::{Node, hash_text, number},
    output::{Wallet, file_failed},
    preview,
};

/// How long a transaction is waited for.
const INCLUSION_TIME: Duration = Duration::from_secs(300);

/// How often it is asked for.
const POLL: Duration = Duration::from_millis(500);

/// What a transaction is to do.
struct Intent {
    from: String,
    to: Option<Address>,
    value: U256,
    input: Vec<u8>,
    /// In words, where the input says more than the other fields.
    what: Option<String>,
}

pub(crate) fn transfer(wallet: &Wallet, command: &Transfer) -> Result<(), Failure> {
    let to = wallet.address(&command.to)?;
    let intent = Intent {
        from: command.from.clone(),
        to: Some(to),
        value: command.amount,
        input: Vec::new(),
        what: None,
    };
    run(wallet, &intent, &command.send)
}

pub(crate) fn deploy(wallet: &Wallet, command: &Deploy) -> Result<(), Failure> {
    let file = &command.file;
    let text = fs::read_to_string(file).map_err(file_failed(file))?;
    let artifact: Option<Value> = serde_json::from_str(&text).ok().filter(Value::is_object);
    let code = match &artifact {
        // solc and Foundry write an object, Hardhat and this project a text.
        Some(json) => json.pointer("/bytecode/object").or(json.get("bytecode")),
        None => None,
    };
    let digits = code.and_then(Value::as_str).unwrap_or(&text).trim();
    let mut input = hex::decode(digits.strip_prefix("0x").unwrap_or(digits)).map_err(|error| {
        let sentence = format!(
            "{}: neither JSON with bytecode nor hexadecimal digits: {error}",
            file.display()
        );
        Failure::new(Code::Usage, sentence)
    })?;
    if input.is_empty() {
        let sentence = format!("{}: the contract has no code", file.display());
        return Err(Failure::new(Code::Usage, sentence));
    }
    let abi = artifact.as_ref().and_then(|json| json.get("abi"));
    let arguments = &command.arguments;
    let what = format!("creates {} with ({})", file.display(), arguments.join(", "));
    input.extend(abi::constructor_data(wallet, command.constructor.as_deref(), abi, arguments)?);
    let intent = Intent {
        from: command.from.clone(),
        to: None,
        value: command.value,
        input,
        what: Some(what),
    };
    run(wallet, &intent, &command.send)
}

pub(crate) fn call(wallet: &Wallet, command: &Call) -> Result<(), Failure> {
    let function = abi::function(&command.signature)?;
    let input = abi::call_data(wallet, &function, &command.arguments)?;
    let what = format!("calls {} with ({})", function.signature(), command.arguments.join(", "));
    let intent = Intent {
        from: command.from.clone(),
        to: Some(wallet.address(&command.to)?),
        value: command.value,
        input,
        what: Some(what),
    };
    run(wallet, &intent, &command.send)
}

/// Makes the transaction, shows it, signs it, and sends it or hands it out.
fn run(wallet: &Wallet, intent: &Intent, send: &Send) -> Result<(), Failure> {
    let chain = wallet.chain()?;
    preview::check_chain(Some(chain.chain_id.into()), send.allow_foreign_chain)?;
    send.out.as_deref().map_or(Ok(()), check_free)?;
    let from = wallet.home.account(&intent.from)?.address;
    let node = if send.offline { None } else { Some(Node::connect(&chain)?) };
    let transaction = complete(node.as_ref(), &chain, from, intent, send)?;
    let preview = preview::transaction(wallet, from, &transaction, intent.what.as_deref())?;
    wallet.confirm(&preview)?;
    let signed = transaction.sign(&wallet.unlock(&intent.from)?);
    let raw = format!("0x{}", hex::encode(signed.encode()));
    let hash = hash_text(signed.hash());
    match (node, &send.out) {
        (_, Some(file)) => {
            create_private(file, format!("{raw}\n").as_bytes())?;
            let line = format!("{hash} signed into {}", file.display());
            wallet.print(&json!({ "hash": hash, "raw": raw, "file": file }), &[line]);
            Ok(())
        }
        (None, None) => {
            wallet.print(&json!({ "hash": hash, "raw": raw }), std::slice::from_ref(&raw));
            Ok(())
        }
        (Some(node), None) => dispatch(wallet, &chain, &node, from, &signed, send.wait),
    }
}

/// Fills in what was not given by asking the node.
fn complete(
    node: Option<&Node>,
    chain: &Chain,
    from: Address,
    intent: &Intent,
    send: &Send,
) -> Result<Transaction, Failure> {
    let ask = |method: &str, params: Value| {
        let node =
            node.ok_or_else(|| Failure::runtime("this takes a node, and --offline has none"))?;
        node.number(method, &params)
    };
    let priority_fee = match send.priority_fee {
        Some(fee) => fee,
        None => ask("eth_maxPriorityFeePerGas", json!([]))?,
    };
    let max_fee = match send.max_fee {
        Some(fee) => fee,
        // The base fee can double in six blocks; what is too much is not paid.
        None => {
            let base = base_fee(node)?;
            base.saturating_mul(2.into()).saturating_add(priority_fee)
        }
    };
    if priority_fee > max_fee {
        let sentence = "the priority fee is greater than the maximum fee";
        return Err(Failure::new(Code::Usage, sentence));
    }
    let nonce = match send.nonce {
        Some(nonce) => nonce,
        None => small(ask("eth_getTransactionCount", json!([from.to_hex(), "pending"]))?)?,
    };
    let gas_limit = match send.gas_limit {
        Some(limit) => limit,
        None => {
            let mut request = json!({
                "from": from.to_hex(),
                "value": format!("{:#x}", intent.value),
                "data": format!("0x{}", hex::encode(&intent.input)),
            });
            if let Some(to) = intent.to {
                request["to"] = json!(to.to_hex());
            }
            small(ask("eth_estimateGas", json!([request]))?)?
        }
    };
    Ok(Transaction {
        kind: Kind::DynamicFee {
            chain_id: chain.chain_id,
            max_priority_fee_per_gas: priority_fee,
            max_fee_per_gas: max_fee,
            access_list: Vec::new(),
        },
        nonce,
        gas_limit,
        to: intent.to,
        value: intent.value,
        input: intent.input.clone(),
    })
}

fn base_fee(node: Option<&Node>) -> Result<U256, Failure> {
    let node = node.ok_or_else(|| Failure::runtime("fees are asked of a node: give --max-fee"))?;
    let head = node.ask("eth_getBlockByNumber", &json!(["latest", false]))?;
    head.get("baseFeePerGas")
        .and_then(number)
        .ok_or_else(|| Failure::runtime("the node's block names no base fee"))
}

fn small(number: U256) -> Result<u64, Failure> {
    u64::try_from(number).map_err(|_| Failure::runtime(format!("the node answered {number}")))
}

/// `broadcast`: sends a transaction that was signed before.
pub(crate) fn broadcast(wallet: &Wallet, transaction: &str, wait: Wait) -> Result<(), Failure> {
    let text = match transaction.strip_prefix('@') {
        Some(file) => fs::read_to_string(file).map_err(file_failed(file.as_ref()))?,
        None => transaction.to_owned(),
    };
    let refused =
        |reason: String| Failure::new(Code::Usage, format!("this is no raw transaction: {reason}"));
    let digits = text.trim();
    let bytes = hex::decode(digits.strip_prefix("0x").unwrap_or(digits))
        .map_err(|error| refused(error.to_string()))?;
    let signed = SignedTransaction::decode(&bytes).map_err(|error| refused(error.to_string()))?;
    let recovered = signed.clone().recover().map_err(|error| refused(error.to_string()))?;
    let chain = wallet.chain()?;
    if signed.chain_id().is_some_and(|id| id != chain.chain_id) {
        let id = signed.chain_id().unwrap_or_default();
        let Chain { name, chain_id, .. } = chain;
        return Err(refused(format!("signed for chain {id}, the chain {name} has id {chain_id}")));
    }
    let from = recovered.sender();
    wallet.confirm(&preview::transaction(wallet, from, &signed, None)?)?;
    dispatch(wallet, &chain, &Node::connect(&chain)?, from, &signed, wait)
}

/// Sends, and waits until a block holds the transaction.
fn dispatch(
    wallet: &Wallet,
    chain: &Chain,
    node: &Node,
    from: Address,
    signed: &SignedTransaction,
    wait: Wait,
) -> Result<(), Failure> {
    let raw = format!("0x{}", hex::encode(signed.encode()));
    history::note(wallet, from, signed)?;
    node.ask("eth_sendRawTransaction", &json!([raw]))?;
    let hash = hash_text(signed.hash());
    if wait.no_wait {
        wallet.print(&json!({ "hash": hash }), &[history::sent_line(chain, signed.hash())]);
        return Ok(());
    }
    let bar = ProgressBar::new_spinner().with_message(format!("{hash}: waiting for a block"));
    bar.enable_steady_tick(Duration::from_millis(100));
    let begun = Instant::now();
    let receipt = loop {
        let receipt = node.receipt(signed.hash()).map_err(|error| {
            Failure::new(error.code, format!("{hash} was sent, but no longer followed: {error}"))
        })?;
        if let Some(receipt) = receipt {
            break receipt;
        }
        if begun.elapsed() > INCLUSION_TIME {
            let seconds = INCLUSION_TIME.as_secs();
            let hint = "`mbt-wallet receipt` tells later what became of it";
            return Err(Failure::runtime(format!(
                "{hash} is in no block after {seconds} s: {hint}"
            )));
        }
        thread::sleep(POLL);
    };
    bar.finish_and_clear();
    wallet.print(&receipt, &history::describe(&receipt));
    if history::succeeded(&receipt) {
        Ok(())
    } else {
        Err(Failure::runtime(format!("{hash} failed; its fee is paid")))
    }
}
