//! Values of a document: read strictly by their declared type, shown, and hashed.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use primitive_types::{H256, U256};

use super::{
    Encoder, TypedDataError,
    json::Json,
    left_padded,
    types::{Kind, Types, expected},
};
use crate::{Address, Keccak256, keccak256};

/// Structs and arrays within each other, at most.
const DEPTH_MAX: usize = 32;

/// A value of a document, as it is signed.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// An `address`.
    Address(Address),
    /// A `bool`.
    Bool(bool),
    /// A `uintN`.
    Uint(U256),
    /// An `intN`.
    Int {
        /// Whether it is below zero.
        negative: bool,
        /// Its absolute value.
        magnitude: U256,
    },
    /// A `bytesN`.
    FixedBytes(Vec<u8>),
    /// A `bytes`.
    Bytes(Vec<u8>),
    /// A `string`.
    Text(String),
    /// An array.
    Array(Vec<Self>),
    /// A struct.
    Struct {
        /// Its type.
        type_name: String,
        /// Its members as declared.
        members: Vec<Member>,
    },
    /// A struct that is absent (`null`): how recursive types end.
    Null,
}

/// A member of a struct in a document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its declared type.
    pub type_name: String,
    /// What it holds.
    pub value: Value,
}

impl fmt::Display for Value {
    /// Shows on one line: text in quotes with control and direction characters escaped, addresses
    /// as EIP-55 hex, bytes as hex, numbers in decimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => f.write_str(&address.to_hex()),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Uint(number) => write!(f, "{number}"),
            Self::Int { negative, magnitude } => {
                write!(f, "{}{magnitude}", if *negative { "-" } else { "" })
            }
            Self::FixedBytes(bytes) | Self::Bytes(bytes) => write!(f, "0x{}", hex::encode(bytes)),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Array(items) => {
                f.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Self::Struct { type_name, members } => {
                write!(f, "{type_name} {{")?;
                for (i, member) in members.iter().enumerate() {
                    let comma = if i == 0 { "" } else { "," };
                    write!(f, "{comma} {}: {}", member.name, member.value)?;
                }
                f.write_str(" }")
            }
            Self::Null => f.write_str("null"),
        }
    }
}

impl Value {
    /// Returns the word that stands for this value in `encodeData`; `type_hashes` has every struct
    /// within.
    pub(super) fn word(&self, type_hashes: &BTreeMap<String, H256>) -> H256 {
        match self {
            Self::Address(address) => left_padded(*address),
            Self::Bool(value) => H256(U256::from(u64::from(*value)).to_big_endian()),
            Self::Uint(number) => H256(number.to_big_endian()),
            Self::Int { negative, magnitude } => {
                let number = if *negative {
                    (!*magnitude).overflowing_add(U256::one()).0
                } else {
                    *magnitude
                };
                H256(number.to_big_endian())
            }
            Self::FixedBytes(bytes) => {
                let mut word = H256::zero();
                word.0[..bytes.len()].copy_from_slice(bytes);
                word
            }
            Self::Bytes(bytes) => keccak256(bytes),
            Self::Text(text) => keccak256(text),
            Self::Array(items) => {
                let mut hasher = Keccak256::new();
                for item in items {
                    hasher.update(item.word(type_hashes));
                }
                hasher.finalize()
            }
            Self::Struct { type_name, members } => {
                let mut data =
                    Encoder::new(type_hashes.get(type_name).copied().unwrap_or_default());
                for member in members {
                    data.word(member.value.word(type_hashes));
                }
                data.finalize()
            }
            Self::Null => H256::zero(),
        }
    }
}

/// Reads values by their types and knows where it is.
pub(super) struct ValueReader<'a> {
    types: &'a Types,
    path: Vec<Segment<'a>>,
}

enum Segment<'a> {
    Member(&'a str),
    Index(usize),
}

impl<'a> ValueReader<'a> {
    pub(super) fn new(types: &'a Types, root: &'a str) -> Self {
        Self { types, path: Vec::from([Segment::Member(root)]) }
    }

    pub(super) fn read(&mut self, kind: &'a Kind, json: &'a Json) -> Result<Value, TypedDataError> {
        match (kind, json) {
            (Kind::Struct(name), Json::Object(entries)) => self.read_struct(name, entries),
            (Kind::Struct(_), Json::Null) => Ok(Value::Null),
            (Kind::Array(item, length), Json::List(items)) => self.read_array(item, *length, items),
            (Kind::Address, Json::Text(text)) => Address::from_hex(text)
                .map(Value::Address)
                .map_err(|source| TypedDataError::Address { path: self.path(), source }),
            (Kind::Bool, Json::Bool(value)) => Ok(Value::Bool(*value)),
            (Kind::Text, Json::Text(text)) => Ok(Value::Text(text.clone())),
            (Kind::Bytes, Json::Text(text)) => self.bytes(text).map(Value::Bytes),
            (Kind::FixedBytes(length), Json::Text(text)) => {
                let bytes = self.bytes(text)?;
                self.check_length(*length, bytes.len())?;
                Ok(Value::FixedBytes(bytes))
            }
            (Kind::Uint(bits), _) => self.uint(*bits, json),
            (Kind::Int(bits), _) => self.int(*bits, json),
            _ => Err(expected(&self.path(), kind_text(kind), json)),
        }
    }

