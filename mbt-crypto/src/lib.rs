#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod address;
mod batch;
#[cfg(feature = "ecies")]
pub mod ecies;
pub mod eip191;
pub mod eip712;
mod hash;
#[cfg(feature = "hd")]
pub mod hd;
mod keccak;
mod key;
#[cfg(feature = "keystore")]
pub mod keystore;
pub mod proxy;
mod signature;
#[cfg(feature = "vrf")]
pub mod vrf;

pub use address::{Address, AddressError, Network};
pub use batch::{InvalidInBatch, recover_all, recover_each, verify_all};
pub use eip191::message_hash;
pub use hash::{Keccak256, keccak256};
pub use keccak::{KeccakEngine, keccak256_all, keccak256_many};
pub use key::{InvalidKey, PublicKey, SecretKey};
pub use primitive_types::{H160, H256, U256};
pub use signature::{InvalidSignature, RecoveryPolicy, Signature};
