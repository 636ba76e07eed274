//! Reading the state, now and as it was.

use alloc::{sync::Arc, vec::Vec};
use core::ops::Bound;

use mbt_account::{EMPTY_CODE_HASH, EMPTY_ROOT, PublicAccount};
use mbt_crypto::{Address, H256, U256, keccak256};

use super::{
    entries::past_entries,
    table::{
        CODES, Table, account_at, history_key, keys_of, node_key, oldest, root, slot_at, slot_key,
    },
};
use crate::{
    AccountProof, Entries, KeyRange, KeyValueRead, NodePath, StateError, StateKeys,
    StateMultiproof, StateView, StorageProof, StoreError,
    trie::{
        multi::{StoredNodes, prove_state},
        proof::{Proved, append_value, prove},
    },
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

    /// Proves many accounts and slots at once.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn prove_all(&self, keys: &StateKeys) -> Result<StateMultiproof, StateError> {
        self.0.prove_all(keys)
    }

    /// Visits the accounts by ascending address, starting at `from`. Memory does not grow with
    /// what is visited: take as many as a page holds, and go on behind the last.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn accounts(
        &self,
        from: &Address,
    ) -> Result<
        impl Iterator<Item = Result<(Address, PublicAccount), StateError>> + use<'_, R>,
        StateError,
    > {
        self.0.accounts(from)
    }

    /// Visits an account's slots that are not zero by ascending slot, starting at `from`, as
    /// [`Self::accounts`] does.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn slots(
        &self,
        address: &Address,
        from: &H256,
    ) -> Result<impl Iterator<Item = Result<(H256, U256), StateError>> + use<'_, R>, StateError>
    {
        self.0.slots(address, from)
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
    /// Proves many accounts and slots at once.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn prove_all(&self, keys: &StateKeys) -> Result<StateMultiproof, StateError> {
        self.0.prove_all(keys)
    }

    /// Does what [`Latest::accounts`] does. Takes time for each account that a later block
    /// changed, too.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn accounts(
        &self,
        from: &Address,
    ) -> Result<
        impl Iterator<Item = Result<(Address, PublicAccount), StateError>> + use<'_, R>,
        StateError,
    > {
        self.0.accounts(from)
    }

    /// Does what [`Latest::slots`] does. Takes time for each slot that a later block changed, too.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn slots(
        &self,
        address: &Address,
        from: &H256,
    ) -> Result<impl Iterator<Item = Result<(H256, U256), StateError>> + use<'_, R>, StateError>
    {
        self.0.slots(address, from)
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
        if self.past.is_none() {
            return Ok(root(&self.read)?);
        }
        let node = self.entry(Table::AccountNodes, &node_key(None, NodePath::ROOT))?;
        Ok(node.map_or(EMPTY_ROOT, keccak256))
    }

    fn account(&self, address: &Address) -> Result<Option<PublicAccount>, StateError> {
        let account = self.entry(Table::Accounts, &address.0)?;
        Ok(account.map(|bytes| account_at(&address.0, &bytes)).transpose()?)
    }

    fn storage(&self, address: &Address, slot: &H256) -> Result<U256, StateError> {
        let key = slot_key(address, slot);
        match self.entry(Table::Storage, &key)? {
            Some(value) => Ok(slot_at(&key, &value)?),
            None => Ok(U256::zero()),
        }
    }

    fn code(&self, hash: &H256) -> Result<Arc<[u8]>, StateError> {
        if *hash == EMPTY_CODE_HASH {
            return Ok(Arc::default());
        }
        let code = self.read.get(CODES, &hash.0)?;
        let code = code.ok_or(StateError::MissingCode(*hash))?;
        if keccak256(&code) == *hash {
            Ok(code.into())
        } else {
            let (column, key, what) = (CODES, hash.0.to_vec(), "code does not hash to its key");
            Err(StoreError::CorruptEntry { column, key, what }.into())
        }
    }

    /// Visits the entries of a table by ascending key.
    fn entries(&self, table: Table, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        match self.past {
            Some(number) => past_entries(&self.read, table, number, range),
            None => self.read.iterate(table.column(), range),
        }
    }

    fn accounts(
        &self,
        from: &Address,
    ) -> Result<
        impl Iterator<Item = Result<(Address, PublicAccount), StateError>> + use<'_, R>,
        StateError,
    > {
        let table = Table::Accounts;
        let entries = self.entries(table, (Bound::Included(&from.0), Bound::Unbounded))?;
        Ok(entries.map(move |entry| {
            let (key, value) = entry?;
            let address = key.as_slice().try_into();
            let address = address.map_err(|_| table.corrupt_at(&key, "a key is malformed"))?;
            Ok((Address(address), account_at(&key, &value)?))
        }))
    }

    fn slots(
        &self,
        address: &Address,
        from: &H256,
    ) -> Result<impl Iterator<Item = Result<(H256, U256), StateError>> + use<'_, R>, StateError>
    {
        let table = Table::Storage;
        let (start, end) = (slot_key(address, from), keys_of(address).1);
        let range = (Bound::Included(start.as_slice()), end.as_ref().map(Vec::as_slice));
        Ok(self.entries(table, range)?.map(move |entry| {
            let (key, value) = entry?;
            let slot = key.get(20..).and_then(|slot| slot.try_into().ok());
            let slot = slot.ok_or_else(|| table.corrupt_at(&key, "a key is malformed"))?;
            Ok((H256(slot), slot_at(&key, &value)?))
        }))
    }

    fn prove(&self, address: &Address, slots: &[H256]) -> Result<AccountProof, StateError> {
        let account = self.account(address)?;
        let (account_proof, found) =
            self.prove_in(Table::AccountNodes, None, self.root()?, &address.0)?;
        if found != account.as_ref().map(|account| rlp::encode(account).to_vec()) {
            return Err(Table::Accounts.corrupt_at(&address.0, OTHER).into());
        }
        let root = account.as_ref().map_or(EMPTY_ROOT, |account| account.storage_root);
        let mut storage_proofs = Vec::with_capacity(slots.len());
        for slot in slots {
            let value = self.storage(address, slot)?;
            let (proof, found) =
                self.prove_in(Table::StorageNodes, Some(address), root, &slot.0)?;
            let mut expected = Vec::new();
            append_value(&mut expected, value);
            if found.unwrap_or_default() != expected {
                return Err(Table::Storage.corrupt_at(&slot_key(address, slot), OTHER).into());
            }
            storage_proofs.push(StorageProof { slot: *slot, value, proof });
        }
        Ok(AccountProof { address: *address, account, account_proof, storage_proofs })
    }

    fn prove_in(
        &self,
        table: Table,
        owner: Option<&Address>,
        root: H256,
        key: &[u8],
    ) -> Proved<StoreError> {
        prove(
            |path| self.entry(table, &node_key(owner, path)),
            |path, what| table.corrupt_at(&node_key(owner, path), what),
            root,
            &keccak256(key).0,
        )
    }

    fn prove_all(&self, keys: &StateKeys) -> Result<StateMultiproof, StateError> {
        Ok(prove_state(self, self.root()?, keys)?)
    }
}

/// What is wrong with a flat entry.
const OTHER: &str = "the trie holds another value";

impl<R: KeyValueRead> StoredNodes for At<R> {
    type Error = StoreError;

    fn read(
        &self,
        owner: Option<&Address>,
        path: NodePath<'_>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.entry(Table::nodes(owner), &node_key(owner, path))
    }

    fn corrupt(
        &self,
        owner: Option<&Address>,
        path: NodePath<'_>,
        what: &'static str,
    ) -> StoreError {
        Table::nodes(owner).corrupt_at(&node_key(owner, path), what)
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
