//! How execution sees the state, and what it hands back.

use alloc::{collections::BTreeMap, sync::Arc};

use mbt_account::PublicAccount;
use mbt_crypto::{Address, H256, U256};

use crate::StoreError;

/// Why the state could not be read or changed. Nothing was changed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The store failed or is corrupt.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The block's state is older than the history that is kept, or was never reached.
    #[error("state of block {number} is not available: history starts at {oldest}")]
    NotKept {
        /// The block asked for.
        number: u64,
        /// The oldest block whose state is kept.
        oldest: u64,
    },
    /// Blocks are committed one after the other and rolled back from the last.
    #[error("block {number} is out of order: the state is that of block {current}")]
    OutOfOrder {
        /// The block.
        number: u64,
        /// The block whose state is stored.
        current: u64,
    },
    /// An account names code that is not stored.
    #[error("no code is stored for hash {0:#x}")]
    MissingCode(H256),
}

/// The accounts, storage and code of one block. Reads only.
pub trait StateView {
    /// Returns an account; none when it does not exist.
    ///
    /// # Errors
    /// [`StateError`].
    fn account(&self, address: &Address) -> Result<Option<PublicAccount>, StateError>;

    /// Returns a storage slot; zero when it was never set.
    ///
    /// # Errors
    /// [`StateError`].
    fn storage(&self, address: &Address, slot: &H256) -> Result<U256, StateError>;

    /// Returns code by its hash; empty for the hash of nothing.
    ///
    /// # Errors
    /// [`StateError`], also when no code of that hash is stored.
    fn code(&self, hash: &H256) -> Result<Arc<[u8]>, StateError>;
}

/// What a block changed. Values are those after the block.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StateDiff {
    /// Accounts written, by address.
    pub accounts: BTreeMap<Address, AccountDiff>,
    /// Code deployed, by hash.
    pub codes: BTreeMap<H256, Arc<[u8]>>,
}

/// What a block changed of one account.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AccountDiff {
    /// The account after the block, `None` when it is gone. Its `storage_root` is ignored: the
    /// commit works it out.
    pub account: Option<PublicAccount>,
    /// Whether all storage from before the block is gone (the account was destroyed, or destroyed
    /// and made again). `storage` applies afterwards.
    pub storage_cleared: bool,
    /// Slots written; zero removes.
    pub storage: BTreeMap<H256, U256>,
}
