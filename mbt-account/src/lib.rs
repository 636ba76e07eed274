#![doc = include_str!("../README.md")]
#![cfg_attr(not(any(test, feature = "std")), no_std)]

extern crate alloc;

mod amount;
mod chain_id;
pub mod codec;
mod gas;
mod invalid;
#[cfg(feature = "serde")]
mod json;
mod pool;
mod receipt;
mod record;
mod senders;
mod transaction;

pub use amount::{AmountError, format_amount, parse_amount};
pub use chain_id::{
    AssignedChain, DEVELOPMENT_CHAIN_ID, PUBLIC_CHAIN_ID, PublicChain, TEST_CHAIN_ID,
};
pub use gas::{INIT_CODE_BYTES_MAX, intrinsic_gas};
pub use invalid::InvalidTransaction;
pub use pool::{
    Best, Inserted, Pool, PoolConfig, PoolContent, PoolError, PoolHead, SenderContent, SenderState,
    SystemTransactions, Unprotected, Updated,
};
pub use receipt::{Bloom, Log, Receipt};
pub use record::{
    AccountRecord, EMPTY_CODE_HASH, EMPTY_ROOT, LeagueAccount, LeagueFields, PublicAccount,
};
pub use senders::{RecoveredBatch, SenderBatch, SenderCache, SenderStatistics};
pub use transaction::{
    AccessListItem, Kind, RESERVED_TYPE, RecoveredTransaction, SignaturePolicy, SignedTransaction,
    Transaction, TransactionError, TxHash, recover_senders, system,
};
