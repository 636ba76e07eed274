//! Reading parameters: strictly, and with errors that name the parameter and the field.

use mbt_account::AccessListItem;
use mbt_crypto::{Address, AddressError, H256, U256};
use serde_json::{Map, Value};

/// Why a JSON value is not what a parameter must be.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum ParamError {
    /// Another JSON type.
    #[error("expected {expected}, found {found}")]
    WrongType { expected: &'static str, found: &'static str },
    /// No `0x`.
    #[error("hex string without 0x prefix")]
    MissingPrefix,
    /// `0x` and nothing behind where a number is wanted.
    #[error("hex string \"0x\"")]
    EmptyNumber,
    /// A number such as `0x01`.
    #[error("hex number with leading zero digits")]
    LeadingZero,
    /// A number above what the type holds.
    #[error("hex number > {bits} bits")]
    TooLarge { bits: u32 },
    /// Half a byte.
    #[error("hex string of odd length")]
    OddLength,
    /// A character that is no hex digit.
    #[error("invalid hex string")]
    InvalidHex,
    /// Data of another length.
    #[error("hex string has length {found}, want {expected}")]
    WrongLength { expected: usize, found: usize },
    /// Neither a hex address nor a Base58Check one.
    #[error("{0}")]
    Address(AddressError),
    /// A string that is none of the words known here.
    #[error("unknown {what} {word:?}")]
    UnknownWord { what: &'static str, word: String },
    /// A list or string that is too long.
    #[error("{what} has {found} entries, at most {max} are allowed")]
    TooMany { what: &'static str, found: usize, max: usize },
    /// Fields that may not stand together, or values out of range.
    #[error("{0}")]
    Contradiction(&'static str),
    /// Options of a trace.
    #[error("{0}")]
    Tracer(String),
    /// An object lacks a field.
    #[error("missing field {0:?}")]
    MissingField(&'static str),
    /// A field of an object is wrong.
    #[error("field {field:?}: {reason}")]
    Field { field: String, reason: Box<Self> },
}

/// A value read from JSON.
pub(crate) trait Param: Sized {
    /// Reads the value.
    fn read(value: &Value) -> Result<Self, ParamError>;
}

/// An address and the slots a transaction declares.
pub(crate) type AccessList = Vec<AccessListItem>;

const ACCESS_LIST_MAX: usize = 10_000;

/// The fields of an object.
pub(crate) struct Fields<'a>(pub(crate) &'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// Takes an object.
    pub(crate) fn of(value: &'a Value) -> Result<Self, ParamError> {
        match value {
            Value::Object(fields) => Ok(Self(fields)),
            other => Err(wrong_type("object", other)),
        }
    }

    /// Reads a field that may be absent or null.
    pub(crate) fn optional<T: Param>(&self, name: &'static str) -> Result<Option<T>, ParamError> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => T::read(value).map(Some).map_err(|reason| in_field(name, reason)),
        }
    }

    /// Reads a field that must be there.
    pub(crate) fn required<T: Param>(&self, name: &'static str) -> Result<T, ParamError> {
        self.optional(name)?.ok_or(ParamError::MissingField(name))
    }
}

/// Says that the error is in a field.
pub(crate) fn in_field(field: impl Into<String>, reason: ParamError) -> ParamError {
    ParamError::Field { field: field.into(), reason: Box::new(reason) }
}

/// Says that the value has another type.
pub(crate) fn wrong_type(expected: &'static str, found: &Value) -> ParamError {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    ParamError::WrongType { expected, found }
}

/// Returns the text of a string.
pub(crate) fn text<'a>(value: &'a Value, expected: &'static str) -> Result<&'a str, ParamError> {
    value.as_str().ok_or_else(|| wrong_type(expected, value))
}

/// Reads data from text.
pub(crate) fn data(text: &str) -> Result<Vec<u8>, ParamError> {
    let digits = digits(text)?;
    if digits.len() % 2 != 0 {
        return Err(ParamError::OddLength);
    }
    hex::decode(digits).map_err(|_| ParamError::InvalidHex)
}

fn digits(text: &str) -> Result<&str, ParamError> {
    text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).ok_or(ParamError::MissingPrefix)
}

/// Reads a quantity from text.
pub(crate) fn number(text: &str) -> Result<U256, ParamError> {
    let digits = digits(text)?;
    if digits.is_empty() {
        return Err(ParamError::EmptyNumber);
    }
    if digits.len() > 1 && digits.starts_with('0') {
        return Err(ParamError::LeadingZero);
    }
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(ParamError::InvalidHex);
    }
    if digits.len() > 64 {
        return Err(ParamError::TooLarge { bits: 256 });
    }
    U256::from_str_radix(digits, 16).map_err(|_| ParamError::InvalidHex)
}

impl Param for U256 {
    fn read(value: &Value) -> Result<Self, ParamError> {
        number(text(value, "hex number")?)
    }
}

impl Param for u64 {
    fn read(value: &Value) -> Result<Self, ParamError> {
        Self::try_from(U256::read(value)?).map_err(|_| ParamError::TooLarge { bits: 64 })
    }
}

impl Param for bool {
    fn read(value: &Value) -> Result<Self, ParamError> {
        value.as_bool().ok_or_else(|| wrong_type("bool", value))
    }
}

impl Param for String {
    fn read(value: &Value) -> Result<Self, ParamError> {
        text(value, "string").map(str::to_owned)
    }
}

