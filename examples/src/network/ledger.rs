//! Scores and bans of peers. Pure: time is an argument.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use libp2p::PeerId;

use super::fault::{Fault, FaultKind};

/// Most peers remembered. Past it the record whose ban ends first goes.
pub const RECORDS_MAX: usize = 4_096;

/// The score of a peer that nothing is held against.
pub const SCORE_BEST: u32 = 100;

/// Bans after which the next one lasts for ever.
pub const BANS_TEMPORARY_MAX: u32 = 3;

/// A score of zero costs this long a pause.
const PAUSE: Duration = Duration::from_secs(60);

/// A second without a fault gives back one point in so many.
const SECONDS_PER_POINT: u64 = 3;

/// Until when a peer is kept out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ban {
    /// Until this instant.
    Until(Instant),
    /// As long as the node runs.
    Permanent,
}

/// What a fault costs the peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sentence {
    /// Its score fell; it stays connected.
    Warned,
    /// It is disconnected and may come back.
    Dismissed,
    /// It is disconnected and kept out.
    Banned(Ban),
}

#[derive(Clone, Copy, Debug)]
struct Record {
    score: u32,
    updated: Instant,
    bans: u32,
    ban: Option<Ban>,
}

/// The records of all peers that did something wrong.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    records: BTreeMap<PeerId, Record>,
}

impl Ledger {
    /// Records a fault and passes sentence.
    pub fn record(&mut self, now: Instant, peer: PeerId, fault: Fault) -> Sentence {
        match fault.kind() {
            FaultKind::Incompatible => Sentence::Dismissed,
            FaultKind::Misbehaved => {
                let first = fault.ban().unwrap_or(PAUSE);
                Sentence::Banned(self.ban(now, peer, first))
            }
            FaultKind::Unreliable => {
                let record = self.entry(now, peer);
                record.score = record.score.saturating_sub(fault.points());
                if record.score > 0 {
                    return Sentence::Warned;
                }
                record.score = SCORE_BEST / 2;
                let ban = Ban::Until(now + PAUSE);
                record.ban = Some(ban);
                Sentence::Banned(ban)
            }
        }
    }

    /// Returns a peer's ban, if one is in force.
    #[must_use]
    pub fn banned(&self, now: Instant, peer: &PeerId) -> Option<Ban> {
        let ban = self.records.get(peer)?.ban?;
        match ban {
            Ban::Until(end) if end <= now => None,
            Ban::Until(_) | Ban::Permanent => Some(ban),
        }
    }

    /// Returns a peer's score, from 0 to [`SCORE_BEST`].
    #[must_use]
    pub fn score(&self, now: Instant, peer: &PeerId) -> u32 {
        self.records.get(peer).map_or(SCORE_BEST, |record| healed(record, now))
    }

    /// Lifts the bans that ended and returns whose they were.
    pub fn release(&mut self, now: Instant) -> Vec<PeerId> {
        let mut released = Vec::new();
        for (peer, record) in &mut self.records {
            if let Some(Ban::Until(end)) = record.ban
                && end <= now
            {
                record.ban = None;
                released.push(*peer);
            }
        }
        self.records.retain(|_, r| r.ban.is_some() || r.bans > 0 || healed(r, now) < SCORE_BEST);
        released
    }

    /// Returns how many peers have a record.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Tells whether nothing is held against anybody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    fn ban(&mut self, now: Instant, peer: PeerId, first: Duration) -> Ban {
        let record = self.entry(now, peer);
        record.bans = record.bans.saturating_add(1);
        // Each ban lasts six times the last, then for ever.
        let ban = if record.bans > BANS_TEMPORARY_MAX {
            Ban::Permanent
        } else {
            Ban::Until(now + first.saturating_mul(6_u32.saturating_pow(record.bans - 1)))
        };
        record.ban = Some(ban);
        ban
    }

    fn entry(&mut self, now: Instant, peer: PeerId) -> &mut Record {
        if self.records.len() >= RECORDS_MAX && !self.records.contains_key(&peer) {
            let soonest = self.records.iter().min_by_key(|(_, record)| match record.ban {
                None => (0, now),
                Some(Ban::Until(end)) => (1, end),
                Some(Ban::Permanent) => (2, record.updated),
            });
            if let Some(peer) = soonest.map(|(peer, _)| *peer) {
                self.records.remove(&peer);
            }
        }
        let fresh = Record { score: SCORE_BEST, updated: now, bans: 0, ban: None };
        let record = self.records.entry(peer).or_insert(fresh);
        record.score = healed(record, now);
        record.updated = now;
        record
    }
}

fn healed(record: &Record, now: Instant) -> u32 {
    let quiet = now.saturating_duration_since(record.updated).as_secs() / SECONDS_PER_POINT;
    let points = u32::try_from(quiet).unwrap_or(u32::MAX);
    record.score.saturating_add(points).min(SCORE_BEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misbehaviour_is_banned_longer_each_time_and_then_for_ever() {
        let (mut ledger, peer, mut now) = (Ledger::default(), PeerId::random(), Instant::now());
        let mut last = Duration::ZERO;
        for _ in 0..BANS_TEMPORARY_MAX {
            let Sentence::Banned(Ban::Until(end)) = ledger.record(now, peer, Fault::Garbage) else {
                panic!("expected a temporary ban")
            };
            assert!(end - now > last);
            assert!(ledger.banned(now, &peer).is_some());
            last = end - now;
            now = end;
            assert_eq!(ledger.release(now), vec![peer]);
            assert_eq!(ledger.banned(now, &peer), None);
        }
        let sentence = ledger.record(now, peer, Fault::Garbage);
        assert_eq!(sentence, Sentence::Banned(Ban::Permanent));
        let later = now + Duration::from_secs(1 << 30);
        assert!(ledger.release(later).is_empty());
        assert_eq!(ledger.banned(later, &peer), Some(Ban::Permanent));
    }

    #[test]
    fn other_chain_is_let_go_without_a_record() {
        let (mut ledger, peer, now) = (Ledger::default(), PeerId::random(), Instant::now());
        let sentence = ledger.record(now, peer, Fault::OtherGenesis);
        assert_eq!(sentence, Sentence::Dismissed);
        assert_eq!(ledger.banned(now, &peer), None);
        assert!(ledger.is_empty());
    }

    #[test]
    fn stalls_lower_the_score_until_a_pause_and_time_heals() {
        let (mut ledger, peer, now) = (Ledger::default(), PeerId::random(), Instant::now());
        assert_eq!(ledger.record(now, peer, Fault::Timeout), Sentence::Warned);
        assert_eq!(ledger.score(now, &peer), 80);
        assert_eq!(ledger.score(now + Duration::from_secs(30), &peer), 90);
        let sentences: Vec<_> = (0..4).map(|_| ledger.record(now, peer, Fault::Timeout)).collect();
        assert!(matches!(sentences[3], Sentence::Banned(Ban::Until(_))), "{sentences:?}");
    }

    #[test]
    fn records_are_bounded() {
        let (mut ledger, now) = (Ledger::default(), Instant::now());
        for _ in 0..RECORDS_MAX + 10 {
            ledger.record(now, PeerId::random(), Fault::Garbage);
        }
        assert_eq!(ledger.len(), RECORDS_MAX);
    }
}
