//! Blocks: a header and the transactions it commits to.

use std::sync::Arc;

use mbt_account::{
    RecoveredTransaction, SignedTransaction, TransactionError,
    codec::{Decode, Reader},
    recover_senders,
};
use mbt_crypto::InvalidSignature;
use rlp::RlpStream;

use crate::{Body, BodyError, Header, InvalidBlock, InvalidBody, body::committed_root};

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

    /// Holds the body against the header and recovers the senders, in parallel with feature
    /// `parallel`.
    ///
    /// # Errors
    /// [`BodyError`], which tells a body of no block from one of another block.
    pub fn recover(self) -> Result<Block, BodyError> {
        self.recover_with(recover_senders)
    }

    /// Like [`RawBlock::recover`], with senders that `recover` may know already.
    ///
    /// # Errors
    /// [`BodyError`]. That nobody signed a transaction is found out here, whatever `recover` says.
    pub fn recover_with(
        self,
        recover: impl FnOnce(
            &[Arc<SignedTransaction>],
        ) -> Result<Vec<RecoveredTransaction>, InvalidSignature>,
    ) -> Result<Block, BodyError> {
        let Self { header, body } = self;
        if body.transactions_root() != header.transactions_root {
            return Err(BodyError::Foreign);
        }
        match recover(&body.transactions).or_else(|_| recover_senders(&body.transactions)) {
            Ok(transactions) => Ok(Block { header, transactions }),
            Err(_) => Err(InvalidBody::new(&header, InvalidBlock::Signature).into()),
        }
    }
}

impl Block {
    /// Makes a block of a header and the bytes that should be its body.
    ///
    /// # Errors
    /// [`BodyError`], which tells a body of no block from one of another block.
    pub fn join(header: Header, body: &[u8]) -> Result<Self, BodyError> {
        Self::join_with(header, body, recover_senders)
    }

    /// Like [`Block::join`], with senders that `recover` may know already.
    ///
    /// # Errors
    /// [`BodyError`].
    pub fn join_with(
        header: Header,
        body: &[u8],
        recover: impl FnOnce(
            &[Arc<SignedTransaction>],
        ) -> Result<Vec<RecoveredTransaction>, InvalidSignature>,
    ) -> Result<Self, BodyError> {
        match Body::decode(body) {
            Ok(body) => RawBlock { header, body }.recover_with(recover),
            Err(reason) if committed_root(body) == Some(header.transactions_root) => {
                Err(InvalidBody::new(&header, InvalidBlock::Body(reason)).into())
            }
            Err(_) => Err(BodyError::Foreign),
        }
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
