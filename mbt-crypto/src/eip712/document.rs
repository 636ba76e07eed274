//! Documents of `eth_signTypedData_v4`.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use primitive_types::H256;

use super::{
    Domain, Value, digest,
    json::Json,
    types::{Kind, Types, expected},
    value::ValueReader,
};
use crate::{AddressError, Keccak256};

/// Longest document that is read.
const TEXT_BYTES_MAX: usize = 1 << 18;

/// The struct that describes the domain.
const DOMAIN_TYPE: &str = "EIP712Domain";

/// A document of `eth_signTypedData_v4`: types, domain and message, all checked.
///
/// Stricter than most readers, so that what is shown is what is signed and every reader that takes
/// the document too signs the same hash:
/// - `types`, `primaryType`, `domain` and `message` are all there and nothing else is; `types` has
///   `EIP712Domain`, with the five standard members in any order.
/// - Every declared member is there, none besides. `null` stands for an absent struct, which is
///   how recursive types end, and is encoded as 32 zero bytes as MetaMask's version 4 does.
/// - Types are in canonical form (`uint256`, not `uint`); no member is declared or given twice.
/// - `bytesN` has N bytes, `T[n]` n items, an integer fits its type; integers are JSON integers of
///   64 bits, or text in decimal or hex. Addresses are hex, EIP-55 when the case is mixed.
/// - If the primary type is `EIP712Domain`, the message is empty and the domain alone is signed.
/// - At most 256 KiB, 128 structs of 128 members, names of 128 bytes, 32 levels.
///
/// ```
/// use mbt_crypto::eip712::TypedData;
///
/// let data = TypedData::from_json(r#"{
///     "types": {
///         "EIP712Domain": [{"name": "name", "type": "string"}],
///         "Vote": [{"name": "proposal", "type": "uint64"}]
///     },
///     "primaryType": "Vote",
///     "domain": {"name": "Council"},
///     "message": {"proposal": 5}
/// }"#)?;
/// assert_eq!(data.message().to_string(), "Vote { proposal: 5 }");
/// # Ok::<(), mbt_crypto::eip712::TypedDataError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TypedData {
    domain: Domain,
    separator: H256,
    message: Value,
    digest: H256,
}

/// Why a document is not signed. The path names the place at fault, as `message.to[1].wallet`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TypedDataError {
    /// The document is longer than any that is read.
    #[error("document of {length} bytes is longer than {max}")]
    TooLong {
        /// Bytes of the document.
        length: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// Not JSON, a member twice, or a number that is not an integer of 64 bits.
    #[error("not json that can be signed: {reason}")]
    Json {
        /// What the reader says, with line and column.
        reason: String,
    },
    /// A part of the document or a declared member is not there.
    #[error("{path} is missing")]
    Missing {
        /// Where.
        path: String,
    },
    /// There is something that no type declares and that would not be signed.
    #[error("{path} is not declared")]
    Unknown {
        /// Where.
        path: String,
    },
    /// JSON of another kind than the type demands.
    #[error("{path}: expected {expected}, found {found}")]
    WrongKind {
        /// Where.
        path: String,
        /// What the type demands.
        expected: String,
        /// What is there.
        found: &'static str,
    },
    /// The name of a struct or member is no identifier, is too long, or is an elementary type's.
    #[error("{path}: {name:?} cannot be a name")]
    InvalidName {
        /// Where.
        path: String,
        /// The name.
        name: String,
    },
    /// A type that is neither elementary, in canonical form, nor declared.
    #[error("{path}: unknown type {type_name:?}")]
    UnknownType {
        /// Where.
        path: String,
        /// The type.
        type_name: String,
    },
    /// A struct declares a member twice.
    #[error("{path}: member {name:?} is declared twice")]
    DeclaredTwice {
        /// Where.
        path: String,
        /// The member.
        name: String,
    },
    /// More structs or members than are read.
    #[error("{path} has more than {max} entries")]
    TooMany {
        /// Where.
        path: String,
        /// Entries allowed.
        max: usize,
    },
    /// Structs and arrays are nested deeper than is read.
    #[error("{path} is nested deeper than {max} levels")]
    TooDeep {
        /// Where.
        path: String,
        /// Levels allowed.
        max: usize,
    },
    /// An integer does not fit its type.
    #[error("{path} is out of range for {type_name}")]
    OutOfRange {
        /// Where.
        path: String,
        /// The type.
        type_name: String,
    },
    /// Text that is no integer.
    #[error("{path}: {text:?} is not a decimal or 0x-hex integer of 256 bits")]
    InvalidNumber {
        /// Where.
        path: String,
        /// The text's beginning.
        text: String,
    },
    /// Bytes that are not `0x` and pairs of hex digits.
    #[error("{path} is not 0x and pairs of hex digits")]
    InvalidHex {
        /// Where.
        path: String,
    },
    /// `bytesN` or `T[n]` of another length.
    #[error("{path}: expected length {expected}, found {found}")]
    WrongLength {
        /// Where.
        path: String,
        /// Length of the type.
        expected: usize,
        /// Length of the value.
        found: usize,
    },
    /// An address that is none.
    #[error("{path}: {source}")]
    Address {
        /// Where.
        path: String,
        /// Why.
        source: AddressError,
    },
}

