//! What a block has read and written so far, and how to undo it.

use std::rc::Rc;

use hashbrown::HashMap;
use mbt_account::{EMPTY_CODE_HASH, EMPTY_ROOT, LeagueFields, Log, PublicAccount};
use mbt_crypto::{Address, H256, U256};
use mbt_trie::{AccountDiff, StateDiff, StateError, StateView};

use super::code::Code;

/// Place of an account or a slot in its table.
pub(crate) type Place = usize;

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
    has_storage: bool,
    dirty: bool,
    pub(crate) warm: u32,
    pub(crate) created: u32,
    pub(crate) touched: u32,
    pub(crate) destroyed: u32,
}

impl AccountCell {
    fn new(address: Address, base: Option<PublicAccount>) -> Self {
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

    fn record(&self) -> PublicAccount {
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
    generation: u32,
    pub(crate) key: H256,
    /// The value before the block.
    base: U256,
    /// The value before the transaction `original_set`.
    original: U256,
    original_set: u32,
    pub(crate) value: U256,
    dirty: bool,
    pub(crate) warm: u32,
}

/// How to take one change back.
#[derive(Debug)]
pub(crate) enum Undo {
    Balance(Place, U256),
    Nonce(Place, u64),
    Code(Place, H256, Option<Rc<Code>>),
    Slot(Place, U256),
    Transient(Address, H256, U256),
    Warm(Place),
    WarmSlot(Place),
    Created(Place),
    Touched(Place),
    Destroyed(Place),
    Generation(Place, u32, bool),
    Burned(U256),
}

/// The tables. Looked up by hash, listed by place: the order is that of first use.
#[derive(Debug)]
pub(crate) struct Cells {
    pub(crate) accounts: Vec<AccountCell>,
    account_places: HashMap<Address, Place>,
    pub(crate) slots: Vec<SlotCell>,
    slot_places: HashMap<(Place, u32, H256), Place>,
    transient: HashMap<(Address, H256), U256>,
    codes: HashMap<H256, Rc<Code>>,
    pub(crate) undo: Vec<Undo>,
    marks: Vec<(usize, usize)>,
    pub(crate) logs: Vec<Log>,
    pub(crate) transaction: u32,
    /// Coin destroyed by the block's transactions.
    pub(crate) burned: U256,
    pub(crate) ripemd_touched: bool,
    /// The first read that failed. Nothing after it counts.
    pub(crate) failure: Option<StateError>,
}

impl Cells {
    pub(crate) fn new() -> Self {
        Self {
            accounts: Vec::new(),
            account_places: HashMap::new(),
            slots: Vec::new(),
            slot_places: HashMap::new(),
            transient: HashMap::new(),
            codes: HashMap::new(),
            undo: Vec::new(),
            marks: Vec::new(),
            logs: Vec::new(),
            transaction: 1,
            burned: U256::zero(),
            ripemd_touched: false,
            failure: None,
        }
    }

    pub(crate) fn fail(&mut self, error: StateError) {
        self.failure.get_or_insert(error);
    }

    pub(crate) fn account(&mut self, view: &dyn StateView, address: Address) -> Place {
        if let Some(place) = self.account_places.get(&address) {
            return *place;
        }
        let base = view.account(&address).unwrap_or_else(|error| {
            self.fail(error);
            None
        });
        let place = self.accounts.len();
        self.accounts.push(AccountCell::new(address, base));
        self.account_places.insert(address, place);
        place
    }

    pub(crate) fn slot(&mut self, view: &dyn StateView, account: Place, key: H256) -> Place {
        let cell = &self.accounts[account];
        let generation = cell.generation;
        if let Some(place) = self.slot_places.get(&(account, generation, key)) {
            return *place;
        }
        let base = if generation == 0 && cell.base.is_some() {
            let address = cell.address;
            view.storage(&address, &key).unwrap_or_else(|error| {
                self.fail(error);
                U256::zero()
            })
        } else {
            U256::zero()
        };
        let place = self.slots.len();
        self.slots.push(SlotCell {
            account,
            generation,
            key,
            base,
            original: base,
            original_set: 0,
            value: base,
            dirty: false,
            warm: 0,
        });
        self.slot_places.insert((account, generation, key), place);
        place
    }

    pub(crate) fn code(&mut self, view: &dyn StateView, account: Place) -> Rc<Code> {
        if let Some(code) = &self.accounts[account].code {
            return Rc::clone(code);
        }
        let hash = self.accounts[account].code_hash;
        let code = match self.codes.get(&hash) {
            Some(code) => Rc::clone(code),
            None => {
                let bytes = if hash == EMPTY_CODE_HASH {
                    Vec::new()
                } else {
                    view.code(&hash).map(|bytes| bytes.to_vec()).unwrap_or_else(|error| {
                        self.fail(error);
                        Vec::new()
                    })
                };
                let code = Rc::new(Code::new(bytes));
                self.codes.insert(hash, Rc::clone(&code));
                code
            }
        };
        self.accounts[account].code = Some(Rc::clone(&code));
        code
    }

    /// Returns the slot's value before the running transaction.
    pub(crate) fn original(&self, slot: Place) -> U256 {
        let cell = &self.slots[slot];
        if cell.original_set == self.transaction { cell.original } else { cell.value }
    }

    pub(crate) fn set_balance(&mut self, account: Place, balance: U256) {
        let cell = &mut self.accounts[account];
        self.undo.push(Undo::Balance(account, cell.balance));
        cell.balance = balance;
    }

    pub(crate) fn set_nonce(&mut self, account: Place, nonce: u64) {
        let cell = &mut self.accounts[account];
        self.undo.push(Undo::Nonce(account, cell.nonce));
        cell.nonce = nonce;
    }

    pub(crate) fn set_code(&mut self, account: Place, hash: H256, code: Rc<Code>) {
        let cell = &mut self.accounts[account];
        self.undo.push(Undo::Code(account, cell.code_hash, cell.code.replace(code)));
        cell.code_hash = hash;
    }

    pub(crate) fn set_slot(&mut self, slot: Place, value: U256) {
        let cell = &mut self.slots[slot];
        if cell.original_set != self.transaction {
            cell.original_set = self.transaction;
            cell.original = cell.value;
        }
        if cell.value != value {
            self.undo.push(Undo::Slot(slot, cell.value));
            cell.value = value;
            self.accounts[cell.account].has_storage = true;
        }
    }

    pub(crate) fn transient(&self, address: Address, key: H256) -> U256 {
        self.transient.get(&(address, key)).copied().unwrap_or_default()
    }

    pub(crate) fn set_transient(&mut self, address: Address, key: H256, value: U256) {
        let old = self.transient.insert((address, key), value).unwrap_or_default();
        self.undo.push(Undo::Transient(address, key, old));
    }

    pub(crate) fn warm(&mut self, account: Place) {
        if self.accounts[account].warm != self.transaction {
            self.accounts[account].warm = self.transaction;
            self.undo.push(Undo::Warm(account));
        }
    }

    pub(crate) fn warm_slot(&mut self, slot: Place) {
        if self.slots[slot].warm != self.transaction {
            self.slots[slot].warm = self.transaction;
            self.undo.push(Undo::WarmSlot(slot));
        }
    }

    pub(crate) fn touch(&mut self, account: Place) {
        if self.accounts[account].touched != self.transaction {
            self.accounts[account].touched = self.transaction;
            self.undo.push(Undo::Touched(account));
        }
    }

    pub(crate) fn create(&mut self, account: Place) {
        self.accounts[account].created = self.transaction;
        self.undo.push(Undo::Created(account));
    }

    pub(crate) fn destroy(&mut self, account: Place) {
        if self.accounts[account].destroyed != self.transaction {
            self.accounts[account].destroyed = self.transaction;
            self.undo.push(Undo::Destroyed(account));
        }
        let balance = self.accounts[account].balance;
        self.burn(balance);
        self.set_balance(account, U256::zero());
    }

    fn burn(&mut self, amount: U256) {
        if !amount.is_zero() {
            self.undo.push(Undo::Burned(self.burned));
            self.burned = self.burned.saturating_add(amount);
        }
    }

    pub(crate) fn clear_storage(&mut self, account: Place) {
        let cell = &mut self.accounts[account];
        if cell.has_storage {
            self.undo.push(Undo::Generation(account, cell.generation, cell.has_storage));
            cell.generation += 1;
            cell.has_storage = false;
        }
    }

    /// Opens a layer of changes.
    pub(crate) fn push(&mut self) {
        self.marks.push((self.undo.len(), self.logs.len()));
    }

    /// Closes the last layer and keeps its changes. Tells whether there was one.
    pub(crate) fn keep(&mut self) -> bool {
        self.marks.pop().is_some()
    }

    /// Closes the last layer and takes its changes back. Tells whether there was one.
    pub(crate) fn revert(&mut self) -> bool {
        let Some((undo, logs)) = self.marks.pop() else { return false };
        self.logs.truncate(logs);
        while self.undo.len() > undo {
            match self.undo.pop() {
                Some(change) => self.take_back(change),
                None => break,
            }
        }
        true
    }

    pub(crate) fn depth(&self) -> usize {
        self.marks.len()
    }

    fn take_back(&mut self, change: Undo) {
        match change {
            Undo::Balance(place, balance) => self.accounts[place].balance = balance,
            Undo::Nonce(place, nonce) => self.accounts[place].nonce = nonce,
            Undo::Code(place, hash, code) => {
                self.accounts[place].code_hash = hash;
                self.accounts[place].code = code;
            }
            Undo::Slot(place, value) => self.slots[place].value = value,
            Undo::Transient(address, key, value) => {
                self.transient.insert((address, key), value);
            }
            Undo::Warm(place) => self.accounts[place].warm = 0,
            Undo::WarmSlot(place) => self.slots[place].warm = 0,
            Undo::Created(place) => self.accounts[place].created = 0,
            Undo::Touched(place) => self.accounts[place].touched = 0,
            Undo::Destroyed(place) => self.accounts[place].destroyed = 0,
            Undo::Generation(place, generation, has_storage) => {
                self.accounts[place].generation = generation;
                self.accounts[place].has_storage = has_storage;
            }
            Undo::Burned(burned) => self.burned = burned,
        }
    }

    /// Ends the transaction: accounts destroyed and, since EIP-161, empty ones touched are
    /// removed, all marks are forgotten. Returns the logs.
    pub(crate) fn finish(&mut self, keeps_empty: bool) -> Vec<Log> {
        let changes = core::mem::take(&mut self.undo);
        for change in &changes {
            match change {
                Undo::Balance(place, _)
                | Undo::Nonce(place, _)
                | Undo::Code(place, ..)
                | Undo::Touched(place)
                | Undo::Generation(place, ..) => self.accounts[*place].dirty = true,
                Undo::Slot(place, _) => {
                    self.slots[*place].dirty = true;
                    self.accounts[self.slots[*place].account].dirty = true;
                }
                _ => {}
            }
        }
        for change in &changes {
            match change {
                Undo::Destroyed(place) => self.remove(*place),
                Undo::Balance(place, _) | Undo::Nonce(place, _) | Undo::Code(place, ..) => {
                    let cell = &mut self.accounts[*place];
                    cell.exists = keeps_empty || !cell.is_empty();
                }
                Undo::Touched(place) if keeps_empty => self.accounts[*place].exists = true,
                Undo::Touched(place) if self.accounts[*place].is_empty() => self.remove(*place),
                _ => {}
            }
        }
        for change in &changes {
            if let Undo::Destroyed(place) = change {
                self.accounts[*place].exists = false;
            }
        }
        self.undo = changes;
        self.undo.clear();
        self.marks.clear();
        self.transient.clear();
        self.ripemd_touched = false;
        self.transaction += 1;
        core::mem::take(&mut self.logs)
    }

    fn remove(&mut self, account: Place) {
        self.clear_storage(account);
        let cell = &mut self.accounts[account];
        self.burned = self.burned.saturating_add(cell.balance);
        cell.balance = U256::zero();
        cell.nonce = 0;
        cell.code_hash = EMPTY_CODE_HASH;
        cell.code = None;
        cell.exists = false;
        cell.dirty = true;
    }

    /// Returns what the block changed.
    pub(crate) fn into_diff(self) -> StateDiff {
        let mut diff = StateDiff::default();
        for cell in self.accounts.iter().filter(|cell| cell.dirty) {
            let account = cell.exists.then(|| cell.record());
            let had_storage =
                cell.base.as_ref().is_some_and(|base| base.storage_root != EMPTY_ROOT);
            let storage_cleared = had_storage && (cell.generation > 0 || account.is_none());
            if let Some(code) = &cell.code
                && account.is_some()
                && cell.code_hash != EMPTY_CODE_HASH
                && cell.base.as_ref().is_none_or(|base| base.code_hash != cell.code_hash)
            {
                diff.codes.insert(cell.code_hash, code.bytes.as_slice().into());
            }
            if account != cell.base || storage_cleared {
                let change = AccountDiff { account, storage_cleared, ..AccountDiff::default() };
                diff.accounts.insert(cell.address, change);
            }
        }
        for slot in self.slots.iter().filter(|slot| slot.dirty && slot.value != slot.base) {
            let cell = &self.accounts[slot.account];
            if slot.generation == cell.generation && cell.exists {
                let change = diff.accounts.entry(cell.address).or_insert_with(|| AccountDiff {
                    account: Some(cell.record()),
                    ..AccountDiff::default()
                });
                change.storage.insert(slot.key, slot.value);
            }
        }
        diff
    }
}
