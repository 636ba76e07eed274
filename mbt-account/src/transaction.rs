//! Ethereum's transactions: legacy (EIP-155), 0x01 (EIP-2930) and 0x02 (EIP-1559).

use alloc::{sync::Arc, vec::Vec};
use core::ops::Deref;

use mbt_crypto::{
    Address, H256, InvalidSignature, RecoveryPolicy, SecretKey, Signature, U256, hash_newtype,
    keccak256,
};
use rlp::RlpStream;

use crate::codec::{DecodeError, Reader};

hash_newtype! {
    /// Names a transaction: Keccak-256 of its EIP-2718 encoding.
    pub struct TxHash;
}

/// An address and the slots of it that a transaction declares in advance (EIP-2930).
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct AccessListItem {
    /// The account.
    pub address: Address,
    /// Its storage slots.
    pub storage_keys: Vec<H256>,
}

/// The envelope of a transaction, with the fields only that envelope has.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// No type byte. Without a chain id (before EIP-155) it is valid on every chain.
    Legacy {
        /// The chain it is signed for.
        chain_id: Option<u64>,
        /// Price of a unit of gas.
        gas_price: U256,
    },
    /// Type 0x01 (EIP-2930).
    AccessList {
        /// The chain it is signed for.
        chain_id: u64,
        /// Price of a unit of gas.
        gas_price: U256,
        /// Declared accesses.
        access_list: Vec<AccessListItem>,
    },
    /// Type 0x02 (EIP-1559).
    DynamicFee {
        /// The chain it is signed for.
        chain_id: u64,
        /// Most that goes to the miner for a unit of gas.
        max_priority_fee_per_gas: U256,
        /// Most that is paid for a unit of gas.
        max_fee_per_gas: U256,
        /// Declared accesses.
        access_list: Vec<AccessListItem>,
    },
}

/// What a sender signs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Transaction {
    /// Envelope, chain and fees.
    pub kind: Kind,
    /// Number of transactions the sender sent before.
    pub nonce: u64,
    /// Most gas the transaction may use.
    pub gas_limit: u64,
    /// The account called; none creates a contract.
    pub to: Option<Address>,
    /// Coin moved to the account called or created.
    pub value: U256,
    /// Call data or init code.
    pub input: Vec<u8>,
}

/// Why a transaction cannot be taken from its bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TransactionError {
    /// The bytes are not the encoding of a transaction.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The signature's v is neither 27, 28 nor an EIP-155 value, or the parity not 0 or 1.
    #[error("signature value v {0} is not valid")]
    InvalidV(u64),
    /// The signature names no sender.
    #[error("invalid sender: {0}")]
    Signature(#[from] InvalidSignature),
}

impl Transaction {
    /// Returns the EIP-2718 type byte, 0 for legacy.
    #[must_use]
    pub const fn tx_type(&self) -> u8 {
        match self.kind {
            Kind::Legacy { .. } => 0,
            Kind::AccessList { .. } => 1,
            Kind::DynamicFee { .. } => 2,
        }
    }

    /// Returns the chain the transaction is signed for; none for legacy before EIP-155.
    #[must_use]
    pub const fn chain_id(&self) -> Option<u64> {
        match self.kind {
            Kind::Legacy { chain_id, .. } => chain_id,
            Kind::AccessList { chain_id, .. } | Kind::DynamicFee { chain_id, .. } => Some(chain_id),
        }
    }

    /// Returns the declared accesses.
    #[must_use]
    pub fn access_list(&self) -> &[AccessListItem] {
        match &self.kind {
            Kind::Legacy { .. } => &[],
            Kind::AccessList { access_list, .. } | Kind::DynamicFee { access_list, .. } => {
                access_list
            }
        }
    }

    /// Returns the most that is paid for a unit of gas.
    #[must_use]
    pub const fn max_fee_per_gas(&self) -> U256 {
        match self.kind {
            Kind::Legacy { gas_price, .. } | Kind::AccessList { gas_price, .. } => gas_price,
            Kind::DynamicFee { max_fee_per_gas, .. } => max_fee_per_gas,
        }
    }

