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
