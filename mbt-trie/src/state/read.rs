//! Reading the state, now and as it was.

use alloc::{sync::Arc, vec::Vec};
use core::ops::Bound;

use mbt_account::{EMPTY_CODE_HASH, EMPTY_ROOT, PublicAccount};
use mbt_crypto::{Address, H256, U256, keccak256};

use super::table::{
    CODES, Table, decode_account, decode_slot, history_key, keys_of, node_key, oldest, slot_key,
};
use crate::{
    AccountProof, KeyValueRead, NodePath, StateError, StateView, StorageProof, StoreError,
    trie::proof::{Proved, prove},
};

/// The state that is stored: the head's. `R` is a snapshot, a stage, or a reference to one.
#[derive(Clone, Copy, Debug)]
pub struct Latest<R>(At<R>);

/// The state after a block within the history kept. `R` is a snapshot, a stage, or a reference to
/// one.
#[derive(Clone, Copy, Debug)]
pub struct Historic<R>(At<R>);

#[derive(Clone, Copy, Debug)]
struct At<R> {
    read: R,
    /// The block, unless it is the head.
    past: Option<u64>,
}

impl<R: KeyValueRead> Latest<R> {
    /// Reads what `read` holds.
    pub const fn new(read: R) -> Self {
        Self(At { read, past: None })
    }

    /// Returns the root of the state.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn root(&self) -> Result<H256, StateError> {
        self.0.root()
    }

    /// Proves an account and some of its slots, or their absence.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn prove(&self, address: &Address, slots: &[H256]) -> Result<AccountProof, StateError> {
        self.0.prove(address, slots)
    }

    /// Visits the accounts by ascending address, starting at `from`.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn accounts(
        &self,
        from: &Address,
    ) -> Result<impl Iterator<Item = Result<(Address, PublicAccount), StateError>>, StateError>
    {
        let range = (Bound::Included(from.0.as_slice()), Bound::Unbounded);
        let entries = self.0.read.iterate(Table::Accounts.column(), range)?;
        Ok(entries.map(|entry| {
            let (key, value) = entry?;
            let key = key.as_slice().try_into();
            let address = key.map_err(|_| Table::Accounts.corrupt("a key is malformed"))?;
            Ok((Address(address), decode_account(&value)?))
        }))
    }

    /// Visits an account's slots that are not zero by ascending slot, starting at `from`.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn slots(
        &self,
        address: &Address,
        from: &H256,
    ) -> Result<impl Iterator<Item = Result<(H256, U256), StateError>>, StateError> {
        let (start, end) = (slot_key(address, from), keys_of(address).1);
        let range = (Bound::Included(start.as_slice()), end.as_ref().map(Vec::as_slice));
        let entries = self.0.read.iterate(Table::Storage.column(), range)?;
        Ok(entries.map(|entry| {
            let (key, value) = entry?;
            let slot = key.get(20..).and_then(|slot| slot.try_into().ok());
            let slot = slot.ok_or_else(|| Table::Storage.corrupt("a key is malformed"))?;
            Ok((H256(slot), decode_slot(&value)?))
        }))
    }
}

impl<R: KeyValueRead> Historic<R> {
    /// Reads the state after block `number`, given the block that `read` holds the state of.
    ///
    /// # Errors
    /// [`StateError::NotKept`] when `number` is above the head or older than the history kept.
    pub fn new(read: R, head: u64, number: u64) -> Result<Self, StateError> {
        if number == head {
            return Ok(Self(At { read, past: None }));
        }
        let oldest = oldest(&read, head)?;
        if number > head || number < oldest {
            return Err(StateError::NotKept { number, oldest });
        }
        Ok(Self(At { read, past: Some(number) }))
    }

    /// Returns the root of the state.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn root(&self) -> Result<H256, StateError> {
        self.0.root()
    }

    /// Proves an account and some of its slots, or their absence.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn prove(&self, address: &Address, slots: &[H256]) -> Result<AccountProof, StateError> {
        self.0.prove(address, slots)
    }
}

impl<R: KeyValueRead> At<R> {
    /// Returns the entry of a table as it was: what the first later block replaced, or else what
    /// is there.
    fn entry(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(number) = self.past {
            let start = history_key(key, number.saturating_add(1));
            let end = history_key(key, u64::MAX);
            let range = (Bound::Included(start.as_slice()), Bound::Included(end.as_slice()));
            if let Some(replaced) = self.read.iterate(table.history(), range)?.next() {
                return Ok(Some(replaced?.1).filter(|value| !value.is_empty()));
            }
        }
        self.read.get(table.column(), key)
    }

    fn root(&self) -> Result<H256, StateError> {
        let root = self.entry(Table::AccountNodes, &node_key(None, NodePath::ROOT))?;
        Ok(root.map_or(EMPTY_ROOT, keccak256))
    }

    fn account(&self, address: &Address) -> Result<Option<PublicAccount>, StateError> {
        let account = self.entry(Table::Accounts, &address.0)?;
        Ok(account.map(|bytes| decode_account(&bytes)).transpose()?)
    }

    fn storage(&self, address: &Address, slot: &H256) -> Result<U256, StateError> {
        match self.entry(Table::Storage, &slot_key(address, slot))? {
            Some(value) => Ok(decode_slot(&value)?),
            None => Ok(U256::zero()),
        }
    }

    fn code(&self, hash: &H256) -> Result<Arc<[u8]>, StateError> {
        if *hash == EMPTY_CODE_HASH {
            return Ok(Arc::default());
        }
        let code = self.read.get(CODES, &hash.0)?;
        Ok(code.ok_or(StateError::MissingCode(*hash))?.into())
    }

    fn prove(&self, address: &Address, slots: &[H256]) -> Result<AccountProof, StateError> {
        let account = self.account(address)?;
        let (account_proof, _) = self.prove_in(Table::AccountNodes, None, &address.0)?;
        let mut storage_proofs = Vec::with_capacity(slots.len());
        for slot in slots {
            let value = self.storage(address, slot)?;
            let (proof, _) = self.prove_in(Table::StorageNodes, Some(address), &slot.0)?;
            storage_proofs.push(StorageProof { slot: *slot, value, proof });
        }
        Ok(AccountProof { address: *address, account, account_proof, storage_proofs })
    }

    fn prove_in(&self, table: Table, owner: Option<&Address>, key: &[u8]) -> Proved<StoreError> {
        prove(
            |path| self.entry(table, &node_key(owner, path)),
            |path, what| table.corrupt_at(&node_key(owner, path), what),
            &keccak256(key).0,
        )
    }
}

impl<R: KeyValueRead> StateView for Latest<R> {
    fn account(&self, address: &Address) -> Result<Option<PublicAccount>, StateError> {
        self.0.account(address)
    }

    fn storage(&self, address: &Address, slot: &H256) -> Result<U256, StateError> {
        self.0.storage(address, slot)
    }

    fn code(&self, hash: &H256) -> Result<Arc<[u8]>, StateError> {
        self.0.code(hash)
    }
}

impl<R: KeyValueRead> StateView for Historic<R> {
    fn account(&self, address: &Address) -> Result<Option<PublicAccount>, StateError> {
        self.0.account(address)
    }

    fn storage(&self, address: &Address, slot: &H256) -> Result<U256, StateError> {
        self.0.storage(address, slot)
    }

    fn code(&self, hash: &H256) -> Result<Arc<[u8]>, StateError> {
        self.0.code(hash)
    }
}
