//! Chain time of development networks, which stand still while nobody runs them (SPEC 6).

/// Returns the seconds to subtract from the wall clock so that chain time goes on from the head
/// and not from now. Zero while the head is at most two intervals old, or ahead.
///
/// Without it a night's pause would let the retarget find hours without a block and collapse the
/// target. A public network must not use it: there, time is everybody's.
///
/// ```
/// use mbt_consensus::resume_offset;
/// let (head, now) = (1_000, 4_600);
/// assert_eq!(now - resume_offset(head, now, 2), head + 2);
/// ```
#[must_use]
pub const fn resume_offset(head_timestamp: u64, now: u64, interval_s: u64) -> u64 {
    let pause = now.saturating_sub(head_timestamp);
    if pause <= interval_s.saturating_mul(2) { 0 } else { pause.saturating_sub(interval_s) }
}

#[cfg(test)]
mod tests {
    use mbt_crypto::U256;

    use super::*;
    use crate::asert::{Anchor, next_target};

    #[test]
    fn a_running_network_keeps_wall_time() {
        assert_eq!(resume_offset(1_000, 1_004, 2), 0);
        assert_eq!(resume_offset(1_000, 900, 2), 0);
    }

    #[test]
    fn an_hours_pause_leaves_the_target_as_it_was() {
        let anchor = Anchor { number: 0, timestamp: 1_000, target: U256::MAX >> 20 };
        let (head_number, head_time) = (500, 2_000);
        let before = next_target(&anchor, head_number, head_time, 2, U256::MAX);
        let now = head_time + 3_600;
        let next_time = now - resume_offset(head_time, now, 2);
        assert_eq!(next_time, head_time + 2);
        let after = next_target(&anchor, head_number + 1, next_time, 2, U256::MAX);
        assert_eq!(after, before);
        let collapsed = next_target(&anchor, head_number + 1, now, 2, U256::MAX);
        assert!(collapsed > before * 64);
    }
}