impl TypedData {
    /// Reads a document and hashes it.
    ///
    /// # Errors
    /// See [`TypedDataError`]; every error names the field at fault.
    pub fn from_json(text: &str) -> Result<Self, TypedDataError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(TypedDataError::TooLong { length: text.len(), max: TEXT_BYTES_MAX });
        }
        let json = serde_json::from_str(text)
            .map_err(|error| TypedDataError::Json { reason: error.to_string() })?;
        let Json::Object(parts) = &json else {
            return Err(expected("document", "an object", &json));
        };
        let known = ["types", "primaryType", "domain", "message"];
        if let Some(unknown) = parts.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(TypedDataError::Unknown { path: unknown.clone() });
        }
        let part = |name: &str| {
            parts.get(name).ok_or_else(|| TypedDataError::Missing { path: name.to_string() })
        };

        let types = Types::read(part("types")?)?;
        let primary_type = match part("primaryType")? {
            Json::Text(name) => name.as_str(),
            other => return Err(expected("primaryType", "text", other)),
        };
        check_domain_type(&types)?;
        let domain = read_root(&types, "domain", DOMAIN_TYPE, part("domain")?)?;
        let separator = domain.word(&types.hashes_from(DOMAIN_TYPE));
        let (message, digest) = if primary_type == DOMAIN_TYPE {
            (read_nothing(part("message")?)?, domain_digest(separator))
        } else {
            let message = read_root(&types, "message", primary_type, part("message")?)?;
            let struct_hash = message.word(&types.hashes_from(primary_type));
            (message, digest(separator, struct_hash))
        };
        Ok(Self { domain: standard_domain(&domain), separator, message, digest })
    }

    /// Returns the domain. Its [`Domain::separator`] is this document's only if the document
    /// declares the members in the standard order.
    #[must_use]
    pub const fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Returns the domain's `hashStruct`.
    #[must_use]
    pub const fn domain_separator(&self) -> H256 {
        self.separator
    }

    /// Returns the message, a [`Value::Struct`] of the primary type.
    #[must_use]
    pub const fn message(&self) -> &Value {
        &self.message
    }

    /// Returns the hash that a key signs.
    #[must_use]
    pub const fn digest(&self) -> H256 {
        self.digest
    }
}

fn read_root(
    types: &Types,
    root: &'static str,
    type_name: &str,
    json: &Json,
) -> Result<Value, TypedDataError> {
    if types.members(type_name).is_none() {
        return Err(TypedDataError::UnknownType {
            path: root.into(),
            type_name: type_name.to_string(),
        });
    }
    if *json == Json::Null {
        return Err(expected(root, "an object", json));
    }
    ValueReader::new(types, root).read(&Kind::Struct(type_name.to_string()), json)
}

/// Reads the message of a document whose primary type is the domain: nothing but the domain is
/// signed, so the message must be empty.
fn read_nothing(json: &Json) -> Result<Value, TypedDataError> {
    let Json::Object(entries) = json else { return Err(expected("message", "an object", json)) };
    if let Some(name) = entries.keys().next() {
        return Err(TypedDataError::Unknown { path: format!("message.{name}") });
    }
    Ok(Value::Struct { type_name: DOMAIN_TYPE.to_string(), members: Vec::new() })
}

fn domain_digest(separator: H256) -> H256 {
    let mut hasher = Keccak256::new();
    hasher.update([0x19, 0x01]);
    hasher.update(separator);
    hasher.finalize()
}

fn check_domain_type(types: &Types) -> Result<(), TypedDataError> {
    let Some(members) = types.members(DOMAIN_TYPE) else {
        return Err(TypedDataError::Missing { path: format!("types.{DOMAIN_TYPE}") });
    };
    for member in members {
        let standard = match member.name.as_str() {
            "name" | "version" => Kind::Text,
            "chainId" => Kind::Uint(256),
            "verifyingContract" => Kind::Address,
            "salt" => Kind::FixedBytes(32),
            _ => {
                return Err(TypedDataError::Unknown {
                    path: format!("types.{DOMAIN_TYPE}.{}", member.name),
                });
            }
        };
        if member.kind != standard {
            return Err(TypedDataError::UnknownType {
                path: format!("types.{DOMAIN_TYPE}.{}", member.name),
                type_name: member.type_name.clone(),
            });
        }
    }
    Ok(())
}

fn standard_domain(value: &Value) -> Domain {
    let mut domain = Domain::default();
    let Value::Struct { members, .. } = value else { return domain };
    for member in members {
        match (member.name.as_str(), &member.value) {
            ("name", Value::Text(text)) => domain.name = Some(text.clone()),
            ("version", Value::Text(text)) => domain.version = Some(text.clone()),
            (_, Value::Uint(id)) => domain.chain_id = Some(*id),
            (_, Value::Address(contract)) => domain.verifying_contract = Some(*contract),
            (_, Value::FixedBytes(salt)) => domain.salt = Some(H256::from_slice(salt)),
            _ => {}
        }
    }
    domain
}
