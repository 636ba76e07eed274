//! What the wallet asks a node.

use mbt_account::TxHash;
use mbt_crypto::{Address, U256};
use mbt_examples::{
    client::Client,
    exit::{Code, Failure},
};
use serde_json::{Value, json};

use super::chains::Chain;

/// A node of a chain, known to be of that chain.
pub(crate) struct Node {
    client: Client,
}

impl Node {
    /// Connects, and refuses a node of another chain than the profile says: a signature for it
    /// could be good where nobody means it.
    pub(crate) fn connect(chain: &Chain) -> Result<Self, Failure> {
        let node = Self { client: Client::new(&chain.rpc) };
        let actual = node.number("eth_chainId", &json!([]))?;
        if actual != chain.chain_id.into() {
            return Err(Failure::new(
                Code::Config,
                format!(
                    "{} is a node of chain {actual}, but the chain {} has id {}",
                    chain.rpc, chain.name, chain.chain_id
                ),
            ));
        }
        Ok(node)
    }

    pub(crate) fn ask(&self, method: &str, params: &Value) -> Result<Value, Failure> {
        self.client.call(method, params).map_err(Failure::runtime)
    }

    pub(crate) fn number(&self, method: &str, params: &Value) -> Result<U256, Failure> {
        let answer = self.ask(method, params)?;
        number(&answer).ok_or_else(|| Failure::runtime(format!("{method} answered {answer}")))
    }

    pub(crate) fn balance(&self, of: Address) -> Result<U256, Failure> {
        self.number("eth_getBalance", &json!([of.to_hex(), "latest"]))
    }

    pub(crate) fn receipt(&self, hash: TxHash) -> Result<Option<Value>, Failure> {
        let receipt = self.ask("eth_getTransactionReceipt", &json!([hash_text(hash)]))?;
        Ok((!receipt.is_null()).then_some(receipt))
    }
}

pub(crate) fn hash_text(hash: TxHash) -> String {
    format!("0x{}", hex::encode(hash.0))
}

/// Reads a quantity.
pub(crate) fn number(value: &Value) -> Option<U256> {
    let digits = value.as_str()?.strip_prefix("0x")?;
    U256::from_str_radix(digits, 16).ok()
}

/// Reads bytes in 0x-hex.
pub(crate) fn bytes(value: &Value) -> Option<Vec<u8>> {
    hex::decode(value.as_str()?.strip_prefix("0x")?).ok()
}
