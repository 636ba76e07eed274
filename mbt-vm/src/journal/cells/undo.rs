//! Layers of changes, and how to take them back.

use std::rc::Rc;

use mbt_crypto::{Address, H256, U256};

use super::{Cells, Place};
use crate::journal::code::Code;

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

impl Cells {
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
}
