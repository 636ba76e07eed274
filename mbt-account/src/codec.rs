//! Strict RLP: one value has one encoding, and everything else is refused.
//!
//! Encoding is the `rlp` crate's [`rlp::Encodable`]. Decoding is here, because a decoder of foreign
//! bytes must refuse trailing bytes, long forms of short values, leading zeros and lists of other
//! lengths, and must do so in one pass.

#![warn(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use alloc::vec::Vec;

use mbt_crypto::{Address, H256, U256};
use rlp::PayloadInfo;

/// Why bytes are not the encoding of a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The input ends inside an item, or a list has too few items.
    #[error("input ends inside an item")]
    Truncated,
    /// There are bytes behind the value, or a list has too many items.
    #[error("{0} bytes behind the end of the value")]
    TrailingBytes(usize),
    /// The value has a shorter encoding than the one given.
    #[error("encoding is not the shortest one")]
    NotCanonical,
    /// A list where a string was expected.
    #[error("found a list, expected a string")]
    UnexpectedList,
    /// A string where a list was expected.
    #[error("found a string, expected a list")]
    UnexpectedString,
    /// A string of another length than the type has.
    #[error("found {found} bytes, expected {expected}")]
    WrongLength {
        /// Bytes of the type.
        expected: usize,
        /// Bytes of the input.
        found: usize,
    },
    /// An integer that does not fit its type.
    #[error("integer of {0} bytes does not fit")]
    IntegerTooLarge(usize),
    /// The value is outside the range that the field named here may have.
    #[error("field {0} is out of range")]
    OutOfRange(&'static str),
    /// More items than the bound on the list named here.
    #[error("list {list} is longer than {max}")]
    TooMany {
        /// The list.
        list: &'static str,
        /// Its bound.
        max: usize,
    },
    /// A string longer than the bound on the field named here.
    #[error("{field} of {found} bytes is longer than {max}")]
    TooLong {
        /// The field.
        field: &'static str,
        /// Its bound.
        max: usize,
        /// Bytes of the input.
        found: usize,
    },
    /// A transaction type that this system does not have.
    #[error("transaction type {0:#04x} not supported")]
    UnknownTransactionType(u8),
    /// Transaction type 0x19, which never will be one: what starts with that byte is a digest that
    /// somebody signed for another purpose (EIP-191, EIP-712).
    #[error("transaction type 0x19 not supported: it is reserved for signed messages")]
    ReservedTransactionType,
}

/// A type with a strict decoder.
pub trait Decode: Sized {
    /// Reads one value.
    ///
    /// # Errors
    /// See [`DecodeError`].
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// Reads one value that fills `bytes`.
    ///
    /// # Errors
    /// See [`DecodeError`].
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let value = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(value)
    }
}

