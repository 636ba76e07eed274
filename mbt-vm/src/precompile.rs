//! Contracts of this system that are native code, from [`crate::system::FIRST_PRECOMPILE`] on.

use core::fmt::Debug;

use mbt_crypto::{Address, U256};

use crate::Halt;

/// What a precompiled contract sees of the call to it.
#[derive(Clone, Copy, Debug)]
pub struct PrecompileCall<'a> {
    /// The data.
    pub input: &'a [u8],
    /// Who calls.
    pub caller: Address,
    /// Coin moved with the call.
    pub value: U256,
    /// Whether nothing may be changed.
    pub is_static: bool,
    /// Gas left.
    pub gas: u64,
}

/// What a precompiled contract gave.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PrecompileResult {
    /// Gas used; more than was left is out of gas.
    pub gas_used: u64,
    /// Data returned, or the exception that takes all gas.
    pub output: Result<Vec<u8>, Halt>,
}

/// A contract in native code. Same call, same result, on every machine.
pub trait Precompile: Debug + Send + Sync {
    /// Executes a call.
    fn execute(&self, call: PrecompileCall<'_>) -> PrecompileResult;
}
