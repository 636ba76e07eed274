//! One sender's transactions by nonce.

use alloc::{collections::BTreeMap, vec::Vec};
use core::cmp::Reverse;

use mbt_crypto::U256;

use super::SenderState;
use crate::RecoveredTransaction;

/// A pooled transaction.
#[derive(Clone, Debug)]
pub(super) struct Pooled {
    pub(super) transaction: RecoveredTransaction,
    /// Its place in the order of arrival.
    pub(super) arrival: u64,
    /// The most that it can cost.
    pub(super) cost: U256,
    /// The least effective tip among it and those before it: without them it cannot be mined.
    floor: Option<U256>,
}

impl Pooled {
    pub(super) const fn new(transaction: RecoveredTransaction, arrival: u64, cost: U256) -> Self {
        Self { transaction, arrival, cost, floor: None }
    }
}

/// What a queue's last transaction is worth to the pool. The least is evicted first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Rank {
    pub(super) executable: bool,
    pub(super) floor: Option<U256>,
    arrival: Reverse<u64>,
}

/// One sender's transactions. The first `executable` of them follow the sender's nonce without a
/// gap and can all be paid for.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    state: SenderState,
    entries: BTreeMap<u64, Pooled>,
    executable: u64,
    /// What the executable ones may cost.
    spent: U256,
    bytes: usize,
}

impl Queue {
    pub(super) fn new(state: SenderState) -> Self {
        Self { state, ..Self::default() }
    }

    pub(super) const fn state(&self) -> SenderState {
        self.state
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) const fn executable(&self) -> u64 {
        self.executable
    }

    /// Returns the nonce behind the executable ones.
    pub(super) const fn next_nonce(&self) -> u64 {
        self.state.nonce.saturating_add(self.executable)
    }

    pub(super) const fn is_executable(&self, nonce: u64) -> bool {
        self.state.nonce <= nonce && nonce < self.next_nonce()
    }

    pub(super) fn get(&self, nonce: u64) -> Option<&Pooled> {
        self.entries.get(&nonce)
    }

    pub(super) fn tail_nonce(&self) -> Option<u64> {
        self.entries.last_key_value().map(|(nonce, _)| *nonce)
    }

    pub(super) fn rank(&self) -> Option<Rank> {
        let (nonce, tail) = self.entries.last_key_value()?;
        Some(Rank {
            executable: self.is_executable(*nonce),
            floor: tail.floor,
            arrival: Reverse(tail.arrival),
        })
    }

    /// Returns what the executable ones may cost without the one of `nonce`.
    pub(super) fn spent_without(&self, nonce: u64) -> U256 {
        match self.entries.get(&nonce) {
            Some(entry) if self.is_executable(nonce) => self.spent.saturating_sub(entry.cost),
            _ => self.spent,
        }
    }

    pub(super) fn executable_entries(&self) -> impl Iterator<Item = (u64, &Pooled)> {
        let next = self.next_nonce();
        self.entries.range(..next).map(|(nonce, entry)| (*nonce, entry))
    }

    pub(super) fn queued_entries(&self) -> impl Iterator<Item = (u64, &Pooled)> {
        let next = self.next_nonce();
        self.entries.range(next..).map(|(nonce, entry)| (*nonce, entry))
    }

    /// Puts a transaction in and returns the one it replaces.
    pub(super) fn put(&mut self, entry: Pooled, base_fee: U256) -> Option<Pooled> {
        let nonce = entry.transaction.nonce;
        self.truncate(nonce);
        self.bytes = self.bytes.saturating_add(entry.transaction.encoded_length());
        let old = self.entries.insert(nonce, entry);
        if let Some(old) = &old {
            self.bytes = self.bytes.saturating_sub(old.transaction.encoded_length());
        }
        self.set_floors(nonce, base_fee);
        self.extend();
        old
    }

    /// Takes a transaction out. Those behind it are executable no more.
    pub(super) fn take(&mut self, nonce: u64, base_fee: U256) -> Option<Pooled> {
        self.truncate(nonce);
        let entry = self.entries.remove(&nonce);
        if let Some(entry) = &entry {
            self.bytes = self.bytes.saturating_sub(entry.transaction.encoded_length());
        }
        self.set_floors(nonce, base_fee);
        self.extend();
        entry
    }

    /// Follows the chain: takes out what is mined, no longer payable or above the gas limit.
    pub(super) fn refresh(
        &mut self,
        state: SenderState,
        gas_limit: u64,
        base_fee: U256,
    ) -> Vec<Pooled> {
        self.state = state;
        let mut dropped = Vec::new();
        self.entries.retain(|nonce, entry| {
            let kept = *nonce >= state.nonce
                && entry.cost <= state.balance
                && entry.transaction.gas_limit <= gas_limit;
            if !kept {
                self.bytes = self.bytes.saturating_sub(entry.transaction.encoded_length());
                dropped.push(entry.clone());
            }
            kept
        });
        self.executable = 0;
        self.spent = U256::zero();
        self.extend();
        if !dropped.is_empty() {
            self.set_floors(0, base_fee);
        }
        dropped
    }

    /// Weighs the effective tips again, from `nonce` on.
    pub(super) fn set_floors(&mut self, nonce: u64, base_fee: U256) {
        let before = self.entries.range(..nonce).next_back();
        let mut least = before.map(|(_, entry)| entry.floor);
        for (_, entry) in self.entries.range_mut(nonce..) {
            let tip = entry.transaction.effective_tip(base_fee);
            entry.floor = least.map_or(tip, |least| least.min(tip));
            least = Some(entry.floor);
        }
    }

    /// Ends the executable ones before `nonce`.
    fn truncate(&mut self, nonce: u64) {
        if !self.is_executable(nonce) {
            return;
        }
        for (_, entry) in self.entries.range(nonce..self.next_nonce()) {
            self.spent = self.spent.saturating_sub(entry.cost);
        }
        self.executable = nonce.saturating_sub(self.state.nonce);
    }

    /// Counts those as executable that now follow without a gap and can be paid for.
    fn extend(&mut self) {
        for (nonce, entry) in self.entries.range(self.next_nonce()..) {
            let Some(spent) = self.spent.checked_add(entry.cost) else { return };
            if *nonce != self.state.nonce.saturating_add(self.executable)
                || spent > self.state.balance
            {
                return;
            }
            self.spent = spent;
            self.executable = self.executable.saturating_add(1);
        }
    }
}
