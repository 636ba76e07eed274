//! One user's way through the network, each step over JSON-RPC and shown with what proves it.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use mbt_account::{Kind, Transaction};
use mbt_crypto::{Address, InvalidKey, SecretKey, U256};
use mbt_vm::development::ACCOUNTS;
use serde_json::{Value, json};

use crate::client::{ClientError, call};

/// The contract, compiled from `contracts/Notebook.sol`.
const NOTEBOOK: &str = include_str!("../../contracts/artifacts/Notebook.json");

/// Selector of `write(uint256)`.
const WRITE: &str = "2f048afa";
/// Selector of `pages(address)`.
const PAGES: &str = "1b4fd9d7";

/// Longest that a transaction may take to be included.
const INCLUSION_TIME: Duration = Duration::from_secs(120);

/// Longest that nodes may take to agree.
const AGREEMENT_TIME: Duration = Duration::from_secs(60);

/// Why the demonstration stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// A node did not do as asked.
    #[error("{step}: {source}")]
    Call {
        /// The step.
        step: &'static str,
        /// Why not.
        source: ClientError,
    },
    /// Something else came out than should have.
    #[error("{step}: {what}, expected {expected}, found {found}")]
    Unexpected {
        /// The step.
        step: &'static str,
        /// What was looked at.
        what: &'static str,
        /// What should have come out.
        expected: String,
        /// What did.
        found: String,
    },
    /// It took too long.
    #[error("{step}: {what} took longer than {seconds} s")]
    Late {
        /// The step.
        step: &'static str,
        /// What was waited for.
        what: &'static str,
        /// How long.
        seconds: u64,
    },
    /// A development key is not one.
    #[error(transparent)]
    Key(#[from] InvalidKey),
}

/// Walks one user through what the network can do, and tells each step to `tell`.
///
/// # Errors
/// [`DemoError`]: which step failed, and how.
pub fn demo(nodes: &[SocketAddr], tell: &mut dyn FnMut(&str)) -> Result<(), DemoError> {
    let [first, .., last] = nodes else { return one_node(nodes, tell) };
    walk(*first, *last, nodes, tell)
}

fn one_node(nodes: &[SocketAddr], tell: &mut dyn FnMut(&str)) -> Result<(), DemoError> {
    nodes.first().map_or(Ok(()), |only| walk(*only, *only, nodes, tell))
}

fn walk(
    near: SocketAddr,
    far: SocketAddr,
    all: &[SocketAddr],
    tell: &mut dyn FnMut(&str),
) -> Result<(), DemoError> {
    let user = User::new(near)?;
    let receiver = ACCOUNTS[1].address;
    let before = user.balance(far, "transfer", receiver)?;
    let amount = U256::from(10_u64.pow(18));
    let (hash, receipt) = user.send("transfer", Some(receiver), amount, Vec::new())?;
    tell(&format!("1. transfer of 1 MBTC: {hash} in block {}", text(&receipt, "blockNumber")));
    await_block(far, "transfer", &receipt)?;
    let after = user.balance(far, "transfer", receiver)?;
    expect("transfer", "the receiver's balance on another node", &(before + amount), &after)?;
    tell("   proved: the receiver's balance grew by exactly that on another node");

    let artifact: Value = serde_json::from_str(NOTEBOOK).unwrap_or_default();
    let code = bytes(artifact.get("bytecode"));
    let (hash, receipt) = user.send("contract", None, U256::zero(), code)?;
    let contract = text(&receipt, "contractAddress");
    tell(&format!("2. Solidity contract deployed at {contract}: {hash}"));
    let address: Address = contract.parse().unwrap_or_default();
    let note = U256::from(42);
    let input = [bytes(Some(&json!(WRITE))), note.to_big_endian().to_vec()].concat();
    let (hash, receipt) = user.send("contract", Some(address), U256::zero(), input)?;
    let logs = receipt.get("logs").and_then(Value::as_array).map_or(0, Vec::len);
    expect("contract", "events of the call", &1, &logs)?;
    tell(&format!("   called write(42): {hash}, gas used {}", text(&receipt, "gasUsed")));
    await_block(far, "contract", &receipt)?;
    let query = format!("0x{PAGES}{:0>64}", hex::encode(user.key.address().0));
    let read = user.ask(
        far,
        "contract",
        "eth_call",
        &json!([
            { "to": contract, "data": query }, "latest"
        ]),
    )?;
    expect("contract", "what another node reads", &note, &number(&read))?;
    tell("   proved: another node reads 42 from the contract's storage");
    agree(all, tell)
}

/// Waits until all nodes name the same block at the lowest of their heads.
fn agree(nodes: &[SocketAddr], tell: &mut dyn FnMut(&str)) -> Result<(), DemoError> {
    const STEP: &str = "agreement";
    let block = |node: SocketAddr, at: &Value| {
        call(node, "eth_getBlockByNumber", &json!([at, false]))
            .map_err(|source| DemoError::Call { step: STEP, source })
    };
    let begun = Instant::now();
    loop {
        let mut lowest = u64::MAX;
        for node in nodes {
            let head = block(*node, &json!("latest"))?;
            lowest = lowest.min(number(head.get("number").unwrap_or(&Value::Null)).low_u64());
        }
        let mut found = Vec::new();
        for node in nodes {
            let shared = block(*node, &json!(format!("{lowest:#x}")))?;
            found.push((text(&shared, "hash"), text(&shared, "stateRoot")));
        }
        found.dedup();
        if let [(hash, root)] = found.as_slice() {
            tell(&format!("3. all nodes agree on block {lowest}: {hash}, state root {root}"));
            return Ok(());
        }
        if begun.elapsed() > AGREEMENT_TIME {
            let seconds = AGREEMENT_TIME.as_secs();
            return Err(DemoError::Late { step: STEP, what: "the nodes' agreement", seconds });
        }
        thread::sleep(Duration::from_millis(500));
    }
}