    fn read_struct(
        &mut self,
        name: &'a str,
        entries: &'a BTreeMap<String, Json>,
    ) -> Result<Value, TypedDataError> {
        let declared = self.types.members(name).unwrap_or_default();
        let unknown = |key: &&String| declared.iter().all(|member| member.name != **key);
        if let Some(key) = entries.keys().find(unknown) {
            return Err(TypedDataError::Unknown { path: format!("{}.{key}", self.path()) });
        }
        let mut members = Vec::with_capacity(declared.len());
        for member in declared {
            self.enter(Segment::Member(&member.name))?;
            let Some(json) = entries.get(&member.name) else {
                return Err(TypedDataError::Missing { path: self.path() });
            };
            members.push(Member {
                name: member.name.clone(),
                type_name: member.type_name.clone(),
                value: self.read(&member.kind, json)?,
            });
            self.path.pop();
        }
        Ok(Value::Struct { type_name: name.to_string(), members })
    }

    fn read_array(
        &mut self,
        item: &'a Kind,
        length: Option<usize>,
        items: &'a [Json],
    ) -> Result<Value, TypedDataError> {
        if let Some(length) = length {
            self.check_length(length, items.len())?;
        }
        let mut values = Vec::with_capacity(items.len());
        for (i, json) in items.iter().enumerate() {
            self.enter(Segment::Index(i))?;
            values.push(self.read(item, json)?);
            self.path.pop();
        }
        Ok(Value::Array(values))
    }

    fn enter(&mut self, segment: Segment<'a>) -> Result<(), TypedDataError> {
        if self.path.len() > DEPTH_MAX {
            return Err(TypedDataError::TooDeep { path: self.path(), max: DEPTH_MAX });
        }
        self.path.push(segment);
        Ok(())
    }

    fn bytes(&self, text: &str) -> Result<Vec<u8>, TypedDataError> {
        text.strip_prefix("0x")
            .and_then(|digits| hex::decode(digits).ok())
            .ok_or_else(|| TypedDataError::InvalidHex { path: self.path() })
    }

    fn check_length(&self, expected: usize, found: usize) -> Result<(), TypedDataError> {
        if expected == found {
            Ok(())
        } else {
            Err(TypedDataError::WrongLength { path: self.path(), expected, found })
        }
    }

    fn uint(&self, bits: usize, json: &Json) -> Result<Value, TypedDataError> {
        let (negative, magnitude) = self.number("an unsigned integer", json)?;
        if negative || magnitude.bits() > bits {
            return Err(TypedDataError::OutOfRange {
                path: self.path(),
                type_name: format!("uint{bits}"),
            });
        }
        Ok(Value::Uint(magnitude))
    }

    fn int(&self, bits: usize, json: &Json) -> Result<Value, TypedDataError> {
        let (negative, magnitude) = self.number("an integer", json)?;
        let beyond = U256::one() << bits.saturating_sub(1);
        if magnitude > beyond || (magnitude == beyond && !negative) {
            return Err(TypedDataError::OutOfRange {
                path: self.path(),
                type_name: format!("int{bits}"),
            });
        }
        Ok(Value::Int { negative, magnitude })
    }

    /// Reads a JSON integer, or text in decimal or after `0x` in hex: sign and absolute value.
    fn number(&self, wanted: &str, json: &Json) -> Result<(bool, U256), TypedDataError> {
        match json {
            Json::Unsigned(number) => Ok((false, U256::from(*number))),
            Json::Negative(number) => Ok((true, U256::from(number.unsigned_abs()))),
            Json::Text(text) => parse_number(text).ok_or_else(|| TypedDataError::InvalidNumber {
                path: self.path(),
                text: text.chars().take(80).collect(),
            }),
            other => Err(expected(&self.path(), wanted, other)),
        }
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for segment in &self.path {
            match segment {
                Segment::Member(name) if path.is_empty() => path.push_str(name),
                Segment::Member(name) => {
                    path.push('.');
                    path.push_str(name);
                }
                Segment::Index(i) => path.push_str(&format!("[{i}]")),
            }
        }
        path
    }
}

fn parse_number(text: &str) -> Option<(bool, U256)> {
    if let Some(digits) = text.strip_prefix("0x") {
        let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        return U256::from_str_radix(digits, 16).ok().filter(|_| valid).map(|n| (false, n));
    }
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let canonical = !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'))
        && !(negative && digits == "0");
    U256::from_dec_str(digits).ok().filter(|_| canonical).map(|n| (negative, n))
}

const fn kind_text(kind: &Kind) -> &'static str {
    match kind {
        Kind::Address => "an address in hex",
        Kind::Bool => "a boolean",
        Kind::Text => "text",
        Kind::Bytes | Kind::FixedBytes(_) => "bytes in hex",
        Kind::Uint(_) => "an unsigned integer",
        Kind::Int(_) => "an integer",
        Kind::Struct(_) => "an object",
        Kind::Array(..) => "a list",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_sign_and_no_padding() {
        assert_eq!(parse_number("-12"), Some((true, U256::from(12))));
        assert_eq!(parse_number("0x0c"), Some((false, U256::from(12))));
        assert_eq!(parse_number("0"), Some((false, U256::zero())));
        for text in
            ["", "-", "0x", "-0", "01", "+1", "-0x1", " 1", "1 ", "1e3", "1.0", "0X1", "1_0"]
        {
            assert_eq!(parse_number(text), None, "{text}");
        }
        assert_eq!(parse_number(&"9".repeat(1000)), None);
    }

    #[test]
    fn text_that_would_deceive_is_shown_escaped() {
        assert_eq!(Value::Text("a\n\u{202e}b".into()).to_string(), "\"a\\n\\u{202e}b\"");
    }
}
