//! An account and a slot as the block has them now.

use std::rc::Rc;

use mbt_account::{EMPTY_CODE_HASH, EMPTY_ROOT, LeagueFields, PublicAccount};
use mbt_crypto::{Address, H256, U256};

use super::Place;
use crate::journal::code::Code;

/// An account as the block has it now. The counters hold the number of the transaction in which
/// the mark was set, so that a new transaction forgets all marks by counting on.
#[derive(Debug)]
pub(crate) struct AccountCell {
    pub(crate) address: Address,
    /// The account before the block.
    pub(crate) base: Option<PublicAccount>,
    pub(crate) nonce: u64,
    pub(crate) balance: U256,
    pub(crate) code_hash: H256,
    pub(crate) code: Option<Rc<Code>>,
    pub(crate) league: Option<LeagueFields>,
    pub(crate) exists: bool,
    /// Grows when all storage is gone; slots of older generations are not looked at.
    pub(crate) generation: u32,
    /// Whether there may be storage to clear.
    pub(super) has_storage: bool,
    pub(super) dirty: bool,
    pub(crate) warm: u32,
    pub(crate) created: u32,
    pub(crate) touched: u32,
    pub(crate) destroyed: u32,
}

impl AccountCell {
    pub(super) fn new(address: Address, base: Option<PublicAccount>) -> Self {
        let exists = base.is_some();
        let account = base.clone().unwrap_or_default();
        Self {
            address,
            base,
            nonce: account.nonce,
            balance: account.balance,
            code_hash: account.code_hash,
            code: None,
            league: account.league,
            exists,
            generation: 0,
            has_storage: account.storage_root != EMPTY_ROOT,
            dirty: false,
            warm: 0,
            created: 0,
            touched: 0,
            destroyed: 0,
        }
    }

    /// EIP-161.
    pub(crate) fn is_empty(&self) -> bool {
        self.nonce == 0
            && self.balance.is_zero()
            && self.code_hash == EMPTY_CODE_HASH
            && self.league.is_none()
    }

    /// Tells whether storage from before the block is still there.
    pub(crate) fn has_base_storage(&self) -> bool {
        let base = self.base.as_ref();
        self.generation == 0 && base.is_some_and(|base| base.storage_root != EMPTY_ROOT)
    }

    pub(super) fn record(&self) -> PublicAccount {
        let storage_root = match &self.base {
            Some(base) if self.generation == 0 => base.storage_root,
            _ => EMPTY_ROOT,
        };
        PublicAccount {
            nonce: self.nonce,
            balance: self.balance,
            storage_root,
            code_hash: self.code_hash,
            league: self.league,
        }
    }
}

/// A storage slot as the block has it now.
#[derive(Debug)]
pub(crate) struct SlotCell {
    pub(crate) account: Place,
    pub(super) generation: u32,
    pub(crate) key: H256,
    /// The value before the block.
    pub(super) base: U256,
    /// The value before the transaction `original_set`.
    pub(super) original: U256,
    pub(super) original_set: u32,
    pub(crate) value: U256,
    pub(super) dirty: bool,
    pub(crate) warm: u32,
}
