//! The base fee of EIP-1559.

use mbt_crypto::U256;

use crate::Header;

/// Least base fee: 1 gwei.
pub const BASE_FEE_MIN: u64 = 1_000_000_000;

const ELASTICITY: u64 = 2;
const CHANGE_DENOMINATOR: u64 = 8;

/// Returns the base fee of the block after `parent`.
#[must_use]
pub fn next_base_fee(parent: &Header) -> U256 {
    let base_fee = parent.base_fee;
    let target = parent.gas_limit / ELASTICITY;
    let change = |distance: u64| {
        base_fee
            .saturating_mul(distance.into())
            .checked_div(target.into())
            .unwrap_or_default()
            .checked_div(CHANGE_DENOMINATOR.into())
            .unwrap_or_default()
    };
    let next = if parent.gas_used > target {
        let distance = parent.gas_used.saturating_sub(target);
        base_fee.saturating_add(change(distance).max(U256::one()))
    } else {
        base_fee.saturating_sub(change(target.saturating_sub(parent.gas_used)))
    };
    next.max(BASE_FEE_MIN.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(base_fee: u64, gas_limit: u64, gas_used: u64) -> u64 {
        let parent = Header { base_fee: base_fee.into(), gas_limit, gas_used, ..Header::default() };
        next_base_fee(&parent).as_u64()
    }

    /// The cases of EIP-1559's reference tests in geth, a gwei as the unit.
    #[test]
    fn base_fee_moves_as_the_eip_says() {
        let gwei = BASE_FEE_MIN;
        assert_eq!(after(10 * gwei, 20_000_000, 10_000_000), 10 * gwei);
        assert_eq!(after(10 * gwei, 20_000_000, 9_000_000), 9_875_000_000);
        assert_eq!(after(10 * gwei, 20_000_000, 11_000_000), 10_125_000_000);
        assert_eq!(after(10 * gwei, 20_000_000, 20_000_000), 11_250_000_000);
        assert_eq!(after(10 * gwei, 20_000_000, 0), 8_750_000_000);
    }

    #[test]
    fn base_fee_never_falls_below_the_floor_and_always_rises_when_full() {
        assert_eq!(after(BASE_FEE_MIN, 30_000_000, 0), BASE_FEE_MIN);
        assert_eq!(after(0, 30_000_000, 30_000_000), BASE_FEE_MIN);
        assert_eq!(after(BASE_FEE_MIN, 2_000_000_000, 1_000_000_001), BASE_FEE_MIN + 1);
    }
}
