//! Blocks: a header and the transactions it commits to.

use std::sync::Arc;

use mbt_account::{
    RecoveredTransaction, SignedTransaction, TransactionError, TxHash,
    codec::{Decode, DecodeError, Reader},
};
use mbt_crypto::{H256, InvalidSignature};
use rlp::{Encodable, RlpStream};

use crate::Header;

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

/// A block whose transactions' senders are known. Whether it is valid is for the chain to say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Block {
    /// The header.
    pub header: Header,
    /// In the order of execution.
    pub transactions: Vec<RecoveredTransaction>,
}

/// A block as it is sent: the RLP list of header and body. Senders are not known yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RawBlock {
    /// The header.
    pub header: Header,
    /// The body.
    pub body: Body,
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

    /// Returns the root of the trie of the transactions, which the header commits to.
    #[must_use]
    pub fn transactions_root(&self) -> H256 {
        mbt_trie::ordered_root(self.transactions.iter().map(|transaction| transaction.encode()))
    }
}

impl RawBlock {
    /// Reads the encoding: the whole of `bytes`.
    ///
    /// # Errors
    /// See [`TransactionError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, TransactionError> {
        let mut reader = Reader::new(bytes);
        let mut items = reader.list()?;
        reader.finish()?;
        let block = Self { header: Header::read(&mut items)?, body: Body::read(&mut items)? };
        items.finish()?;
        Ok(block)
    }

    /// Returns the encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new_list(2);
        stream.append(&self.header).append(&self.body);
        stream.out().to_vec()
    }

    /// Recovers the senders, in parallel with feature `parallel`.
    ///
    /// # Errors
    /// When a signature names nobody: whoever sent the body is at fault.
    pub fn recover(self) -> Result<Block, InvalidSignature> {
        Block::recover(self.header, &self.body)
    }
}

impl Block {
    /// Joins a header and a body and recovers the senders, in parallel with feature `parallel`.
    ///
    /// # Errors
    /// When a signature names nobody: whoever sent the body is at fault.
    pub fn recover(header: Header, body: &Body) -> Result<Self, InvalidSignature> {
        let transactions = mbt_account::recover_senders(&body.transactions)?;
        Ok(Self { header, transactions })
    }

    /// Returns the body without its senders.
    #[must_use]
    pub fn body(&self) -> Body {
        let transactions = self.transactions.iter().map(|t| Arc::clone(t.signed())).collect();
        Body { transactions }
    }

    /// Returns the encoding, which is [`RawBlock`]'s.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new_list(2);
        stream.append(&self.header).append(&self.body());
        stream.out().to_vec()
    }
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
