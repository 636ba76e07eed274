//! The file's text.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use serde_json::{Map, Value, json};

use super::{Kdf, Keystore};
use crate::Address;

/// Longest text that is looked at; wallets write about 500 bytes.
const TEXT_BYTES_MAX: usize = 64 << 10;

/// Why a text is not a keystore. Names fields, never what is in them.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeystoreError {
    /// The text is longer than any keystore.
    #[error("text of {length} bytes is longer than any keystore")]
    TooLong {
        /// Bytes of the text.
        length: usize,
    },
    /// Not a JSON object.
    #[error("not a JSON object, as seen at line {line}, column {column}")]
    NotJson {
        /// Where reading stopped, the first line is 1; 0 if the text is JSON but no object.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// A field is not there.
    #[error("{field} is missing")]
    MissingField {
        /// The field's path.
        field: &'static str,
    },
    /// A field has the wrong type, length or value.
    #[error("{field} has a wrong type, length or value")]
    WrongField {
        /// The field's path.
        field: &'static str,
    },
    /// A field names a method that version 3 does not have.
    #[error("{field} names an unknown method")]
    UnknownMethod {
        /// The field's path.
        field: &'static str,
    },
    /// A parameter asks for more memory or time than is granted.
    #[error("{field} is {value}, at most {max} is accepted")]
    TooLarge {
        /// The field's path.
        field: &'static str,
        /// The value read.
        value: u64,
        /// The bound, given the parameters before it.
        max: u64,
    },
}

pub(super) fn read(text: &str) -> Result<Keystore, KeystoreError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(KeystoreError::TooLong { length: text.len() });
    }
    let value: Value = serde_json::from_str(text)
        .map_err(|error| KeystoreError::NotJson { line: error.line(), column: error.column() })?;
    let file = value.as_object().ok_or(KeystoreError::NotJson { line: 0, column: 0 })?;
    match require(file, "version")? {
        Value::Number(version) if version.as_u64() == Some(3) => {}
        Value::String(version) if version == "3" => {}
        _ => return Err(wrong("version")),
    }
    // ethers writes the name in upper case.
    let crypto = match file.get("Crypto") {
        Some(crypto) => crypto,
        None => require(file, "crypto")?,
    };
    let crypto = crypto.as_object().ok_or(wrong("crypto"))?;
    if text_of(crypto, "crypto.cipher")? != "aes-128-ctr" {
        return Err(KeystoreError::UnknownMethod { field: "crypto.cipher" });
    }
    let cipher = object(crypto, "crypto.cipherparams")?;
    let ciphertext = hex_of(crypto, "crypto.ciphertext")?;
    if !(1..=32).contains(&ciphertext.len()) {
        return Err(wrong("crypto.ciphertext"));
    }
    Ok(Keystore {
        id: optional(file, "id", uuid)?,
        address: optional(file, "address", address)?,
        kdf: kdf(crypto)?,
        iv: array(hex_of(cipher, "crypto.cipherparams.iv")?, "crypto.cipherparams.iv")?,
        ciphertext,
        mac: array(hex_of(crypto, "crypto.mac")?, "crypto.mac")?,
    })
}

pub(super) fn write(keystore: &Keystore) -> String {
    let (kdf, params) = match &keystore.kdf {
        Kdf::Scrypt { log_n, r, p, salt } => (
            "scrypt",
            json!({ "dklen": 32, "n": 1_u64 << log_n, "r": r, "p": p, "salt": hex::encode(salt) }),
        ),
        Kdf::Pbkdf2 { rounds, salt } => (
            "pbkdf2",
            json!({ "dklen": 32, "c": rounds, "prf": "hmac-sha256", "salt": hex::encode(salt) }),
        ),
    };
    let mut file = json!({
        "version": 3,
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": { "iv": hex::encode(keystore.iv) },
            "ciphertext": hex::encode(&keystore.ciphertext),
            "kdf": kdf,
            "kdfparams": params,
            "mac": hex::encode(keystore.mac),
        },
    });
    if let Some(address) = keystore.address {
        file["address"] = hex::encode(address.0).into();
    }
    if let Some(id) = keystore.id {
        let digits = hex::encode(id);
        let groups = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| &digits[range]);
        file["id"] = groups.join("-").into();
    }
    file.to_string()
}

fn kdf(crypto: &Map<String, Value>) -> Result<Kdf, KeystoreError> {
    let params = object(crypto, "crypto.kdfparams")?;
    if number(params, "crypto.kdfparams.dklen")? != 32 {
        return Err(wrong("crypto.kdfparams.dklen"));
    }
    let salt = hex_of(params, "crypto.kdfparams.salt")?;
    match text_of(crypto, "crypto.kdf")? {
        "scrypt" => Kdf::bounded_scrypt(
            number(params, "crypto.kdfparams.n")?,
            number(params, "crypto.kdfparams.r")?,
            number(params, "crypto.kdfparams.p")?,
            salt,
        ),
        "pbkdf2" => {
            if text_of(params, "crypto.kdfparams.prf")? != "hmac-sha256" {
                return Err(KeystoreError::UnknownMethod { field: "crypto.kdfparams.prf" });
            }
            Kdf::bounded_pbkdf2(number(params, "crypto.kdfparams.c")?, salt)
        }
        _ => Err(KeystoreError::UnknownMethod { field: "crypto.kdf" }),
    }
}

const fn wrong(field: &'static str) -> KeystoreError {
    KeystoreError::WrongField { field }
}

/// Returns the value whose name is the last part of the path `field`.
fn require<'a>(
    object: &'a Map<String, Value>,
    field: &'static str,
) -> Result<&'a Value, KeystoreError> {
    let name = field.rsplit('.').next().unwrap_or(field);
    object.get(name).ok_or(KeystoreError::MissingField { field })
}

fn object<'a>(
    object: &'a Map<String, Value>,
    field: &'static str,
) -> Result<&'a Map<String, Value>, KeystoreError> {
    require(object, field)?.as_object().ok_or(wrong(field))
}

fn text_of<'a>(
    object: &'a Map<String, Value>,
    field: &'static str,
) -> Result<&'a str, KeystoreError> {
    require(object, field)?.as_str().ok_or(wrong(field))
}

fn number(object: &Map<String, Value>, field: &'static str) -> Result<u64, KeystoreError> {
    require(object, field)?.as_u64().ok_or(wrong(field))
}

fn hex_of(object: &Map<String, Value>, field: &'static str) -> Result<Vec<u8>, KeystoreError> {
    unhex(text_of(object, field)?).ok_or(wrong(field))
}

fn optional<T>(
    file: &Map<String, Value>,
    field: &'static str,
    read: fn(&str) -> Option<T>,
) -> Result<Option<T>, KeystoreError> {
    match file.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_str().and_then(read).map(Some).ok_or(wrong(field)),
    }
}

fn array<const N: usize>(bytes: Vec<u8>, field: &'static str) -> Result<[u8; N], KeystoreError> {
    bytes.try_into().map_err(|_| wrong(field))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text)).ok()
}

/// Reads 40 hex digits of either case: the key proves the address better than EIP-55 does.
fn address(text: &str) -> Option<Address> {
    unhex(text)?.try_into().ok().map(Address)
}

fn uuid(text: &str) -> Option<[u8; 16]> {
    let groups = text.split('-').map(str::len);
    if !groups.eq([8, 4, 4, 4, 12]) {
        return None;
    }
    hex::decode(text.replace('-', "")).ok()?.try_into().ok()
}