    /// Returns the most that goes to the miner for a unit of gas.
    #[must_use]
    pub const fn max_priority_fee_per_gas(&self) -> U256 {
        match self.kind {
            Kind::Legacy { gas_price, .. } | Kind::AccessList { gas_price, .. } => gas_price,
            Kind::DynamicFee { max_priority_fee_per_gas, .. } => max_priority_fee_per_gas,
        }
    }

    /// Returns what goes to the miner for a unit of gas; none when the base fee is not covered.
    #[must_use]
    pub fn effective_tip(&self, base_fee: U256) -> Option<U256> {
        let left = self.max_fee_per_gas().checked_sub(base_fee)?;
        Some(left.min(self.max_priority_fee_per_gas()))
    }

    /// Returns what is paid for a unit of gas; none when the base fee is not covered.
    #[must_use]
    pub fn effective_gas_price(&self, base_fee: U256) -> Option<U256> {
        self.effective_tip(base_fee)?.checked_add(base_fee)
    }

    /// Returns the most the sender pays: value and gas limit at the full price. None on overflow.
    #[must_use]
    pub fn max_cost(&self) -> Option<U256> {
        self.max_fee_per_gas().checked_mul(self.gas_limit.into())?.checked_add(self.value)
    }

    /// Returns the hash that the sender signs.
    #[must_use]
    pub fn signing_hash(&self) -> H256 {
        let mut stream = RlpStream::new();
        match self.kind {
            Kind::Legacy { chain_id: Some(chain_id), .. } => {
                stream.begin_list(9);
                self.append_fields(&mut stream);
                stream.append(&chain_id).append(&0u8).append(&0u8);
            }
            Kind::Legacy { chain_id: None, .. } => {
                stream.begin_list(6);
                self.append_fields(&mut stream);
            }
            _ => {
                stream.begin_list(self.field_count());
                self.append_fields(&mut stream);
            }
        }
        keccak256(self.with_type_byte(&stream.out()))
    }

    /// Signs.
    #[must_use]
    pub fn sign(self, key: &SecretKey) -> SignedTransaction {
        let signature = key.sign(self.signing_hash());
        SignedTransaction::new(self, signature)
    }

    const fn field_count(&self) -> usize {
        match self.kind {
            Kind::Legacy { .. } => 6,
            Kind::AccessList { .. } => 8,
            Kind::DynamicFee { .. } => 9,
        }
    }

    fn append_fields(&self, stream: &mut RlpStream) {
        match &self.kind {
            Kind::Legacy { gas_price, .. } => {
                stream.append(&self.nonce).append(gas_price);
            }
            Kind::AccessList { chain_id, gas_price, .. } => {
                stream.append(chain_id).append(&self.nonce).append(gas_price);
            }
            Kind::DynamicFee { chain_id, max_priority_fee_per_gas, max_fee_per_gas, .. } => {
                stream.append(chain_id).append(&self.nonce);
                stream.append(max_priority_fee_per_gas).append(max_fee_per_gas);
            }
        }
        stream.append(&self.gas_limit);
        match &self.to {
            Some(to) => stream.append(&to.0.as_slice()),
            None => stream.append_empty_data(),
        };
        stream.append(&self.value).append(&self.input);
        if self.tx_type() != 0 {
            let list = self.access_list();
            stream.begin_list(list.len());
            for item in list {
                stream.begin_list(2).append(&item.address.0.as_slice());
                stream.append_list(&item.storage_keys);
            }
        }
    }

    fn with_type_byte(&self, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(body.len() + 1);
        if self.tx_type() != 0 {
            bytes.push(self.tx_type());
        }
        bytes.extend_from_slice(body);
        bytes
    }
}

/// A transaction, its signature and its hash.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignedTransaction {
    transaction: Transaction,
    signature: Signature,
    hash: TxHash,
}

