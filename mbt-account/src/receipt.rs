//! What a transaction left behind: receipt, logs and their bloom filter.

use alloc::vec::Vec;
use core::fmt;

use mbt_crypto::{Address, H256, keccak256, keccak256_many};
use rlp::{Encodable, RlpStream};

use crate::{
    codec::{Decode, DecodeError, Reader},
    transaction::{is_known_type, refuse_type},
};

/// A 2048-bit filter over addresses and topics (Yellow Paper 4.3.1).
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Bloom(pub [u8; 256]);

impl Bloom {
    /// The filter that holds nothing.
    pub const ZERO: Self = Self([0; 256]);

    /// Adds an address or a topic.
    pub fn accrue(&mut self, item: &[u8]) {
        self.set(keccak256(item));
    }

    /// Adds all that `other` holds.
    pub fn accrue_bloom(&mut self, other: &Self) {
        for (byte, more) in self.0.iter_mut().zip(other.0) {
            *byte |= more;
        }
    }

    /// Adds the addresses and topics of `logs`.
    pub fn accrue_logs(&mut self, logs: &[Log]) {
        let items = logs.iter().flat_map(|log| {
            let topics = log.topics.iter().map(|topic| topic.0.as_slice());
            core::iter::once(log.address.0.as_slice()).chain(topics)
        });
        keccak256_many(items, |_, hash| self.set(hash));
    }

    /// Tells whether `item` may have been added. Never wrong when it says no.
    #[must_use]
    pub fn may_contain(&self, item: &[u8]) -> bool {
        let positions = Self::positions(keccak256(item));
        positions.into_iter().all(|(byte, mask)| self.0[byte] & mask != 0)
    }

    fn set(&mut self, hash: H256) {
        for (byte, mask) in Self::positions(hash) {
            self.0[byte] |= mask;
        }
    }

    fn positions(hash: H256) -> [(usize, u8); 3] {
        [0, 2, 4].map(|i| {
            let bit = usize::from(u16::from_be_bytes([hash.0[i], hash.0[i + 1]]) & 0x7ff);
            (255 - bit / 8, 1 << (bit % 8))
        })
    }
}

impl Default for Bloom {
    fn default() -> Self {
        Self::ZERO
    }
}

impl fmt::Debug for Bloom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ones: u32 = self.0.iter().map(|byte| byte.count_ones()).sum();
        write!(f, "Bloom({ones} bits)")
    }
}

/// An event of a contract.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Log {
    /// The contract.
    pub address: Address,
    /// Up to four indexed words.
    pub topics: Vec<H256>,
    /// The rest.
    pub data: Vec<u8>,
}

impl Encodable for Log {
    fn rlp_append(&self, stream: &mut RlpStream) {
        stream.begin_list(3);
        stream.append(&self.address.0.as_slice());
        stream.append_list(&self.topics).append(&self.data);
    }
}

impl Decode for Log {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = reader.list()?;
        let log = Self {
            address: fields.address()?,
            topics: fields.list_of("topics", 4, Reader::hash)?,
            data: fields.bytes()?.to_vec(),
        };
        fields.finish()?;
        Ok(log)
    }
}

/// The result of a transaction in a block (EIP-2718, EIP-658).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Receipt {
    /// The transaction's type byte, 0 for legacy.
    pub tx_type: u8,
    /// Whether the execution ended without failure.
    pub succeeded: bool,
    /// Gas used in the block up to and with this transaction.
    pub cumulative_gas_used: u64,
    /// Filter over `logs`.
    pub logs_bloom: Bloom,
    /// Events in order.
    pub logs: Vec<Log>,
}

impl Receipt {
    /// Makes a receipt and the filter over its logs.
    #[must_use]
    pub fn new(tx_type: u8, succeeded: bool, cumulative_gas_used: u64, logs: Vec<Log>) -> Self {
        let mut logs_bloom = Bloom::ZERO;
        logs_bloom.accrue_logs(&logs);
        Self { tx_type, succeeded, cumulative_gas_used, logs_bloom, logs }
    }

    /// Returns the EIP-2718 encoding, which is the value in the receipts trie.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new_list(4);
        stream.append(&u8::from(self.succeeded)).append(&self.cumulative_gas_used);
        stream.append(&self.logs_bloom.0.as_slice()).append_list(&self.logs);
        let body = stream.out();
        let mut bytes = Vec::with_capacity(body.len() + 1);
        if self.tx_type != 0 {
            bytes.push(self.tx_type);
        }
        bytes.extend_from_slice(&body);
        bytes
    }

    /// Reads the EIP-2718 encoding.
    ///
    /// # Errors
    /// See [`DecodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (tx_type, body) = Self::split_type(bytes)?;
        let mut outer = Reader::new(body);
        let mut fields = outer.list()?;
        let succeeded = match fields.u64()? {
            0 => false,
            1 => true,
            _ => return Err(DecodeError::OutOfRange("status")),
        };
        let receipt = Self {
            tx_type,
            succeeded,
            cumulative_gas_used: fields.u64()?,
            logs_bloom: Bloom(fields.array()?),
            logs: fields.list_of("logs", usize::MAX, Log::read)?,
        };
        fields.finish()?;
        outer.finish()?;
        Ok(receipt)
    }

    /// Reads the cumulative gas and the count of logs of an encoding, and skips all else of it.
    ///
    /// # Errors
    /// See [`DecodeError`]; of what is skipped, none.
    pub fn tally(bytes: &[u8]) -> Result<(u64, usize), DecodeError> {
        let (_, body) = Self::split_type(bytes)?;
        let mut fields = Reader::new(body).list()?;
        fields.raw()?;
        let gas_used = fields.u64()?;
        fields.raw()?;
        let logs = fields.list_of("logs", usize::MAX, Reader::raw)?;
        Ok((gas_used, logs.len()))
    }

    fn split_type(bytes: &[u8]) -> Result<(u8, &[u8]), DecodeError> {
        match bytes.split_first() {
            None => Err(DecodeError::Truncated),
            Some((first, _)) if *first >= 0xc0 => Ok((0, bytes)),
            Some((0, _)) => Err(DecodeError::NotCanonical),
            Some((first, body)) if is_known_type(*first) => Ok((*first, body)),
            Some((first, _)) => Err(refuse_type(*first)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_is_that_of_the_receipt_and_of_no_cut_one() {
        for (tx_type, logs) in [(0, 0), (1, 3), (2, 1)] {
            let receipt = Receipt::new(tx_type, true, 21_000, alloc::vec![Log::default(); logs]);
            let bytes = receipt.encode();
            assert_eq!(Receipt::tally(&bytes), Ok((21_000, logs)));
            for end in 0..bytes.len() {
                assert!(Receipt::tally(&bytes[..end]).is_err(), "{end} bytes");
            }
        }
    }
}
