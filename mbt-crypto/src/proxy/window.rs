//! What moved lately, account by account.

use alloc::collections::BTreeMap;

use primitive_types::U256;

use crate::Address;

/// Sums of the current window and the one before, by account.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Spending(BTreeMap<Address, Spent>);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Spent {
    window: u64,
    in_window: U256,
    in_previous: U256,
}

impl Spending {
    /// Returns what `account` moved in `window` and the one before.
    pub(super) fn recent(&self, account: Address, window: u64) -> U256 {
        let spent = self.at(account, window);
        spent.in_window.saturating_add(spent.in_previous)
    }

    /// Adds to what `account` moved in `window`, which is never below one added to before.
    pub(super) fn add(&mut self, account: Address, window: u64, amount: U256) {
        let mut spent = self.at(account, window);
        spent.in_window = spent.in_window.saturating_add(amount);
        self.0.insert(account, spent);
    }

    /// Forgets accounts that moved nothing in `window` and the one before.
    pub(super) fn prune(&mut self, window: u64) {
        self.0.retain(|_, spent| window.saturating_sub(spent.window) <= 1);
    }

    fn at(&self, account: Address, window: u64) -> Spent {
        let none = Spent { window, in_window: U256::zero(), in_previous: U256::zero() };
        match self.0.get(&account) {
            Some(spent) if spent.window == window => *spent,
            Some(spent) if spent.window.checked_add(1) == Some(window) => {
                Spent { in_previous: spent.in_window, ..none }
            }
            _ => none,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_count_in_their_window_and_the_next() {
        let mut spending = Spending::default();
        spending.add(Address::ZERO, 5, 10.into());
        spending.add(Address::ZERO, 5, 1.into());
        assert_eq!(spending.recent(Address::ZERO, 5), 11.into());
        assert_eq!(spending.recent(Address::ZERO, 6), 11.into());
        assert_eq!(spending.recent(Address::ZERO, 7), 0.into());
        spending.add(Address::ZERO, 6, 2.into());
        assert_eq!(spending.recent(Address::ZERO, 6), 13.into());
        assert_eq!(spending.recent(Address::ZERO, 7), 2.into());
        spending.prune(7);
        assert_eq!(spending.0.len(), 1);
        spending.prune(8);
        assert_eq!(spending.0.len(), 0);
    }
}
