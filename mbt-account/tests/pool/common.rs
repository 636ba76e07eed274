//! Transactions that nobody signed, for a pool that does not look at signatures.

use std::sync::Arc;

use mbt_account::{
    Kind, PoolConfig, PoolHead, RecoveredTransaction, SenderState, SignedTransaction, Transaction,
};
use mbt_crypto::{Address, Signature, U256};

pub(crate) const CHAIN_ID: u64 = 7;
pub(crate) const GWEI: u64 = 1_000_000_000;
pub(crate) const HEAD: PoolHead =
    PoolHead { chain_id: CHAIN_ID, base_fee: U256([GWEI, 0, 0, 0]), gas_limit: 30_000_000 };

/// A transfer with tip and fee cap in gwei.
pub(crate) fn transfer(nonce: u64, tip: u64, cap: u64) -> Transaction {
    Transaction {
        kind: Kind::DynamicFee {
            chain_id: CHAIN_ID,
            max_priority_fee_per_gas: U256::from(tip) * GWEI,
            max_fee_per_gas: U256::from(cap) * GWEI,
            access_list: vec![],
        },
        nonce,
        gas_limit: 21_000,
        to: Some(Address([1; 20])),
        value: 0.into(),
        input: vec![],
    }
}

pub(crate) fn sender(byte: u8) -> Address {
    Address([byte; 20])
}

/// Says that `byte`'s account sent a transaction. Hashes differ by account.
pub(crate) fn by(byte: u8, transaction: Transaction) -> RecoveredTransaction {
    let signature = Signature { r: [byte; 32], s: [1; 32], y_parity: false };
    let signed = Arc::new(SignedTransaction::new(transaction, signature));
    RecoveredTransaction::new_unchecked(signed, sender(byte))
}

pub(crate) fn rich(nonce: u64) -> SenderState {
    SenderState { nonce, balance: U256::MAX }
}

/// A balance that pays for this many gwei per unit of a transfer's gas.
pub(crate) fn pays(nonce: u64, gwei: u64) -> SenderState {
    SenderState { nonce, balance: U256::from(gwei) * GWEI * 21_000_u64 }
}

pub(crate) fn bounded(count_max: usize, per_sender_max: usize) -> PoolConfig {
    PoolConfig { count_max, per_sender_max, ..PoolConfig::default() }
}