impl Param for Value {
    fn read(value: &Value) -> Result<Self, ParamError> {
        Ok(value.clone())
    }
}

impl Param for Vec<u8> {
    fn read(value: &Value) -> Result<Self, ParamError> {
        data(text(value, "hex data")?)
    }
}

impl Param for H256 {
    fn read(value: &Value) -> Result<Self, ParamError> {
        let bytes = data(text(value, "32 bytes of hex data")?)?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|bytes: Vec<u8>| {
            ParamError::WrongLength { expected: 64, found: bytes.len() * 2 }
        })?;
        Ok(Self(bytes))
    }
}

impl Param for Address {
    /// Reads either form; EIP-55's case is checked when it is mixed.
    fn read(value: &Value) -> Result<Self, ParamError> {
        text(value, "address")?.parse().map_err(ParamError::Address)
    }
}

/// A storage slot: data of at most 32 bytes or a quantity, as clients send both.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Slot(pub(crate) H256);

impl Param for Slot {
    fn read(value: &Value) -> Result<Self, ParamError> {
        let digits = digits(text(value, "storage slot")?)?;
        if digits.is_empty() {
            return Err(ParamError::EmptyNumber);
        }
        if digits.len() > 64 {
            return Err(ParamError::WrongLength { expected: 64, found: digits.len() });
        }
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(ParamError::InvalidHex);
        }
        let value = U256::from_str_radix(digits, 16).map_err(|_| ParamError::InvalidHex)?;
        Ok(Self(H256(value.to_big_endian())))
    }
}

/// A number that some clients send plain and others as a quantity.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct PlainNumber(pub(crate) u64);

impl Param for PlainNumber {
    fn read(value: &Value) -> Result<Self, ParamError> {
        value.as_u64().map_or_else(|| u64::read(value), Ok).map(Self)
    }
}

impl<T: Param> Param for Vec<T>
where
    T: ListItem,
{
    fn read(value: &Value) -> Result<Self, ParamError> {
        list(value, T::WHAT, T::MAX)
    }
}

/// A value that comes in lists of a bounded length.
pub(crate) trait ListItem {
    /// What the list is called.
    const WHAT: &'static str;
    /// Most entries.
    const MAX: usize;
}

impl ListItem for Slot {
    const WHAT: &'static str = "list of storage slots";
    const MAX: usize = 1024;
}

impl ListItem for AccessListItem {
    const WHAT: &'static str = "access list";
    const MAX: usize = ACCESS_LIST_MAX;
}

/// Reads a list of at most `max` entries.
pub(crate) fn list<T: Param>(
    value: &Value,
    what: &'static str,
    max: usize,
) -> Result<Vec<T>, ParamError> {
    let items = value.as_array().ok_or_else(|| wrong_type("array", value))?;
    if items.len() > max {
        return Err(ParamError::TooMany { what, found: items.len(), max });
    }
    items
        .iter()
        .enumerate()
        .map(|(i, item)| T::read(item).map_err(|reason| in_field(i.to_string(), reason)))
        .collect()
}

impl Param for AccessListItem {
    fn read(value: &Value) -> Result<Self, ParamError> {
        let fields = Fields::of(value)?;
        let storage_keys = match fields.0.get("storageKeys") {
            None | Some(Value::Null) => Vec::new(),
            Some(keys) => list(keys, "list of storage keys", ACCESS_LIST_MAX)
                .map_err(|reason| in_field("storageKeys", reason))?,
        };
        Ok(Self { address: fields.required("address")?, storage_keys })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn second_spellings_of_a_quantity_are_refused() {
        for (value, error) in [
            (json!("0x"), ParamError::EmptyNumber),
            (json!("0x01"), ParamError::LeadingZero),
            (json!("1"), ParamError::MissingPrefix),
            (json!("0xg"), ParamError::InvalidHex),
            (json!("0x10000000000000000"), ParamError::TooLarge { bits: 64 }),
            (json!(1), ParamError::WrongType { expected: "hex number", found: "number" }),
        ] {
            assert_eq!(u64::read(&value), Err(error), "{value}");
        }
        assert_eq!(u64::read(&json!("0x0")), Ok(0));
        assert_eq!(u64::read(&json!("0xffffffffffffffff")), Ok(u64::MAX));
    }

    #[test]
    fn error_names_the_field_it_is_in() {
        let item = json!({ "address": "0x01", "storageKeys": [] });
        let error = AccessListItem::read(&item).unwrap_err();
        assert!(error.to_string().starts_with("field \"address\": "), "{error}");
    }

    #[test]
    fn both_forms_of_an_address_are_read() {
        let address = Address([0xab; 20]);
        for text in [address.to_string(), address.to_hex(), address.to_hex().to_lowercase()] {
            assert_eq!(Address::read(&json!(text)), Ok(address));
        }
    }

    proptest! {
        #[test]
        fn quantities_read_back(words in any::<[u64; 4]>()) {
            let value = U256(words);
            let json = serde_json::to_value(super::super::hex::Quantity(value)).unwrap();
            prop_assert_eq!(U256::read(&json), Ok(value));
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,80}") {
            let value = json!(text);
            let _ = (U256::read(&value), H256::read(&value), Address::read(&value));
            let _ = (Slot::read(&value), Vec::<u8>::read(&value));
        }
    }
}
