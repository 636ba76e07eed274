//! A contract assembled by hand: it stores, emits, answers and reverts.

use mbt_crypto::{H256, U256};

/// What the first byte of the call data asks for: 1 sets, 2 returns slot 0, anything else reverts
/// with `Error("nope")`.
pub(crate) enum Op {
    /// Stores a word at slot 0 and emits it as topic and data.
    Set(u64),
    /// Reverts.
    Fail,
}

impl Op {
    /// Returns the call data.
    pub(crate) fn input(&self) -> Vec<u8> {
        match self {
            Self::Set(value) => {
                let mut input = vec![1];
                input.extend(word(*value).0);
                input
            }
            Self::Fail => vec![9],
        }
    }
}

/// Returns a number as a word.
pub(crate) fn word(value: u64) -> H256 {
    H256(U256::from(value).to_big_endian())
}

/// Returns the code that deploys the contract.
pub(crate) fn init_code() -> Vec<u8> {
    let runtime = runtime();
    // PUSH1 size DUP1 PUSH1 11 PUSH1 0 CODECOPY PUSH1 0 RETURN
    let size = u8::try_from(runtime.len()).unwrap();
    let mut code = vec![0x60, size, 0x80, 0x60, 11, 0x60, 0, 0x39, 0x60, 0, 0xf3];
    code.extend(runtime);
    code
}

/// Returns the deployed code.
pub(crate) fn runtime() -> Vec<u8> {
    const SET: &str = "39";
    const GET: &str = "4b";
    let dispatch = format!("60003560f81c80600114{}80600214{}", jump(SET), jump(GET));
    let fail = "6308c379a060e01b600052 6020600452 6004602452 636e6f706560e01b604452 60646000fd";
    let set = "5b60013580600055 80600052 60206000a100";
    let get = "5b600054600052 60206000f3";
    hex::decode(format!("{dispatch}{fail}{set}{get}").replace(' ', "")).unwrap()
}

fn jump(to: &str) -> String {
    format!("60{to}57")
}