/// A cursor over consecutive RLP items: a whole input, or the inside of a list.
#[derive(Clone, Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Starts at the first item of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Tells whether all items were read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells whether the next item is a list.
    #[must_use]
    pub fn next_is_list(&self) -> bool {
        self.0.first().is_some_and(|byte| *byte >= 0xc0)
    }

    /// Ends the list or input.
    ///
    /// # Errors
    /// [`DecodeError::TrailingBytes`] when items are left.
    pub const fn finish(self) -> Result<(), DecodeError> {
        if self.0.is_empty() { Ok(()) } else { Err(DecodeError::TrailingBytes(self.0.len())) }
    }

    /// Enters a list.
    ///
    /// # Errors
    /// When the next item is no list, or is malformed.
    pub fn list(&mut self) -> Result<Self, DecodeError> {
        if !self.0.is_empty() && !self.next_is_list() {
            return Err(DecodeError::UnexpectedString);
        }
        Ok(Self(self.item()?.1))
    }

    /// Reads a list of items.
    ///
    /// # Errors
    /// When the next item is no list, an item is malformed, or there are more than `max` of them.
    pub fn list_of<T>(
        &mut self,
        name: &'static str,
        max: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let mut inner = self.list()?;
        let mut items = Vec::new();
        while !inner.is_empty() {
            if items.len() == max {
                return Err(DecodeError::TooMany { list: name, max });
            }
            items.push(read(&mut inner)?);
        }
        Ok(items)
    }

    /// Reads a string.
    ///
    /// # Errors
    /// When the next item is a list, or is malformed.
    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        if self.next_is_list() {
            return Err(DecodeError::UnexpectedList);
        }
        Ok(self.item()?.1)
    }

    /// Reads a string of at most `max` bytes.
    ///
    /// # Errors
    /// As [`Reader::bytes`], or [`DecodeError::TooLong`].
    pub fn bytes_up_to(
        &mut self,
        field: &'static str,
        max: usize,
    ) -> Result<&'a [u8], DecodeError> {
        let bytes = self.bytes()?;
        if bytes.len() > max {
            return Err(DecodeError::TooLong { field, max, found: bytes.len() });
        }
        Ok(bytes)
    }

    /// Reads a string of `N` bytes.
    ///
    /// # Errors
    /// As [`Reader::bytes`], or [`DecodeError::WrongLength`].
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let bytes = self.bytes()?;
        bytes.try_into().map_err(|_| DecodeError::WrongLength { expected: N, found: bytes.len() })
    }

    /// Reads a 32-byte hash.
    ///
    /// # Errors
    /// As [`Reader::array`].
    pub fn hash(&mut self) -> Result<H256, DecodeError> {
        self.array().map(H256)
    }

    /// Reads a 20-byte address.
    ///
    /// # Errors
    /// As [`Reader::array`].
    pub fn address(&mut self) -> Result<Address, DecodeError> {
        self.array().map(Address)
    }

    /// Reads an integer without leading zeros.
    ///
    /// # Errors
    /// As [`Reader::bytes`], [`DecodeError::NotCanonical`] or [`DecodeError::IntegerTooLarge`].
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        let bytes = self.bytes()?;
        match bytes {
            [0, ..] => Err(DecodeError::NotCanonical),
            _ if bytes.len() > 8 => Err(DecodeError::IntegerTooLarge(bytes.len())),
            _ => Ok(bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))),
        }
    }

    /// Reads an integer without leading zeros.
    ///
    /// # Errors
    /// As [`Reader::bytes`], [`DecodeError::NotCanonical`] or [`DecodeError::IntegerTooLarge`].
    pub fn u256(&mut self) -> Result<U256, DecodeError> {
        let bytes = self.bytes()?;
        match bytes {
            [0, ..] => Err(DecodeError::NotCanonical),
            _ if bytes.len() > 32 => Err(DecodeError::IntegerTooLarge(bytes.len())),
            _ => Ok(U256::from_big_endian(bytes)),
        }
    }

    /// Reads an item of any kind and returns it with its header, unread.
    ///
    /// # Errors
    /// When its header is malformed.
    pub fn raw(&mut self) -> Result<&'a [u8], DecodeError> {
        self.item().map(|(raw, _)| raw)
    }

    /// Splits the next item off: the whole item and its payload.
    fn item(&mut self) -> Result<(&'a [u8], &'a [u8]), DecodeError> {
        let info = PayloadInfo::from(self.0).map_err(|error| match error {
            rlp::DecoderError::RlpIsTooShort => DecodeError::Truncated,
            rlp::DecoderError::RlpIsTooBig => DecodeError::Truncated,
            _ => DecodeError::NotCanonical,
        })?;
        let total = info.header_len.checked_add(info.value_len).ok_or(DecodeError::Truncated)?;
        let (raw, rest) = self.0.split_at_checked(total).ok_or(DecodeError::Truncated)?;
        let payload = raw.get(info.header_len..).ok_or(DecodeError::Truncated)?;
        if let ([byte], [0x81, ..]) = (payload, raw)
            && *byte < 0x80
        {
            return Err(DecodeError::NotCanonical);
        }
        self.0 = rest;
        Ok((raw, payload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_encodings_of_a_value_are_refused() {
        for (bytes, error) in [
            (&[0x81, 0x01][..], DecodeError::NotCanonical),
            (&[0xb8, 0x01, 0xff], DecodeError::NotCanonical),
            (&[0x00], DecodeError::NotCanonical),
            (&[0x82, 0x00, 0x01], DecodeError::NotCanonical),
            (&[0xc0], DecodeError::UnexpectedList),
            (&[], DecodeError::Truncated),
            (&[0x83, 1, 2], DecodeError::Truncated),
            (&[0xbf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], DecodeError::Truncated),
        ] {
            assert_eq!(Reader::new(bytes).u64(), Err(error), "{bytes:02x?}");
        }
    }
}
