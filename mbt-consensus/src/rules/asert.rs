//! The retarget: aserti3-2d, an exponential moving target with an integer cubic for `2^x`.
//!
//! The target of a block depends on its parent's time and number alone, never on the path there.

use mbt_crypto::U256;
use primitive_types::U512;

/// Intervals that the chain must run late for the target to double.
pub const TAU_INTERVALS: u64 = 288;

/// The block that the schedule starts from: genesis.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Anchor {
    /// Its number.
    pub number: u64,
    /// Its time in seconds.
    pub timestamp: u64,
    /// Its target.
    pub target: U256,
}

/// Returns the nominal target of the block after `parent`: the anchor's, doubled for each tau
/// that the parent is late on the schedule of one block an interval, halved for each it is early.
/// Between one and `target_max`.
#[must_use]
pub fn next_target(
    anchor: &Anchor,
    parent_number: u64,
    parent_timestamp: u64,
    interval_s: u64,
    target_max: U256,
) -> U256 {
    let elapsed = i128::from(parent_timestamp).saturating_sub(i128::from(anchor.timestamp));
    let blocks = i128::from(parent_number).saturating_sub(i128::from(anchor.number));
    let late_s = elapsed.saturating_sub(blocks.saturating_mul(i128::from(interval_s)));
    let tau_s = i128::from(interval_s.max(1)).saturating_mul(i128::from(TAU_INTERVALS));
    scale(anchor.target, late_s, tau_s).clamp(U256::one(), target_max)
}

/// Returns `target * 2^(late / tau)`, at most the greatest number.
fn scale(target: U256, late_s: i128, tau_s: i128) -> U256 {
    let exponent = late_s.saturating_mul(0x1_0000).checked_div(tau_s).unwrap_or(0);
    // Arithmetic shift and mask: the fraction is never negative.
    let whole = exponent >> 16;
    let factor = power_of_two(u64::try_from(exponent & 0xffff).unwrap_or(0));
    let product = target.full_mul(U256::from(factor));
    let shift = whole.saturating_sub(16);
    let distance = usize::try_from(shift.unsigned_abs()).unwrap_or(usize::MAX).min(512);
    let shifted = if shift < 0 {
        product >> distance
    } else if product.leading_zeros() < u32::try_from(distance).unwrap_or(u32::MAX) {
        U512::MAX
    } else {
        product << distance
    };
    U256::try_from(shifted).unwrap_or(U256::MAX)
}

/// Returns `65536 * 2^(fraction / 65536)` within 0.013 %.
fn power_of_two(fraction: u64) -> u64 {
    let x = u128::from(fraction & 0xffff);
    let cubic = 195_766_423_245_049_u128
        .saturating_mul(x)
        .saturating_add(971_821_376_u128.saturating_mul(x).saturating_mul(x))
        .saturating_add(5_127_u128.saturating_mul(x).saturating_mul(x).saturating_mul(x))
        .saturating_add(1 << 47);
    u64::try_from(cubic >> 48).unwrap_or(0).saturating_add(0x1_0000)
}
