//! The state as a block's transactions see it: reads fall through to a view and are kept, writes
//! stay here with the way to undo them, and the block's changes come out in the end.

mod backend;
mod cells;
mod code;
pub(crate) mod convert;

use core::cell::RefCell;
use std::{collections::BTreeMap, rc::Rc, sync::Arc};

use evm::standard::Config;
use mbt_account::{InvalidTransaction, Log, PublicAccount};
use mbt_consensus::BlockContext;
use mbt_crypto::{Address, H256, U256};
use mbt_trie::{StateDiff, StateError, StateView};

use self::cells::{Cells, Undo};
pub(crate) use self::code::Code;
use crate::{Evm, Fork, Precompile, system, trace::Inspector};

/// The state of one block in execution.
pub(crate) struct Journal<'a> {
    view: &'a dyn StateView,
    pub(crate) block: BlockContext<'a>,
    pub(crate) fork: Fork,
    pub(crate) chain_id: u64,
    pub(crate) precompiles: &'a BTreeMap<u8, Arc<dyn Precompile>>,
    pub(crate) inspector: Inspector,
    cells: RefCell<Cells>,
}

impl<'a> Journal<'a> {
    pub(crate) fn new(evm: &'a Evm, block: &BlockContext<'a>, view: &'a dyn StateView) -> Self {
        Self {
            view,
            block: *block,
            fork: evm.fork(),
            chain_id: evm.chain_id(),
            precompiles: evm.precompiles(),
            inspector: Inspector::None,
            cells: RefCell::new(Cells::new()),
        }
    }

