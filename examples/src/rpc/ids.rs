//! Names of filters and subscriptions: random, so that clients cannot touch each other's.

use jsonrpsee::{
    server::{IdProvider, RandomIntegerIdProvider},
    types::SubscriptionId,
};

/// Names of more than 100 random bits, as hex.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HexIds;

impl HexIds {
    /// Returns a new name.
    pub(crate) fn next(self) -> String {
        let word = || match RandomIntegerIdProvider.next_id() {
            SubscriptionId::Num(word) => word,
            SubscriptionId::Str(_) => 0,
        };
        format!("0x{:x}{:014x}", word() | 1 << 52, word())
    }
}

impl IdProvider for HexIds {
    fn next_id(&self) -> SubscriptionId<'static> {
        self.next().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_canonical_quantities_and_differ() {
        let (a, b) = (HexIds.next(), HexIds.next());
        assert_ne!(a, b);
        assert_eq!(a.len(), 2 + 14 + 14);
        assert!(!a.starts_with("0x0"));
    }
}
