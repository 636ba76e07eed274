//! The `evm` crate's numbers and ours have the same bytes and different types.

use evm::interpreter::uint as theirs;
use mbt_crypto::{Address, H256, U256};

pub(crate) const fn number(value: theirs::U256) -> U256 {
    U256(value.0)
}

pub(crate) const fn to_number(value: U256) -> theirs::U256 {
    theirs::U256(value.0)
}

pub(crate) const fn hash(value: theirs::H256) -> H256 {
    H256(value.0)
}

pub(crate) const fn to_hash(value: H256) -> theirs::H256 {
    theirs::H256(value.0)
}

pub(crate) const fn address(value: theirs::H160) -> Address {
    Address(value.0)
}

pub(crate) const fn to_address(value: Address) -> theirs::H160 {
    theirs::H160(value.0)
}

/// A storage word as a number.
pub(crate) fn word(value: theirs::H256) -> U256 {
    U256::from_big_endian(&value.0)
}

pub(crate) fn to_word(value: U256) -> theirs::H256 {
    theirs::H256(value.to_big_endian())
}