    pub(crate) fn config(&self) -> &'static Config {
        self.fork.config()
    }

    /// Fails when a read failed: nothing that was computed since counts.
    pub(crate) fn check(&self) -> Result<(), StateError> {
        match &self.cells.borrow().failure {
            None => Ok(()),
            Some(error) => Err(error.clone()),
        }
    }

    /// Tells whether [`Journal::check`] fails, at the price of a look.
    pub(crate) fn has_failed(&mut self) -> bool {
        self.cells.get_mut().failure.is_some()
    }

    pub(crate) fn nonce(&self, address: Address) -> u64 {
        let mut cells = self.cells.borrow_mut();
        let place = cells.account(self.view, address);
        cells.accounts[place].nonce
    }

    pub(crate) fn balance(&self, address: Address) -> U256 {
        let mut cells = self.cells.borrow_mut();
        let place = cells.account(self.view, address);
        cells.accounts[place].balance
    }

    pub(crate) fn code(&self, address: Address) -> Rc<Code> {
        let mut cells = self.cells.borrow_mut();
        let place = cells.account(self.view, address);
        cells.code(self.view, place)
    }

    pub(crate) fn has_code(&self, address: Address) -> bool {
        let mut cells = self.cells.borrow_mut();
        let place = cells.account(self.view, address);
        cells.accounts[place].code_hash != mbt_account::EMPTY_CODE_HASH
    }

    pub(crate) fn storage(&self, address: Address, key: H256) -> U256 {
        let mut cells = self.cells.borrow_mut();
        let account = cells.account(self.view, address);
        let slot = cells.slot(self.view, account, key);
        cells.slots[slot].value
    }

    pub(crate) fn set_slot(&mut self, address: Address, key: H256, value: U256) {
        let cells = self.cells.get_mut();
        let account = cells.account(self.view, address);
        let slot = cells.slot(self.view, account, key);
        cells.set_slot(slot, value);
    }

    pub(crate) fn set_nonce(&mut self, address: Address, nonce: u64) {
        let cells = self.cells.get_mut();
        let account = cells.account(self.view, address);
        cells.set_nonce(account, nonce);
    }

    /// Adds coin; the sum of all coin fits, so the addition saturates only on impossible states.
    pub(crate) fn credit(&mut self, address: Address, amount: U256) {
        let cells = self.cells.get_mut();
        let account = cells.account(self.view, address);
        let balance = cells.accounts[account].balance.saturating_add(amount);
        if !amount.is_zero() {
            cells.set_balance(account, balance);
        }
    }

    /// Takes coin.
    pub(crate) fn debit(
        &mut self,
        address: Address,
        amount: U256,
    ) -> Result<(), InvalidTransaction> {
        let cells = self.cells.get_mut();
        let account = cells.account(self.view, address);
        let balance = cells.accounts[account].balance;
        let left = balance
            .checked_sub(amount)
            .ok_or(InvalidTransaction::InsufficientFunds { balance, cost: amount })?;
        if !amount.is_zero() {
            cells.set_balance(account, left);
        }
        Ok(())
    }

    pub(crate) fn warm(&mut self, address: Address) {
        let cells = self.cells.get_mut();
        let account = cells.account(self.view, address);
        cells.warm(account);
    }

    pub(crate) fn warm_slot(&mut self, address: Address, key: H256) {
        let cells = self.cells.get_mut();
        let account = cells.account(self.view, address);
        let slot = cells.slot(self.view, account, key);
        cells.warm_slot(slot);
    }

    /// Notes a change in the sense of EIP-161.
    pub(crate) fn touch(&mut self, address: Address) {
        let cells = self.cells.get_mut();
        let account = cells.account(self.view, address);
        cells.touch(account);
    }

    /// Opens a layer of changes.
    pub(crate) fn push(&mut self) {
        self.cells.get_mut().push();
    }

    /// Takes the changes of the last layer back.
    pub(crate) fn revert(&mut self) {
        self.cells.get_mut().revert();
    }

    /// Returns the number of open layers: the depth of the running call.
    pub(crate) fn depth(&self) -> usize {
        self.cells.borrow().depth()
    }

    pub(crate) fn log_count(&self) -> usize {
        self.cells.borrow().logs.len()
    }

    pub(crate) fn logs_from(&self, index: usize) -> Vec<Log> {
        self.cells.borrow().logs.get(index..).unwrap_or_default().to_vec()
    }

    /// Ends the transaction and returns its logs.
    pub(crate) fn finish_transaction(&mut self) -> Vec<Log> {
        let keeps_empty = !self.config().runtime.eip161_empty_check;
        if self.cells.get_mut().ripemd_touched && !keeps_empty {
            self.touch(RIPEMD);
        }
        self.cells.get_mut().finish(keeps_empty)
    }

    /// Takes the coin destroyed so far out of the account.
    pub(crate) fn take_burned(&mut self) -> U256 {
        core::mem::take(&mut self.cells.get_mut().burned)
    }

    /// Returns what the block changed.
    pub(crate) fn into_diff(self) -> StateDiff {
        self.cells.into_inner().into_diff()
    }

    pub(crate) fn is_precompile(&self, address: &Address) -> bool {
        match address.0 {
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last] => {
                last >= 1 && last <= self.last_standard_precompile()
            }
            _ => system::precompile_number(address)
                .is_some_and(|number| self.precompiles.contains_key(&number)),
        }
    }

    const fn last_standard_precompile(&self) -> u8 {
        let config = self.fork.config();
        if config.eip4844_shard_blob {
            10
        } else if config.eip152_blake_2f_precompile {
            9
        } else if config.eip197_ec_pairing_precompile {
            8
        } else {
            4
        }
    }

    /// Returns the account as it was before the running transaction, and its code.
    pub(crate) fn before(&self, address: Address) -> Option<(PublicAccount, Rc<Code>)> {
        let mut cells = self.cells.borrow_mut();
        let place = cells.account(self.view, address);
        let code = cells.code(self.view, place);
        let cell = &cells.accounts[place];
        let mut account = PublicAccount {
            nonce: cell.nonce,
            balance: cell.balance,
            code_hash: cell.code_hash,
            league: cell.league,
            ..PublicAccount::default()
        };
        let mut code = Some(code);
        let existed = cell.exists;
        for change in cells.undo.iter().rev() {
            match change {
                Undo::Balance(other, balance) if *other == place => account.balance = *balance,
                Undo::Nonce(other, nonce) if *other == place => account.nonce = *nonce,
                Undo::Code(other, hash, old) if *other == place => {
                    account.code_hash = *hash;
                    code.clone_from(old);
                }
                _ => {}
            }
        }
        (existed || !account.is_empty()).then(|| (account, code.unwrap_or_default()))
    }

    /// Returns a slot as it was before the running transaction.
    pub(crate) fn storage_before(&self, address: Address, key: H256) -> U256 {
        let mut cells = self.cells.borrow_mut();
        let account = cells.account(self.view, address);
        let slot = cells.slot(self.view, account, key);
        cells.original(slot)
    }

    /// Returns the account as it is now, if it exists.
    pub(crate) fn now(&self, address: Address) -> Option<(PublicAccount, Rc<Code>)> {
        let mut cells = self.cells.borrow_mut();
        let place = cells.account(self.view, address);
        let code = cells.code(self.view, place);
        let cell = &cells.accounts[place];
        let account = PublicAccount {
            nonce: cell.nonce,
            balance: cell.balance,
            code_hash: cell.code_hash,
            league: cell.league,
            ..PublicAccount::default()
        };
        cell.exists.then_some((account, code))
    }
}

/// The precompiled contract whose touch survived a revert in Ethereum's block 2,675,119; clients
/// keep that for it alone.
pub(crate) const RIPEMD: Address =
    Address([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3]);
