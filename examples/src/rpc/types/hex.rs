//! Ethereum's two encodings of values: quantities (`0x` and a hex number without leading zeros) and
//! data (`0x` and two hex digits a byte).

use std::fmt;

use mbt_crypto::{Address, H256, U256};
use serde::{Serialize, Serializer};

/// Shown as a quantity.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Quantity(pub(crate) U256);

/// Shown as data.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Data<T>(pub(crate) T);

/// Shown as a quantity.
pub(crate) fn quantity(value: impl Into<U256>) -> Quantity {
    Quantity(value.into())
}

/// Shown as a quantity.
pub(crate) fn count(value: usize) -> Quantity {
    Quantity(U256::from(value))
}

/// Shown as data: 20 bytes.
pub(crate) fn address(value: Address) -> Data<[u8; 20]> {
    Data(value.0)
}

/// Shown as data: 32 bytes.
pub(crate) fn hash(value: H256) -> Data<[u8; 32]> {
    Data(value.0)
}

/// Shown as data: a number as a word of 32 bytes.
pub(crate) fn word(value: U256) -> Data<[u8; 32]> {
    Data(value.to_big_endian())
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match u64::try_from(self.0) {
            Ok(small) => serializer.collect_str(&format_args!("{small:#x}")),
            Err(_) => serializer.collect_str(self),
        }
    }
}

impl<T: AsRef<[u8]>> fmt::Display for Data<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(&self.0))
    }
}

impl<T: AsRef<[u8]>> Serialize for Data<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&prefixed(self.0.as_ref()))
    }
}

/// Returns `0x` and the bytes in hex.
pub(crate) fn prefixed(bytes: &[u8]) -> String {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len().saturating_mul(2).saturating_add(2));
    text.push_str("0x");
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 0xf)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_no_leading_zeros_and_data_has_all() {
        for (value, text) in [(0_u64, "\"0x0\""), (1, "\"0x1\""), (1024, "\"0x400\"")] {
            assert_eq!(serde_json::to_string(&quantity(value)).unwrap(), text);
        }
        let max = format!("\"0x{}\"", "f".repeat(64));
        assert_eq!(serde_json::to_string(&Quantity(U256::MAX)).unwrap(), max);
        assert_eq!(serde_json::to_string(&Data([0_u8, 1, 0xab])).unwrap(), "\"0x0001ab\"");
        assert_eq!(serde_json::to_string(&Data(Vec::<u8>::new())).unwrap(), "\"0x\"");
    }
}
