//! The rules that a header follows from its parent.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

pub(crate) mod ancestors;
pub mod asert;
pub(crate) mod fees;
pub(crate) mod gas_limit;
pub(crate) mod header;
pub mod seal;

use mbt_crypto::{H256, keccak256};

use crate::BlockId;

pub use fees::{BASE_FEE_MIN, next_base_fee};
pub use gas_limit::{GAS_LIMIT_DEFAULT, GAS_LIMIT_MIN, gas_limit_follows, next_gas_limit};

/// Returns what the EVM sees as PREVRANDAO in the block after `parent`. A miner can bias it.
#[must_use]
pub fn prev_randao(parent: BlockId) -> H256 {
    keccak256(parent.as_bytes())
}
