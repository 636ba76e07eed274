//! Time, as an argument that tests can move.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use mbt_consensus::resume_offset;

/// A source of wall-clock time.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns milliseconds since 1970.
    fn unix_ms(&self) -> u64;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn unix_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// The machine's clock plus a shift that can be changed while it runs. For tests.
#[derive(Debug, Default)]
pub struct ShiftedClock(AtomicU64);

impl ShiftedClock {
    /// Moves time forward, from now on.
    pub fn advance_s(&self, seconds: u64) {
        self.0.fetch_add(seconds.saturating_mul(1000), Ordering::SeqCst);
    }
}

impl Clock for ShiftedClock {
    fn unix_ms(&self) -> u64 {
        SystemClock.unix_ms().saturating_add(self.0.load(Ordering::SeqCst))
    }
}

/// Chain time: the wall clock less what a development network slept (SPEC 6). Nodes of one process
/// share one, so that they agree; others agree by following the timestamps of valid headers.
#[derive(Clone, Debug)]
pub struct ChainClock {
    clock: Arc<dyn Clock>,
    offset_s: Arc<AtomicU64>,
}

impl ChainClock {
    /// Makes chain time that is wall time.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, offset_s: Arc::default() }
    }

    /// Makes chain time that is the machine's time.
    #[must_use]
    pub fn system() -> Self {
        Self::new(Arc::new(SystemClock))
    }

    /// Lets chain time go on from a head instead of from now. Development networks only; to be
    /// called once, with the latest head, before anything asks for the time.
    pub fn resume(&self, head_timestamp: u64, interval_s: u64) {
        let offset = resume_offset(head_timestamp, self.wall_s(), interval_s);
        self.offset_s.store(offset, Ordering::SeqCst);
    }

    /// Lets chain time that is behind a valid header's go on from there, and tells whether it did:
    /// the network went on from a later block than this node, or did not stop. At most up to wall
    /// time, so a clock that was not told to [`ChainClock::resume`] is never moved.
    pub fn follow(&self, header_timestamp: u64) -> bool {
        let offset = self.wall_s().saturating_sub(header_timestamp);
        self.offset_s.fetch_min(offset, Ordering::SeqCst) > offset
    }

    /// Returns chain time in seconds since 1970.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.wall_s().saturating_sub(self.offset_s.load(Ordering::SeqCst))
    }

    fn wall_s(&self) -> u64 {
        self.clock.unix_ms() / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Fixed(u64);

    impl Clock for Fixed {
        fn unix_ms(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn a_paused_chain_goes_on_one_interval_after_its_head() {
        let clock = ChainClock::new(Arc::new(Fixed(5_000_000)));
        assert_eq!(clock.now(), 5_000);
        clock.resume(1_400, 2);
        assert_eq!(clock.now(), 1_402);
        clock.resume(4_999, 2);
        assert_eq!(clock.now(), 5_000);
    }

    #[test]
    fn resumed_time_follows_later_headers_up_to_the_wall_and_never_goes_back() {
        let clock = ChainClock::new(Arc::new(Fixed(5_000_000)));
        clock.resume(1_400, 2);
        assert!(clock.follow(2_000));
        assert_eq!(clock.now(), 2_000);
        assert!(!clock.follow(1_500));
        assert_eq!(clock.now(), 2_000);
        assert!(clock.follow(9_000));
        assert_eq!(clock.now(), 5_000);
        assert!(!clock.follow(9_000));
    }

    #[test]
    fn time_of_a_public_chain_follows_no_header() {
        let clock = ChainClock::new(Arc::new(Fixed(5_000_000)));
        assert!(!clock.follow(4_000) && !clock.follow(9_000));
        assert_eq!(clock.now(), 5_000);
    }
}
