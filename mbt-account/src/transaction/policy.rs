//! Which signatures of transactions are taken, and where (SPEC 2).

use mbt_crypto::RecoveryPolicy;

use super::{SignedTransaction, TransactionError};
use crate::Unprotected;

/// Which v and which s are taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SignaturePolicy {
    /// The chain that must be signed, when one is.
    pub chain_id: u64,
    /// Whether v may be 27 or 28, which sign no chain.
    pub unprotected: Unprotected,
    /// Which s are taken.
    pub s: RecoveryPolicy,
}

impl SignaturePolicy {
    /// Ethereum's, from Homestead on, and that of this system's blocks: any v of the chain or of
    /// none, s low. Keyless deployments have v 27 or 28.
    #[must_use]
    pub const fn block(chain_id: u64) -> Self {
        Self { chain_id, unprotected: Unprotected::Allow, s: RecoveryPolicy::LowS }
    }

    /// The pool's and JSON-RPC's: v must sign the chain, s must be low.
    #[must_use]
    pub const fn pool(chain_id: u64) -> Self {
        Self { chain_id, unprotected: Unprotected::Refuse, s: RecoveryPolicy::LowS }
    }

    /// Ethereum's before Homestead: any v of the chain or of none, any s.
    #[must_use]
    pub const fn frontier(chain_id: u64) -> Self {
        Self { chain_id, unprotected: Unprotected::Allow, s: RecoveryPolicy::AnyS }
    }

    /// Checks what v says. What s says is checked by recovering.
    ///
    /// # Errors
    /// [`TransactionError::Unprotected`] or [`TransactionError::WrongChain`].
    pub fn check(&self, transaction: &SignedTransaction) -> Result<(), TransactionError> {
        match transaction.chain_id() {
            None if self.unprotected == Unprotected::Refuse => Err(TransactionError::Unprotected),
            Some(have) if have != self.chain_id => {
                Err(TransactionError::WrongChain { have, want: self.chain_id })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use mbt_crypto::{InvalidSignature, SecretKey, Signature, U256};

    use super::*;
    use crate::{Kind, Transaction};

    fn signed(chain_id: Option<u64>) -> SignedTransaction {
        let kind = Kind::Legacy { chain_id, gas_price: 1.into() };
        let transaction =
            Transaction { kind, nonce: 0, gas_limit: 0, to: None, value: 0.into(), input: vec![] };
        transaction.sign(&SecretKey::from_bytes([9; 32]).unwrap())
    }

    #[test]
    fn pool_demands_the_chain_and_blocks_do_not() {
        let keyless = signed(None);
        assert!(keyless.clone().recover_under(&SignaturePolicy::block(7)).is_ok());
        assert_eq!(
            keyless.recover_under(&SignaturePolicy::pool(7)),
            Err(TransactionError::Unprotected)
        );
        for policy in [SignaturePolicy::block(7), SignaturePolicy::pool(7)] {
            assert!(signed(Some(7)).recover_under(&policy).is_ok());
            assert_eq!(
                signed(Some(8)).recover_under(&policy),
                Err(TransactionError::WrongChain { have: 8, want: 7 })
            );
        }
    }

    #[test]
    fn only_frontier_takes_the_second_form_of_a_signature() {
        let order = U256::from_dec_str(
            "115792089237316195423570985008687907852837564279074904382605163141518161494337",
        )
        .unwrap();
        let good = signed(Some(7));
        let Signature { r, s, y_parity } = *good.signature();
        let s = (order - U256::from_big_endian(&s)).to_big_endian();
        let high = SignedTransaction::new(
            Transaction::clone(&good),
            Signature { r, s, y_parity: !y_parity },
        );
        let frontier = high.clone().recover_under(&SignaturePolicy::frontier(7)).unwrap();
        assert_eq!(frontier.sender(), good.recover().unwrap().sender());
        assert_eq!(
            high.recover_under(&SignaturePolicy::block(7)),
            Err(TransactionError::Signature(InvalidSignature::HighS))
        );
    }
}
