//! Chunks and what is in them.

use alloc::{sync::Arc, vec::Vec};

use mbt_account::{
    PublicAccount,
    codec::{Decode, DecodeError, Reader},
};
use mbt_crypto::{Address, H256, Keccak256, U256};
use rlp::RlpStream;

use crate::{StateError, StoreError};

/// First of what a head holds.
const MAGIC: &[u8] = b"MBT-STATE";
/// The format's version.
const VERSION: u64 = 1;

/// A chunk is closed when its payload has so many bytes.
pub(super) const CHUNK_BYTES: usize = 1 << 20;
/// Longest payload that is read.
const PAYLOAD_BYTES_MAX: usize = 64 << 20;
/// Most items of a list that is read.
const ITEMS_MAX: usize = PAYLOAD_BYTES_MAX;

/// Bytes of a chunk that tell its length: see [`chunk_bytes`].
pub const SNAPSHOT_PREFIX_BYTES: usize = 5;
/// Bytes of the hash behind a payload.
pub(super) const HASH_BYTES: usize = 32;

pub(super) const HEAD: u8 = 1;
pub(super) const CODES: u8 = 2;
pub(super) const ACCOUNTS: u8 = 3;
pub(super) const END: u8 = 4;

/// What a snapshot is of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SnapshotHead {
    /// The block whose state it is.
    pub number: u64,
    /// The root of the state.
    pub root: H256,
    /// What else the chain wants to know of the block, at most 32 MiB.
    pub attachment: Vec<u8>,
}

/// What a snapshot holds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SnapshotCounts {
    /// Accounts.
    pub accounts: u64,
    /// Slots that are not zero.
    pub slots: u64,
    /// Codes, each once.
    pub codes: u64,
}

/// Why a snapshot is refused. Chunks are counted from 0.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// It is something else, or of a version that is not known.
    #[error("not a state snapshot of version {VERSION}")]
    Unknown,
    /// A chunk is too long to be one.
    #[error("chunk {chunk} says it has {bytes} bytes")]
    TooLong {
        /// The chunk.
        chunk: u64,
        /// Its length.
        bytes: usize,
    },
    /// A chunk or one before it is damaged.
    #[error("chunk {chunk} does not match its hash")]
    Damaged {
        /// The chunk.
        chunk: u64,
    },
    /// A chunk cannot be decoded.
    #[error("chunk {chunk} is malformed: {reason}")]
    Malformed {
        /// The chunk.
        chunk: u64,
        /// Why.
        reason: DecodeError,
    },
    /// A chunk or an entry is not where it belongs.
    #[error("chunk {chunk} is out of order: {what}")]
    OutOfOrder {
        /// The chunk.
        chunk: u64,
        /// What is not where it belongs.
        what: &'static str,
    },
    /// The slots of an account do not lead to the root in its record.
    #[error("storage of account {address} has root {found:#x}, its record says {expected:#x}")]
    StorageRoot {
        /// The account.
        address: Address,
        /// As its record says.
        expected: H256,
        /// As its slots say.
        found: H256,
    },
    /// An account's code is not in the snapshot.
    #[error("code {hash:#x} of account {address} is not in the snapshot")]
    MissingCode {
        /// The account.
        address: Address,
        /// Its code's hash.
        hash: H256,
    },
    /// Codes that no account has.
    #[error("no account has code {hash:#x}")]
    SpareCode {
        /// The first such code's hash.
        hash: H256,
    },
    /// The accounts do not lead to the root of the head.
    #[error("state of block {number} has root {found:#x}, the snapshot's head says {expected:#x}")]
    Root {
        /// The block.
        number: u64,
        /// As the head says.
        expected: H256,
        /// As the accounts say.
        found: H256,
    },
    /// The end counts other entries than there are.
    #[error("the snapshot says it holds {expected:?}, and holds {found:?}")]
    Counts {
        /// As the end says.
        expected: SnapshotCounts,
        /// As they came.
        found: SnapshotCounts,
    },
    /// The file ends before the snapshot does.
    #[error("the snapshot ends after chunk {chunk}, before its end")]
    Truncated {
        /// The last chunk that came.
        chunk: u64,
    },
    /// The state cannot be read or changed.
    #[error(transparent)]
    State(#[from] StateError),
}

impl From<StoreError> for SnapshotError {
    fn from(error: StoreError) -> Self {
        Self::State(error.into())
    }
}

