//! Blocks: a header and the transactions it commits to.

use std::sync::Arc;

use mbt_account::{
    RecoveredTransaction, SignedTransaction, TransactionError,
    codec::{DecodeError, Reader},
};
use rlp::{Encodable, RlpStream};

use crate::Header;

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
        reader.finish().map_err(TransactionError::from)?;
        Ok(body)
    }

    /// Reads one body.
    ///
    /// # Errors
    /// See [`TransactionError`].
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, TransactionError> {
        let mut items: Reader<'_> = reader.list().map_err(|error: DecodeError| error)?;
        let mut transactions = Vec::new();
        while !items.is_empty() {
            transactions.push(Arc::new(SignedTransaction::read_from_block(&mut items)?));
        }
        Ok(Self { transactions })
    }
}
