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