/// Returns the length of what follows a chunk's first bytes.
///
/// # Errors
/// [`SnapshotError::TooLong`].
pub fn chunk_bytes(
    chunk: u64,
    prefix: [u8; SNAPSHOT_PREFIX_BYTES],
) -> Result<usize, SnapshotError> {
    let [a, b, c, d, _] = prefix;
    let bytes = u32::from_be_bytes([a, b, c, d]) as usize;
    if bytes > PAYLOAD_BYTES_MAX {
        return Err(SnapshotError::TooLong { chunk, bytes });
    }
    Ok(bytes + HASH_BYTES)
}

/// Hashes chunks one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seal(H256);

impl Seal {
    /// Before the first chunk.
    pub(super) const NONE: Self = Self(H256([0; 32]));

    /// Returns the hash behind a chunk.
    pub(super) fn next(&mut self, kind: u8, payload: &[u8]) -> H256 {
        let mut hasher = Keccak256::new();
        hasher.update(self.0.0);
        hasher.update([kind]);
        hasher.update(payload);
        self.0 = hasher.finalize();
        self.0
    }

    /// Makes a chunk of a payload.
    pub(super) fn close(&mut self, kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let hash = self.next(kind, payload);
        [&length.to_be_bytes()[..], &[kind], payload, &hash.0].concat()
    }
}

/// An account and some of its slots.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Entry {
    pub(super) address: Address,
    pub(super) account: PublicAccount,
    pub(super) slots: Vec<(H256, U256)>,
}

impl Entry {
    pub(super) fn append(&self, stream: &mut RlpStream) {
        stream.begin_list(3).append(&self.address.0.as_slice()).append(&self.account);
        stream.begin_list(self.slots.len());
        for (slot, value) in &self.slots {
            stream.begin_list(2).append(slot).append(value);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = reader.list()?;
        let address = fields.address()?;
        let account = PublicAccount::decode(fields.raw()?)?;
        let slots = fields.list_of("slots", ITEMS_MAX, |item| {
            let mut fields = item.list()?;
            let slot = (fields.hash()?, fields.u256()?);
            fields.finish()?;
            if slot.1.is_zero() { Err(DecodeError::OutOfRange("slot")) } else { Ok(slot) }
        })?;
        fields.finish()?;
        Ok(Self { address, account, slots })
    }
}

pub(super) fn encode_head(head: &SnapshotHead) -> Vec<u8> {
    let mut stream = RlpStream::new_list(5);
    stream.append(&MAGIC).append(&VERSION).append(&head.number).append(&head.root);
    stream.append(&head.attachment);
    stream.out().to_vec()
}

pub(super) fn decode_head(payload: &[u8]) -> Result<Option<SnapshotHead>, DecodeError> {
    let mut reader = Reader::new(payload);
    let mut fields = reader.list()?;
    if fields.bytes()? != MAGIC || fields.u64()? != VERSION {
        return Ok(None);
    }
    let head = SnapshotHead {
        number: fields.u64()?,
        root: fields.hash()?,
        attachment: fields.bytes()?.to_vec(),
    };
    fields.finish()?;
    reader.finish()?;
    Ok(Some(head))
}

pub(super) fn decode_codes(payload: &[u8]) -> Result<Vec<Arc<[u8]>>, DecodeError> {
    let mut reader = Reader::new(payload);
    let codes = reader.list_of("codes", ITEMS_MAX, |item| Ok(Arc::from(item.bytes()?)))?;
    reader.finish()?;
    Ok(codes)
}

pub(super) fn decode_accounts(payload: &[u8]) -> Result<Vec<Entry>, DecodeError> {
    let mut reader = Reader::new(payload);
    let accounts = reader.list_of("accounts", ITEMS_MAX, Entry::read)?;
    reader.finish()?;
    Ok(accounts)
}

pub(super) fn encode_end(counts: SnapshotCounts) -> Vec<u8> {
    let SnapshotCounts { accounts, slots, codes } = counts;
    let mut stream = RlpStream::new_list(3);
    stream.append(&accounts).append(&slots).append(&codes);
    stream.out().to_vec()
}

pub(super) fn decode_end(payload: &[u8]) -> Result<SnapshotCounts, DecodeError> {
    let mut reader = Reader::new(payload);
    let mut fields = reader.list()?;
    let counts =
        SnapshotCounts { accounts: fields.u64()?, slots: fields.u64()?, codes: fields.u64()? };
    fields.finish()?;
    reader.finish()?;
    Ok(counts)
}