impl SignedTransaction {
    /// Puts a signature to a transaction. Whether it names a sender is not checked here.
    #[must_use]
    pub fn new(transaction: Transaction, signature: Signature) -> Self {
        let mut signed = Self { transaction, signature, hash: TxHash::ZERO };
        signed.hash = TxHash(keccak256(signed.encode()));
        signed
    }

    /// Returns the transaction's name.
    #[must_use]
    pub const fn hash(&self) -> TxHash {
        self.hash
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

    /// Recovers the sender under this system's policy and keeps it with the transaction.
    ///
    /// # Errors
    /// When the signature is high or names nobody.
    pub fn recover(self) -> Result<RecoveredTransaction, InvalidSignature> {
        let sender = self.recover_sender(RecoveryPolicy::LowS)?;
        Ok(RecoveredTransaction { transaction: Arc::new(self), sender })
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
        self.transaction.with_type_byte(&stream.out())
    }

    /// Reads the EIP-2718 encoding.
    ///
    /// # Errors
    /// See [`TransactionError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, TransactionError> {
        let (tx_type, body) = match bytes.split_first() {
            None => return Err(DecodeError::Truncated.into()),
            Some((first, _)) if *first >= 0xc0 => (0, bytes),
            Some((first, body)) => (*first, body),
        };
        if tx_type > 2 || (tx_type == 0 && bytes[0] == 0) {
            return Err(DecodeError::UnknownTransactionType(tx_type).into());
        }
        let mut outer = Reader::new(body);
        let fields = outer.list()?;
        outer.finish()?;
        let (transaction, signature) = read_fields(tx_type, fields)?;
        Ok(Self { transaction, signature, hash: TxHash(keccak256(bytes)) })
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

fn read_fields(
    tx_type: u8,
    mut fields: Reader<'_>,
) -> Result<(Transaction, Signature), TransactionError> {
    let chain_id = if tx_type == 0 { 0 } else { fields.u64()? };
    let nonce = fields.u64()?;
    let price = fields.u256()?;
    let max_fee_per_gas = if tx_type == 2 { fields.u256()? } else { price };
    let gas_limit = fields.u64()?;
    let to = match fields.bytes()? {
        [] => None,
        bytes => Some(Address(
            bytes
                .try_into()
                .map_err(|_| DecodeError::WrongLength { expected: 20, found: bytes.len() })?,
        )),
    };
    let value = fields.u256()?;
    let input = fields.bytes()?.to_vec();
    let access_list = if tx_type == 0 {
        Vec::new()
    } else {
        fields.list_of("access list", usize::MAX, read_access_list_item)?
    };
    let v = fields.u64()?;
    let r = fields.u256()?.to_big_endian();
    let s = fields.u256()?.to_big_endian();
    fields.finish()?;
    let (y_parity, legacy_chain_id) = match (tx_type, v) {
        (0, 27 | 28) => (v == 28, None),
        (0, 35..) => ((v - 35) % 2 == 1, Some((v - 35) / 2)),
        (1 | 2, 0 | 1) => (v == 1, None),
        _ => return Err(TransactionError::InvalidV(v)),
    };
    let kind = match tx_type {
        0 => Kind::Legacy { chain_id: legacy_chain_id, gas_price: price },
        1 => Kind::AccessList { chain_id, gas_price: price, access_list },
        _ => Kind::DynamicFee {
            chain_id,
            max_priority_fee_per_gas: price,
            max_fee_per_gas,
            access_list,
        },
    };
    let transaction = Transaction { kind, nonce, gas_limit, to, value, input };
    Ok((transaction, Signature { r, s, y_parity }))
}

fn read_access_list_item(reader: &mut Reader<'_>) -> Result<AccessListItem, DecodeError> {
    let mut fields = reader.list()?;
    let item = AccessListItem {
        address: fields.address()?,
        storage_keys: fields.list_of("storage keys", usize::MAX, Reader::hash)?,
    };
    fields.finish()?;
    Ok(item)
}

#[cfg(test)]
mod tests {
    use super::*;

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
