//! The 20-byte name of an account, in Base58Check and in hex (SPEC 2).

use alloc::string::String;
use core::{fmt, str::FromStr};

use primitive_types::H160;

use crate::keccak256;

/// Longest text that is decoded when an address is read: a hex address has 42 bytes, a Base58Check
/// one 34.
const TEXT_BYTES_MAX: usize = 64;

/// Bytes behind a Base58Check text: version, address, checksum.
const DECODED_BYTES: usize = 1 + 20 + 4;

/// Which networks a Base58Check address is meant for. It changes the text only, never the account.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Network {
    /// The public network: version byte `0x32`, text starts with `M`.
    #[default]
    Main,
    /// Test and development networks: version byte `0x7f`, text starts with `t`.
    Test,
}

impl Network {
    const fn version(self) -> u8 {
        match self {
            Self::Main => 0x32,
            Self::Test => 0x7f,
        }
    }
}

/// An account's name on every chain: the last 20 bytes of Keccak-256 of the public key.
///
/// Shown as EIP-55 hex by `Debug`, as Base58Check of the main network by `Display`.
#[derive(Clone, Copy, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Address(pub [u8; 20]);

/// Why a text is not an address.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// The text is longer than any address.
    #[error("address text of {length} bytes is longer than any address")]
    TooLong {
        /// Bytes of the text.
        length: usize,
    },
    /// Not 40 hex digits after `0x`.
    #[error("expected 40 hex digits after 0x")]
    InvalidHex,
    /// Mixed-case hex whose case is not EIP-55's.
    #[error("the upper and lower case letters do not match the EIP-55 checksum")]
    WrongHexChecksum,
    /// A character outside the Base58 alphabet, which lacks `0`, `O`, `I` and `l`.
    #[error("character {position} is not of the Base58 alphabet")]
    InvalidCharacter {
        /// Place of the character in bytes, the first is 1.
        position: usize,
    },
    /// The checksum does not fit: a character is wrong, missing or at the wrong place.
    #[error("the checksum does not match: a character is wrong")]
    WrongChecksum,
    /// The checksum fits, but the payload is not 20 bytes; or there are too many or too few bytes
    /// for a checksum.
    #[error("the text is too long or too short for an address")]
    WrongLength,
    /// The version byte is of another system.
    #[error("address version byte {version:#04x} is not of this system")]
    UnknownVersion {
        /// The byte that was read.
        version: u8,
    },
}

impl Address {
    /// The address of 20 zero bytes.
    pub const ZERO: Self = Self([0; 20]);

    /// Returns the 20 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// Returns the address whose last eight bytes are `number`, as precompiles and system contracts
    /// have it.
    #[must_use]
    pub const fn from_low_u64(number: u64) -> Self {
        let mut bytes = [0; 20];
        let low = number.to_be_bytes();
        let mut i = 0;
        while i < 8 {
            bytes[12 + i] = low[i];
            i += 1;
        }
        Self(bytes)
    }

    /// Returns the address of the contract that `self` creates with `nonce` (CREATE).
    #[must_use]
    pub fn create(&self, nonce: u64) -> Self {
        let mut stream = rlp::RlpStream::new_list(2);
        stream.append(&self.0.as_slice()).append(&nonce);
        Self::from_hash(keccak256(stream.out()))
    }

    /// Returns the last 20 bytes of `hash`.
    #[must_use]
    pub fn from_hash(hash: primitive_types::H256) -> Self {
        let mut bytes = [0; 20];
        bytes.copy_from_slice(&hash.0[12..]);
        Self(bytes)
    }

    /// Returns the Base58Check text for `network`.
    #[must_use]
    pub fn to_base58(&self, network: Network) -> String {
        bs58::encode(&self.0).with_check_version(network.version()).into_string()
    }

