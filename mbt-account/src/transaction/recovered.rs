//! Transactions with their sender.

use alloc::{sync::Arc, vec::Vec};
use core::ops::Deref;

use mbt_crypto::{Address, InvalidInBatch, InvalidSignature, RecoveryPolicy, recover_all};

use super::{SignaturePolicy, SignedTransaction, TransactionError};

/// A signed transaction with the sender that its signature names. Cheap to clone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecoveredTransaction {
    transaction: Arc<SignedTransaction>,
    sender: Address,
}

impl RecoveredTransaction {
    /// Joins a transaction and its sender without a check, for callers that recovered it before
    /// (tests of invalid signatures, calls that nobody signed).
    #[must_use]
    pub const fn new_unchecked(transaction: Arc<SignedTransaction>, sender: Address) -> Self {
        Self { transaction, sender }
    }

    /// Returns the account that signed.
    #[must_use]
    pub const fn sender(&self) -> Address {
        self.sender
    }

    /// Returns the transaction.
    #[must_use]
    pub const fn signed(&self) -> &Arc<SignedTransaction> {
        &self.transaction
    }
}

impl Deref for RecoveredTransaction {
    type Target = SignedTransaction;

    fn deref(&self) -> &SignedTransaction {
        &self.transaction
    }
}

impl SignedTransaction {
    /// Recovers the sender under this system's policy and keeps it with the transaction.
    ///
    /// # Errors
    /// When the signature is high or names nobody.
    pub fn recover(self) -> Result<RecoveredTransaction, InvalidSignature> {
        let sender = self.recover_sender(RecoveryPolicy::LowS)?;
        Ok(RecoveredTransaction { transaction: Arc::new(self), sender })
    }

    /// Checks the signature against `policy`, recovers the sender and keeps it with the
    /// transaction.
    ///
    /// # Errors
    /// [`TransactionError::Unprotected`], [`TransactionError::WrongChain`] or
    /// [`TransactionError::Signature`].
    pub fn recover_under(
        self,
        policy: &SignaturePolicy,
    ) -> Result<RecoveredTransaction, TransactionError> {
        policy.check(&self)?;
        let sender = self.recover_sender(policy.s)?;
        Ok(RecoveredTransaction { transaction: Arc::new(self), sender })
    }
}

/// Recovers the senders of a block's or a batch's transactions under this system's policy; in
/// parallel with feature `parallel`.
///
/// # Errors
/// When a signature is high or names nobody.
pub fn recover_senders(
    transactions: &[Arc<SignedTransaction>],
) -> Result<Vec<RecoveredTransaction>, InvalidSignature> {
    let signed = |transaction: &Arc<SignedTransaction>| {
        (transaction.signing_hash(), *transaction.signature())
    };
    let senders = recover_all(transactions, RecoveryPolicy::LowS, signed)
        .map_err(|InvalidInBatch { source, .. }| source)?;
    let join = |(transaction, sender)| RecoveredTransaction::new_unchecked(transaction, sender);
    Ok(transactions.iter().cloned().zip(senders).map(join).collect())
}
