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
#[expect(
    clippy::arithmetic_side_effects,
    reason = "shifts of at most 512 bits; what the left one would lose is looked at before"
)]
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

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "the compact form is cut from wide numbers")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INTERVAL: u64 = 600;
    const TAU_S: u64 = INTERVAL * TAU_INTERVALS;
    const START: u64 = 1_000_000_000;

    fn anchor(target: U256) -> Anchor {
        Anchor { number: 0, timestamp: START, target }
    }

    /// The compact form of Bitcoin's headers, in which the published vectors are written.
    fn compact(bits: u32) -> U256 {
        U256::from(bits & 0x00ff_ffff) << (8 * ((bits >> 24) as usize - 3))
    }

    fn to_compact(target: U256) -> u32 {
        let bytes = target.bits().div_ceil(8);
        let mantissa =
            if bytes <= 3 { target << (8 * (3 - bytes)) } else { target >> (8 * (bytes - 3)) };
        let mantissa = mantissa.low_u32();
        if mantissa & 0x0080_0000 == 0 {
            mantissa | (bytes as u32) << 24
        } else {
            mantissa >> 8 | (bytes as u32 + 1) << 24
        }
    }

    /// With an interval of 600 s our tau is the published algorithm's half-life of two days, so its
    /// semantics hold as they stand. Its anchor time is the anchor's parent's: one interval before.
    #[test]
    fn published_semantics_hold_at_the_published_interval() {
        assert_eq!(TAU_S, 2 * 24 * 60 * 60);
        let limit = compact(0x1d00_ffff);
        // Steady blocks never move the target.
        for height in [1, 2, 100, 2_147_483_642] {
            let target = next_target(&anchor(limit), height, START + height * 600, 600, limit);
            assert_eq!(to_compact(target), 0x1d00_ffff);
        }
        // Two days late at the limit stay at the limit; two days early halve.
        let late = next_target(&anchor(limit), 10, START + 6_000 + TAU_S, 600, limit);
        assert_eq!(late, limit);
        let early = next_target(&anchor(limit), 288, START, 600, limit);
        assert_eq!(to_compact(early), 0x1c7f_ff80);
        // All blocks of 2^31 at once: the least target.
        let burst = next_target(&anchor(limit), 1 << 31, START, 600, limit);
        assert_eq!(burst, U256::one());
    }

    #[test]
    fn whole_taus_double_and_halve_exactly() {
        let target = U256::one() << 200;
        for k in 0..50_u64 {
            let late = next_target(&anchor(target), 0, START + k * TAU_S, INTERVAL, U256::MAX);
            assert_eq!(late, target << k as usize);
            let blocks = k * TAU_INTERVALS;
            let early = next_target(&anchor(target), blocks, START, INTERVAL, U256::MAX);
            assert_eq!(early, target >> k as usize);
        }
    }

    #[test]
    fn fractions_of_a_tau_are_within_the_published_error() {
        // factor^n of the n-th part of a tau is 2, within n times 0.013 %.
        for n in [2_u64, 3, 4, 5, 8] {
            let factor = U512::from(power_of_two(0x1_0000 / n));
            let mut power = U512::from(1);
            let mut unit = U512::from(1);
            for _ in 0..n {
                power *= factor;
                unit *= U512::from(0x1_0000);
            }
            let error = power.max(unit * 2) - power.min(unit * 2);
            // One part in 65,536 is lost to the fraction's own rounding.
            assert!(error * 100_000 < unit * 2 * (13 * n + 4), "n = {n}");
        }
    }

    #[test]
    fn a_night_of_silence_saturates_without_overflow() {
        let late = next_target(&anchor(U256::MAX >> 1), 1, u64::MAX, 2, U256::MAX >> 3);
        assert_eq!(late, U256::MAX >> 3);
        let early = next_target(&anchor(U256::MAX), u64::MAX, 0, u64::MAX, U256::MAX);
        assert_eq!(early, U256::one());
        assert_eq!(next_target(&anchor(U256::zero()), 5, START, 2, U256::MAX), U256::one());
    }

    proptest! {
        #[test]
        fn later_parents_never_make_the_target_harder(
            bits in 1_usize..256, number in 0_u64..1_000_000,
            time in 0_u64..10_000_000, step in 0_u64..1_000_000,
        ) {
            let anchor = anchor(U256::MAX >> (256 - bits));
            let at = |time| next_target(&anchor, number, START + time, 2, U256::MAX);
            prop_assert!(at(time) <= at(time + step));
        }

        #[test]
        fn more_blocks_in_a_time_never_make_the_target_easier(
            bits in 1_usize..256, number in 0_u64..1_000_000,
            time in 0_u64..10_000_000, step in 0_u64..1_000_000,
        ) {
            let anchor = anchor(U256::MAX >> (256 - bits));
            let at = |number| next_target(&anchor, number, START + time, 2, U256::MAX);
            prop_assert!(at(number) >= at(number + step));
        }
    }
}
