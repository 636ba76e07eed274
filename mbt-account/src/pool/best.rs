//! Executable transactions, best first.

use alloc::{
    collections::{BinaryHeap, VecDeque},
    vec::Vec,
};
use core::cmp::Reverse;

use mbt_crypto::{Address, U256};

use super::queue::Queue;
use crate::RecoveredTransaction;

/// The pool's executable transactions at one moment: by effective tip, then by arrival, and each
/// sender's by nonce. Holds its own references, so that the pool can change meanwhile.
#[derive(Clone, Debug)]
pub struct Best {
    base_fee: U256,
    /// By sender, in the order of addresses.
    lanes: Vec<Lane>,
    heads: BinaryHeap<Head>,
}

#[derive(Clone, Debug)]
struct Lane {
    sender: Address,
    entries: VecDeque<(u64, RecoveredTransaction)>,
}

/// The next transaction of a lane.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Head {
    tip: U256,
    arrival: Reverse<u64>,
    lane: usize,
}

impl Best {
    pub(super) fn new<'a>(
        base_fee: U256,
        queues: impl Iterator<Item = (&'a Address, &'a Queue)>,
    ) -> Self {
        let lanes = queues
            .filter(|(_, queue)| queue.executable() > 0)
            .map(|(sender, queue)| {
                let entries = queue.executable_entries();
                let entries = entries.map(|(_, entry)| (entry.arrival, entry.transaction.clone()));
                Lane { sender: *sender, entries: entries.collect() }
            })
            .collect::<Vec<_>>();
        let mut best = Self { base_fee, heads: BinaryHeap::with_capacity(lanes.len()), lanes };
        for lane in 0..best.lanes.len() {
            best.offer(lane);
        }
        best
    }

    /// Says that `transaction` was not taken: its sender's later ones are not offered.
    pub fn reject(&mut self, transaction: &RecoveredTransaction) {
        let sender = transaction.sender();
        if let Ok(lane) = self.lanes.binary_search_by_key(&sender, |lane| lane.sender) {
            self.lanes[lane].entries.clear();
        }
    }

    /// Puts a lane's first transaction among the heads, unless it does not cover the base fee.
    fn offer(&mut self, lane: usize) {
        let first = self.lanes.get(lane).and_then(|lane| lane.entries.front());
        if let Some((arrival, transaction)) = first
            && let Some(tip) = transaction.effective_tip(self.base_fee)
        {
            self.heads.push(Head { tip, arrival: Reverse(*arrival), lane });
        }
    }
}

impl Iterator for Best {
    type Item = RecoveredTransaction;

    fn next(&mut self) -> Option<RecoveredTransaction> {
        loop {
            let head = self.heads.pop()?;
            // Nothing is there when the lane was rejected.
            if let Some((_, transaction)) = self.lanes.get_mut(head.lane)?.entries.pop_front() {
                self.offer(head.lane);
                return Some(transaction);
            }
        }
    }
}
