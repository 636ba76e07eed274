//! Ethereum's transactions: legacy (EIP-155), 0x01 (EIP-2930) and 0x02 (EIP-1559), and this system's
//! own: 0x4a and 0x4e (SPEC 4).

mod decode;
mod policy;
mod recovered;
mod signed;
pub mod system;

use alloc::vec::Vec;

use mbt_crypto::{Address, H256, Keccak256, SecretKey, U256, hash_newtype};
use rlp::RlpStream;

pub use decode::{RESERVED_TYPE, TransactionError};
pub(crate) use decode::{is_known_type, refuse_type};
pub use policy::SignaturePolicy;
pub use recovered::{RecoveredTransaction, recover_senders};
pub use signed::SignedTransaction;
use system::SystemType;

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
    /// Types 0x4a and 0x4e. The account called is [`SystemType::contract`], and the input the
    /// encoding of a [`system::Payload`].
    System {
        /// Which of the two.
        system: SystemType,
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

impl Transaction {
    /// Returns the EIP-2718 type byte, 0 for legacy.
    #[must_use]
    pub const fn tx_type(&self) -> u8 {
        match self.kind {
            Kind::Legacy { .. } => 0,
            Kind::AccessList { .. } => 1,
            Kind::DynamicFee { .. } => 2,
            Kind::System { system, .. } => system.tx_type(),
        }
    }

    /// Returns the chain the transaction is signed for; none for legacy before EIP-155.
    #[must_use]
    pub const fn chain_id(&self) -> Option<u64> {
        match self.kind {
            Kind::Legacy { chain_id, .. } => chain_id,
            Kind::AccessList { chain_id, .. }
            | Kind::DynamicFee { chain_id, .. }
            | Kind::System { chain_id, .. } => Some(chain_id),
        }
    }

    /// Returns the declared accesses.
    #[must_use]
    pub fn access_list(&self) -> &[AccessListItem] {
        match &self.kind {
            Kind::Legacy { .. } => &[],
            Kind::AccessList { access_list, .. }
            | Kind::DynamicFee { access_list, .. }
            | Kind::System { access_list, .. } => access_list,
        }
    }

    /// Tells whether tip and fee cap are separate fields (EIP-1559).
    #[must_use]
    pub const fn has_dynamic_fee(&self) -> bool {
        matches!(self.kind, Kind::DynamicFee { .. } | Kind::System { .. })
    }

    /// Returns the most that is paid for a unit of gas.
    #[must_use]
    pub const fn max_fee_per_gas(&self) -> U256 {
        match self.kind {
            Kind::Legacy { gas_price, .. } | Kind::AccessList { gas_price, .. } => gas_price,
            Kind::DynamicFee { max_fee_per_gas, .. } | Kind::System { max_fee_per_gas, .. } => {
                max_fee_per_gas
            }
        }
    }

    /// Returns the most that goes to the miner for a unit of gas.
    #[must_use]
    pub const fn max_priority_fee_per_gas(&self) -> U256 {
        match self.kind {
            Kind::Legacy { gas_price, .. } | Kind::AccessList { gas_price, .. } => gas_price,
            Kind::DynamicFee { max_priority_fee_per_gas, .. }
            | Kind::System { max_priority_fee_per_gas, .. } => max_priority_fee_per_gas,
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
        let mut hasher = Keccak256::new();
        if self.tx_type() != 0 {
            hasher.update([self.tx_type()]);
        }
        hasher.update(stream.out());
        hasher.finalize()
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
            Kind::DynamicFee { .. } | Kind::System { .. } => 9,
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
            Kind::DynamicFee { chain_id, max_priority_fee_per_gas, max_fee_per_gas, .. }
            | Kind::System { chain_id, max_priority_fee_per_gas, max_fee_per_gas, .. } => {
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
}
