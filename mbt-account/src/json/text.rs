//! Ethereum's texts: quantities (`0x` and a hex number without leading zeros) and data (`0x` and two
//! hex digits a byte).

use alloc::{format, string::String, vec::Vec};

use mbt_crypto::{Address, H256, U256};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A number.
#[derive(Clone, Copy)]
pub(super) struct Quantity(pub(super) U256);

/// A number of 64 bits.
#[derive(Clone, Copy)]
pub(super) struct Small(pub(super) u64);

/// Bytes.
pub(super) struct Data(pub(super) Vec<u8>);

/// Bytes of a fixed number.
#[derive(Clone, Copy)]
pub(super) struct Fixed<const N: usize>(pub(super) [u8; N]);

/// An address: written as hex, read in either form.
#[derive(Clone, Copy)]
pub(super) struct Account(pub(super) Address);

pub(super) const fn hash(value: H256) -> Fixed<32> {
    Fixed(value.0)
}

fn digits<E: Error>(text: &str) -> Result<&str, E> {
    text.strip_prefix("0x").ok_or_else(|| E::custom("hex string without 0x prefix"))
}

fn bytes<E: Error>(text: &str) -> Result<Vec<u8>, E> {
    hex::decode(digits(text)?).map_err(|error| E::custom(format!("invalid hex string: {error}")))
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:#x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let digits = digits(&text)?;
        let plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        if digits.is_empty() || !plain {
            return Err(D::Error::custom(format!("invalid hex number {text:?}")));
        }
        if digits.len() > 1 && digits.starts_with('0') {
            return Err(D::Error::custom("hex number with leading zero digits"));
        }
        U256::from_str_radix(digits, 16)
            .map(Self)
            .map_err(|_| D::Error::custom("hex number > 256 bits"))
    }
}

impl Serialize for Small {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:#x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Small {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let number = Quantity::deserialize(from)?.0;
        let small = u64::try_from(number).map_err(|_| D::Error::custom("hex number > 64 bits"))?;
        Ok(Self(small))
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("0x{}", hex::encode(&self.0)))
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        bytes(&String::deserialize(from)?).map(Self)
    }
}

impl<const N: usize> Serialize for Fixed<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("0x{}", hex::encode(self.0)))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Fixed<N> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let bytes = bytes::<D::Error>(&String::deserialize(from)?)?;
        let found = bytes.len();
        let wrong = |_| D::Error::custom(format!("found {found} bytes, expected {N}"));
        bytes.try_into().map(Self).map_err(wrong)
    }
}

impl Serialize for Account {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_hex())
    }
}

impl<'de> Deserialize<'de> for Account {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map(Self).map_err(D::Error::custom)
    }
}
