//! The end of a transaction, and what a block changed.

use mbt_account::{EMPTY_CODE_HASH, EMPTY_ROOT, Log};
use mbt_crypto::U256;
use mbt_trie::{AccountDiff, StateDiff};

use super::{Cells, Place, Undo};

impl Cells {
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
