//! The transactions of a block without its header, and what makes them no block.

use std::sync::Arc;

use mbt_account::{
    RecoveredTransaction, SignedTransaction, TransactionError, TxHash,
    codec::{DecodeError, Reader},
};
use mbt_crypto::H256;
use rlp::{Encodable, RlpStream};

use crate::{BlockId, Header, InvalidBlock};

/// Longest encoding of a body in bytes: a rule of the chain, and a bound for whoever reads one.
pub const BODY_BYTES_MAX: usize = 8 << 20;

/// Most transactions in a body: none is shorter than 100 bytes.
pub const TRANSACTIONS_MAX: usize = BODY_BYTES_MAX / 100;

/// The transactions of a block as they are stored and sent. Senders are not known yet.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Body {
    /// In the order of execution.
    pub transactions: Vec<Arc<SignedTransaction>>,
}

/// Why a header and the bytes of a body make no block.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The header commits to another body. Whoever sent this one is at fault.
    #[error("body is not the one that its header commits to")]
    Foreign,
    /// The header commits to this body, and no valid block has it. Whoever vouched for the header
    /// is at fault, and [`crate::Chain::mark_invalid`] takes the proof.
    #[error(transparent)]
    Invalid(#[from] InvalidBody),
}

/// The proof that a header commits to a body that no valid block has. Only joining the two makes
/// one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("block {id}: {reason}")]
pub struct InvalidBody {
    id: BlockId,
    reason: InvalidBlock,
}

impl InvalidBody {
    pub(crate) fn new(header: &Header, reason: InvalidBlock) -> Self {
        Self { id: header.id(), reason }
    }

    /// Returns the block.
    #[must_use]
    pub const fn id(&self) -> BlockId {
        self.id
    }

    /// Returns what is wrong with it.
    #[must_use]
    pub const fn reason(&self) -> InvalidBlock {
        self.reason
    }
}

impl Encodable for Body {
    fn rlp_append(&self, stream: &mut RlpStream) {
        stream.begin_list(self.transactions.len());
        for transaction in &self.transactions {
            transaction.append_to_block(stream);
        }
    }
}

impl Body {
    /// Reads the encoding: the whole of `bytes`.
    ///
    /// # Errors
    /// See [`TransactionError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, TransactionError> {
        let mut reader = Reader::new(bytes);
        let body = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(body)
    }

    /// Reads one body, at most [`BODY_BYTES_MAX`] long.
    ///
    /// # Errors
    /// See [`TransactionError`].
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, TransactionError> {
        if !reader.is_empty() && !reader.next_is_list() {
            return Err(DecodeError::UnexpectedString.into());
        }
        let bytes = reader.raw()?;
        if bytes.len() > BODY_BYTES_MAX {
            return Err(DecodeError::TooMany { list: "body", max: BODY_BYTES_MAX }.into());
        }
        let mut items = Reader::new(bytes).list()?;
        let mut transactions = Vec::new();
        while !items.is_empty() {
            if transactions.len() == TRANSACTIONS_MAX {
                let list = "transactions";
                return Err(DecodeError::TooMany { list, max: TRANSACTIONS_MAX }.into());
            }
            transactions.push(Arc::new(SignedTransaction::read_from_block(&mut items)?));
        }
        Ok(Self { transactions })
    }

    /// Reads one transaction of an encoding that was accepted, and skips those before it.
    pub(crate) fn transaction_at(
        bytes: &[u8],
        index: usize,
    ) -> Result<Option<SignedTransaction>, TransactionError> {
        let mut items = Reader::new(bytes).list()?;
        for _ in 0..index {
            if items.is_empty() {
                return Ok(None);
            }
            items.raw()?;
        }
        if items.is_empty() {
            return Ok(None);
        }
        SignedTransaction::read_from_block(&mut items).map(Some)
    }

    /// Returns the root of the trie of the transactions, which the header commits to.
    #[must_use]
    pub fn transactions_root(&self) -> H256 {
        mbt_trie::ordered_root(self.transactions.iter().map(|transaction| transaction.encode()))
    }
}

/// Returns the root that a header with this body commits to, whatever its items are. None when
/// other bytes could be meant by the same root: then the bytes prove nothing.
pub(crate) fn committed_root(body: &[u8]) -> Option<H256> {
    let mut reader = Reader::new(body);
    let mut items = reader.list().ok()?;
    reader.finish().ok()?;
    let mut leaves = Vec::new();
    while !items.is_empty() {
        let is_list = items.next_is_list();
        let leaf = if is_list { items.raw() } else { items.bytes() }.ok()?;
        // A list in a string has the leaf of the list alone, and an empty leaf that of none.
        if !is_list && leaf.first().is_none_or(|first| *first >= 0xc0) {
            return None;
        }
        leaves.push(leaf.to_vec());
    }
    Some(mbt_trie::ordered_root(leaves))
}

/// The encodings of a block's transactions, made once for the root and for the store.
#[derive(Debug)]
pub(crate) struct EncodedBody {
    /// The body's RLP.
    pub(crate) bytes: Vec<u8>,
    /// The transactions' names, in order.
    pub(crate) hashes: Vec<TxHash>,
    /// The root of the trie of transactions.
    pub(crate) root: H256,
}

impl EncodedBody {
    /// Encodes each transaction once.
    pub(crate) fn new(transactions: &[RecoveredTransaction]) -> Self {
        let items: Vec<Vec<u8>> = transactions.iter().map(|t| t.encode()).collect();
        let mut stream = RlpStream::new_list(items.len());
        for (item, transaction) in items.iter().zip(transactions) {
            if transaction.tx_type() == 0 {
                stream.append_raw(item, 1);
            } else {
                stream.append(item);
            }
        }
        Self {
            bytes: stream.out().to_vec(),
            hashes: transactions.iter().map(|transaction| transaction.hash()).collect(),
            root: mbt_trie::ordered_root(items),
        }
    }
}
