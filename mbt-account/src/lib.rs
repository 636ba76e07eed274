#![doc = include_str!("../README.md")]
#![cfg_attr(not(any(test, feature = "std")), no_std)]

extern crate alloc;

pub mod codec;
mod invalid;
mod receipt;
mod record;
mod transaction;

pub use invalid::InvalidTransaction;
pub use receipt::{Bloom, Log, Receipt};
pub use record::{
    AccountRecord, EMPTY_CODE_HASH, EMPTY_ROOT, LeagueAccount, LeagueFields, PublicAccount,
};
pub use transaction::{
    AccessListItem, Kind, RecoveredTransaction, SignedTransaction, Transaction, TransactionError,
    TxHash,
};
