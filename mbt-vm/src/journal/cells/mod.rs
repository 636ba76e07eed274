//! What a block has read and written so far.

mod record;
mod result;
mod undo;

use std::rc::Rc;

use hashbrown::HashMap;
use mbt_account::{EMPTY_CODE_HASH, Log};
use mbt_crypto::{Address, H256, U256};
use mbt_trie::{StateError, StateView};

use super::code::Code;
pub(crate) use record::AccountCell;
use record::SlotCell;
pub(crate) use undo::Undo;

/// Place of an account or a slot in its table.
pub(crate) type Place = usize;

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
}
