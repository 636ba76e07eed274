//! Transactions with their signature, and their bytes.

use alloc::vec::Vec;
use core::ops::Deref;

use mbt_crypto::{Address, InvalidSignature, RecoveryPolicy, Signature, U256, keccak256};
use rlp::RlpStream;

use super::{Kind, Transaction, TransactionError, TxHash, decode};
use crate::codec::{DecodeError, Reader};

/// A transaction, its signature and its hash.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignedTransaction {
    transaction: Transaction,
    signature: Signature,
    hash: TxHash,
    encoded_length: usize,
}

impl SignedTransaction {
    /// Puts a signature to a transaction. Whether it names a sender is not checked here.
    #[must_use]
    pub fn new(transaction: Transaction, signature: Signature) -> Self {
        let mut signed = Self { transaction, signature, hash: TxHash::ZERO, encoded_length: 0 };
        let bytes = signed.encode();
        signed.hash = TxHash(keccak256(&bytes));
        signed.encoded_length = bytes.len();
        signed
    }

    /// Returns the transaction's name.
    #[must_use]
    pub const fn hash(&self) -> TxHash {
        self.hash
    }

    /// Returns how many bytes [`SignedTransaction::encode`] gives.
    #[must_use]
    pub const fn encoded_length(&self) -> usize {
        self.encoded_length
    }

    /// Returns the signature.
    #[must_use]
    pub const fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Returns v as JSON-RPC shows it: EIP-155's for legacy, the parity for all others.
    #[must_use]
    pub fn v(&self) -> u64 {
        let parity = u64::from(self.signature.y_parity);
        match self.transaction.kind {
            // The decoder and the signer take no chain id above this.
            Kind::Legacy { chain_id: Some(id), .. } => {
                id.saturating_mul(2).saturating_add(35 + parity)
            }
            Kind::Legacy { chain_id: None, .. } => 27 + parity,
            _ => parity,
        }
    }

    /// Recovers the sender.
    ///
    /// # Errors
    /// When the signature does not satisfy `policy` or names nobody.
    pub fn recover_sender(&self, policy: RecoveryPolicy) -> Result<Address, InvalidSignature> {
        self.signature.recover_address(self.transaction.signing_hash(), policy)
    }

    /// Returns the EIP-2718 encoding: what is hashed, sent as raw transaction and put in the
    /// transactions trie.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new_list(self.transaction.field_count() + 3);
        self.transaction.append_fields(&mut stream);
        stream.append(&self.v());
        stream.append(&U256::from_big_endian(&self.signature.r));
        stream.append(&U256::from_big_endian(&self.signature.s));
        let body = stream.out();
        let tx_type = self.transaction.tx_type();
        let mut bytes = Vec::with_capacity(body.len().saturating_add(1));
        if tx_type != 0 {
            bytes.push(tx_type);
        }
        bytes.extend_from_slice(&body);
        bytes
    }

    /// Reads the EIP-2718 encoding. Every format is taken, and the signature is not looked at.
    ///
    /// # Errors
    /// See [`TransactionError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, TransactionError> {
        let (transaction, signature) = decode::envelope(bytes)?;
        let hash = TxHash(keccak256(bytes));
        Ok(Self { transaction, signature, hash, encoded_length: bytes.len() })
    }

    /// Appends the form that stands in a block: a list for legacy, else a string with the
    /// EIP-2718 encoding.
    pub fn append_to_block(&self, stream: &mut RlpStream) {
        let bytes = self.encode();
        if self.transaction.tx_type() == 0 {
            stream.append_raw(&bytes, 1);
        } else {
            stream.append(&bytes);
        }
    }

    /// Reads the form that stands in a block.
    ///
    /// # Errors
    /// See [`TransactionError`].
    pub fn read_from_block(reader: &mut Reader<'_>) -> Result<Self, TransactionError> {
        if reader.next_is_list() {
            Self::decode(reader.raw()?)
        } else {
            let bytes = reader.bytes()?;
            match bytes.first() {
                Some(first) if *first >= 0xc0 => Err(DecodeError::UnexpectedString.into()),
                _ => Self::decode(bytes),
            }
        }
    }
}

impl Deref for SignedTransaction {
    type Target = Transaction;

    fn deref(&self) -> &Transaction {
        &self.transaction
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use mbt_crypto::{H256, SecretKey};

    use super::*;
    use crate::{AccessListItem, RESERVED_TYPE};

    #[test]
    fn types_of_others_are_refused() {
        for tx_type in [0, 3, 4, 0x18, 0x1a, 0x49, 0x4b, 0x4d, 0x4f, 0x7f, 0x80] {
            assert_eq!(
                SignedTransaction::decode(&[tx_type, 0xc0]),
                Err(DecodeError::UnknownTransactionType(tx_type).into())
            );
        }
    }

    #[test]
    fn reserved_type_is_refused_whatever_follows() {
        let key = SecretKey::from_bytes([9; 32]).unwrap();
        let kind = Kind::DynamicFee {
            chain_id: 1,
            max_priority_fee_per_gas: 1.into(),
            max_fee_per_gas: 1.into(),
            access_list: vec![],
        };
        let value = U256::zero();
        let transaction =
            Transaction { kind, nonce: 0, gas_limit: 0, to: None, value, input: vec![] };
        let mut bytes = transaction.sign(&key).encode();
        assert!(SignedTransaction::decode(&bytes).is_ok());
        bytes[0] = RESERVED_TYPE;
        for bytes in [&bytes[..], &[RESERVED_TYPE], &[RESERVED_TYPE, 0x01]] {
            let refused = TransactionError::from(DecodeError::ReservedTransactionType);
            assert_eq!(SignedTransaction::decode(bytes), Err(refused));
            let in_block = rlp::encode(&bytes);
            let mut reader = Reader::new(&in_block);
            assert_eq!(SignedTransaction::read_from_block(&mut reader), Err(refused));
        }
    }

    #[test]
    fn signed_transactions_survive_a_round_trip() {
        let key = SecretKey::from_bytes([9; 32]).unwrap();
        let kinds = [
            Kind::Legacy { chain_id: None, gas_price: 7.into() },
            Kind::Legacy { chain_id: Some(31_337), gas_price: 7.into() },
            Kind::DynamicFee {
                chain_id: 31_337,
                max_priority_fee_per_gas: 1.into(),
                max_fee_per_gas: 9.into(),
                access_list: vec![AccessListItem {
                    address: Address([1; 20]),
                    storage_keys: vec![H256([2; 32])],
                }],
            },
        ];
        for kind in kinds {
            let transaction = Transaction {
                kind,
                nonce: 3,
                gas_limit: 21_000,
                to: None,
                value: 5.into(),
                input: vec![1, 2, 3],
            };
            let signed = transaction.sign(&key);
            let decoded = SignedTransaction::decode(&signed.encode()).unwrap();
            assert_eq!(decoded, signed);
            assert_eq!(decoded.recover().unwrap().sender(), key.address());
        }
    }
}
