//! How a block's gas limit moves.

/// Least gas limit.
pub const GAS_LIMIT_MIN: u64 = 5_000;

/// Gas limit of genesis, and the one that nodes steer to unless told otherwise.
pub const GAS_LIMIT_DEFAULT: u64 = 30_000_000;

const BOUND_DIVISOR: u64 = 1_024;

/// Tells whether a block may have this gas limit after a parent with `parent`.
#[must_use]
pub const fn gas_limit_follows(parent: u64, gas_limit: u64) -> bool {
    gas_limit >= GAS_LIMIT_MIN && gas_limit.abs_diff(parent) < parent / BOUND_DIVISOR
}

/// Returns the gas limit nearest to `target` that may follow `parent`.
#[must_use]
pub fn next_gas_limit(parent: u64, target: u64) -> u64 {
    let step = (parent / BOUND_DIVISOR).saturating_sub(1);
    target.clamp(parent.saturating_sub(step), parent.saturating_add(step)).max(GAS_LIMIT_MIN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bound_is_less_than_a_1024th() {
        let step = 30_000_000 / 1_024;
        assert!(gas_limit_follows(30_000_000, 30_000_000 + step - 1));
        assert!(!gas_limit_follows(30_000_000, 30_000_000 + step));
        assert!(!gas_limit_follows(30_000_000, 30_000_000 - step));
        assert!(!gas_limit_follows(5_000, 4_999));
    }

    proptest! {
        #[test]
        fn our_next_limit_follows_and_never_moves_away(
            parent in 5_000_u64..u64::MAX / 2, target: u64,
        ) {
            let next = next_gas_limit(parent, target);
            prop_assert!(gas_limit_follows(parent, next));
            let target = target.max(GAS_LIMIT_MIN);
            prop_assert!(next.abs_diff(target) <= parent.abs_diff(target));
        }
    }
}