    /// Reads Base58Check and tells the network it was written for.
    ///
    /// # Errors
    /// See [`AddressError`].
    pub fn from_base58(text: &str) -> Result<(Self, Network), AddressError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(AddressError::TooLong { length: text.len() });
        }
        let mut bytes = [0; DECODED_BYTES];
        let length = bs58::decode(text).with_check(None).onto(&mut bytes).map_err(base58_error)?;
        let [version, payload @ .., _, _, _, _] = &bytes;
        let network = match *version {
            0x32 => Network::Main,
            0x7f => Network::Test,
            version => return Err(AddressError::UnknownVersion { version }),
        };
        if length != 1 + payload.len() {
            return Err(AddressError::WrongLength);
        }
        Ok((Self(*payload), network))
    }

    /// Returns `0x` and 40 hex digits with EIP-55's case.
    #[must_use]
    pub fn to_hex(&self) -> String {
        let lower = hex::encode(self.0);
        let hash = keccak256(lower.as_bytes());
        let mut text = String::with_capacity(42);
        text.push_str("0x");
        for (i, digit) in lower.chars().enumerate() {
            let nibble = hash.0[i / 2] >> (4 * (1 - i % 2)) & 0xf;
            text.push(if nibble >= 8 { digit.to_ascii_uppercase() } else { digit });
        }
        text
    }

    /// Reads `0x` and 40 hex digits; mixed case must be EIP-55's.
    ///
    /// # Errors
    /// [`AddressError::InvalidHex`] or [`AddressError::WrongHexChecksum`].
    pub fn from_hex(text: &str) -> Result<Self, AddressError> {
        let digits = text.strip_prefix("0x").ok_or(AddressError::InvalidHex)?;
        let mut bytes = [0; 20];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| AddressError::InvalidHex)?;
        let address = Self(bytes);
        let lower = digits.bytes().any(|b| b.is_ascii_lowercase());
        let upper = digits.bytes().any(|b| b.is_ascii_uppercase());
        if lower && upper && address.to_hex() != text {
            return Err(AddressError::WrongHexChecksum);
        }
        Ok(address)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// Reads either form.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.starts_with("0x") {
            Self::from_hex(text)
        } else {
            Self::from_base58(text).map(|(address, _)| address)
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_base58(Network::Main))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl From<H160> for Address {
    fn from(value: H160) -> Self {
        Self(value.0)
    }
}

impl From<Address> for H160 {
    fn from(value: Address) -> Self {
        Self(value.0)
    }
}

fn base58_error(error: bs58::decode::Error) -> AddressError {
    use bs58::decode::Error;
    match error {
        Error::InvalidCharacter { index, .. } | Error::NonAsciiCharacter { index } => {
            AddressError::InvalidCharacter { position: index.saturating_add(1) }
        }
        Error::InvalidChecksum { .. } => AddressError::WrongChecksum,
        _ => AddressError::WrongLength,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn main_addresses_start_with_m_and_test_addresses_with_t() {
        for byte in [0, 1, 0x7f, 0x80, 0xff] {
            let address = Address([byte; 20]);
            for (network, first) in [(Network::Main, 'M'), (Network::Test, 't')] {
                let text = address.to_base58(network);
                assert!(text.starts_with(first), "{text}");
                assert_eq!(Address::from_base58(&text), Ok((address, network)));
            }
        }
    }

    #[test]
    fn hex_case_is_checked_only_when_mixed() {
        let text = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
        let address = Address::from_hex(text).unwrap();
        assert_eq!(address.to_hex(), text);
        assert_eq!(Address::from_hex(&text.to_lowercase()), Ok(address));
        let wrong = text.replace("aA", "Aa");
        assert_eq!(Address::from_hex(&wrong), Err(AddressError::WrongHexChecksum));
    }

    #[test]
    fn over_long_text_is_refused_before_decoding() {
        let text = "M".repeat(1 << 20);
        assert_eq!(text.parse::<Address>(), Err(AddressError::TooLong { length: 1 << 20 }));
    }
}