/// The first funded account, and the node it talks to.
struct User {
    key: SecretKey,
    node: SocketAddr,
}

impl User {
    fn new(node: SocketAddr) -> Result<Self, DemoError> {
        Ok(Self { key: SecretKey::from_bytes(ACCOUNTS[0].private_key)?, node })
    }

    fn ask(
        &self,
        node: SocketAddr,
        step: &'static str,
        method: &str,
        params: &Value,
    ) -> Result<Value, DemoError> {
        call(node, method, params).map_err(|source| DemoError::Call { step, source })
    }

    fn balance(
        &self,
        node: SocketAddr,
        step: &'static str,
        of: Address,
    ) -> Result<U256, DemoError> {
        let params = json!([of.to_hex(), "latest"]);
        Ok(number(&self.ask(node, step, "eth_getBalance", &params)?))
    }

    /// Signs and sends a transaction, and waits for its receipt, which must tell of success.
    fn send(
        &self,
        step: &'static str,
        to: Option<Address>,
        value: U256,
        input: Vec<u8>,
    ) -> Result<(String, Value), DemoError> {
        let ask = |method: &str, params: Value| self.ask(self.node, step, method, &params);
        let from = self.key.address().to_hex();
        let nonce = number(&ask("eth_getTransactionCount", json!([from, "pending"]))?).low_u64();
        let tip = number(&ask("eth_maxPriorityFeePerGas", json!([]))?);
        let price = number(&ask("eth_gasPrice", json!([]))?);
        let mut request = json!({
            "from": from,
            "value": format!("{value:#x}"),
            "data": format!("0x{}", hex::encode(&input)),
        });
        if let Some(to) = to {
            request["to"] = json!(to.to_hex());
        }
        let transaction = Transaction {
            kind: Kind::DynamicFee {
                chain_id: number(&ask("eth_chainId", json!([]))?).low_u64(),
                max_priority_fee_per_gas: tip,
                max_fee_per_gas: price * 2 + tip,
                access_list: Vec::new(),
            },
            nonce,
            gas_limit: number(&ask("eth_estimateGas", json!([request]))?).low_u64(),
            to,
            value,
            input,
        };
        let raw = format!("0x{}", hex::encode(transaction.sign(&self.key).encode()));
        let hash = ask("eth_sendRawTransaction", json!([raw]))?;
        let receipt = await_some(self.node, step, "eth_getTransactionReceipt", &json!([hash]))?;
        expect(step, "the receipt's status", &"0x1".to_owned(), &text(&receipt, "status"))?;
        Ok((hash.as_str().unwrap_or_default().to_owned(), receipt))
    }
}

/// Waits until a node has the block that a receipt names.
fn await_block(node: SocketAddr, step: &'static str, receipt: &Value) -> Result<(), DemoError> {
    let hash = text(receipt, "transactionHash");
    await_some(node, step, "eth_getTransactionReceipt", &json!([hash])).map(drop)
}

fn await_some(
    node: SocketAddr,
    step: &'static str,
    method: &str,
    params: &Value,
) -> Result<Value, DemoError> {
    let begun = Instant::now();
    loop {
        let found =
            call(node, method, params).map_err(|source| DemoError::Call { step, source })?;
        if !found.is_null() {
            return Ok(found);
        }
        if begun.elapsed() > INCLUSION_TIME {
            let seconds = INCLUSION_TIME.as_secs();
            return Err(DemoError::Late { step, what: "inclusion", seconds });
        }
        thread::sleep(Duration::from_millis(200));
    }
}

fn expect<T: PartialEq + ToString>(
    step: &'static str,
    what: &'static str,
    expected: &T,
    found: &T,
) -> Result<(), DemoError> {
    if expected == found {
        return Ok(());
    }
    let (expected, found) = (expected.to_string(), found.to_string());
    Err(DemoError::Unexpected { step, what, expected, found })
}

fn text(object: &Value, field: &str) -> String {
    object.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn number(value: &Value) -> U256 {
    let digits = value.as_str().unwrap_or_default().trim_start_matches("0x");
    U256::from_str_radix(digits, 16).unwrap_or_default()
}

fn bytes(value: Option<&Value>) -> Vec<u8> {
    let digits = value.and_then(Value::as_str).unwrap_or_default().trim_start_matches("0x");
    hex::decode(digits).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use mbt_crypto::keccak256;

    use super::*;

    #[test]
    fn the_artifact_is_of_the_source_beside_it() {
        let source = include_str!("../../contracts/Notebook.sol");
        let artifact: Value = serde_json::from_str(NOTEBOOK).unwrap();
        assert_eq!(text(&artifact, "sourceHash"), format!("{:#x}", keccak256(source)));
        assert!(!bytes(artifact.get("bytecode")).is_empty());
    }

    #[test]
    fn selectors_are_of_the_functions_named() {
        let selector = |name: &str| hex::encode(&keccak256(name).0[..4]);
        assert_eq!(selector("write(uint256)"), WRITE);
        assert_eq!(selector("pages(address)"), PAGES);
    }
}
