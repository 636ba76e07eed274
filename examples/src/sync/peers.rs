//! What the synchroniser knows of its peers.

use std::collections::BTreeMap;

use mbt_crypto::U256;

use super::{event::Millis, limits::Limits};

/// A peer on the same chain.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Peer {
    /// Number of the head it claims.
    pub(super) number: u64,
    /// Work it claims.
    pub(super) total_work: U256,
    /// It sent a block whose parent is unknown: it has headers, whatever it claimed.
    pub(super) ahead: bool,
    /// It showed all headers that it has for its present claim.
    pub(super) exhausted: bool,
    /// Requests under way.
    pub(super) in_flight: usize,
    /// Failures in a row.
    pub(super) strikes: u32,
    /// It is not asked before.
    pub(super) rests_until: Millis,
    /// Answers in a row that brought no new header.
    pub(super) stale_answers: u32,
}

/// All peers on the same chain, at most [`Limits::peers_max`].
#[derive(Clone, Debug)]
pub(super) struct Peers<P>(BTreeMap<P, Peer>);

impl<P> Default for Peers<P> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<P: Copy + Ord> Peers<P> {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn claim(&mut self, limits: &Limits, peer: P, number: u64, total_work: U256) {
        if self.0.len() >= limits.peers_max && !self.0.contains_key(&peer) {
            return;
        }
        let entry = self.0.entry(peer).or_default();
        if entry.total_work != total_work {
            entry.exhausted = false;
        }
        entry.number = number;
        entry.total_work = total_work;
    }

    pub(super) fn get_mut(&mut self, peer: &P) -> Option<&mut Peer> {
        self.0.get_mut(peer)
    }

    pub(super) fn remove(&mut self, peer: &P) {
        self.0.remove(peer);
    }

    /// Lets all peers show their chains again, because a block was found invalid: one whose chain
    /// holds it offers it again and is blamed, though it was announced in an earlier run.
    pub(super) fn doubt(&mut self) {
        for peer in self.0.values_mut() {
            peer.exhausted = false;
        }
    }

    pub(super) fn finished(&mut self, peer: &P) {
        if let Some(entry) = self.0.get_mut(peer) {
            entry.in_flight = entry.in_flight.saturating_sub(1);
        }
    }

    pub(super) fn answered(&mut self, peer: &P) {
        self.finished(peer);
        if let Some(entry) = self.0.get_mut(peer) {
            entry.strikes = 0;
        }
    }

    /// Counts a failure: each in a row makes the peer rest twice as long.
    pub(super) fn strike(&mut self, limits: &Limits, now: Millis, peer: &P) {
        self.finished(peer);
        if let Some(entry) = self.0.get_mut(peer) {
            entry.strikes = entry.strikes.saturating_add(1);
            let doublings = entry.strikes.saturating_sub(1).min(6);
            entry.rests_until = now.saturating_add(limits.rest_ms << doublings);
        }
    }

    /// Returns the free peer with the greatest claim that `work` does not cover.
    pub(super) fn best_above(&self, limits: &Limits, now: Millis, work: U256) -> Option<P> {
        let candidates = self.0.iter().filter(|(_, peer)| {
            let promising = peer.ahead || (peer.total_work > work && !peer.exhausted);
            promising && peer.free(limits, now)
        });
        candidates.max_by_key(|(_, peer)| (peer.total_work, peer.ahead)).map(|(peer, _)| *peer)
    }

    /// Returns the least busy free peer that may have the block of `number`.
    pub(super) fn least_busy(
        &self,
        limits: &Limits,
        now: Millis,
        number: u64,
        refused: impl Fn(&P) -> bool,
    ) -> Option<P> {
        let able = self.0.iter().filter(|(name, peer)| {
            (peer.number >= number || peer.ahead) && peer.free(limits, now) && !refused(name)
        });
        able.min_by_key(|(_, peer)| (peer.in_flight, peer.strikes)).map(|(peer, _)| *peer)
    }

    /// Returns when the next resting peer can be asked again.
    pub(super) fn next_rested(&self, now: Millis) -> Option<Millis> {
        self.0.values().map(|peer| peer.rests_until).filter(|rested| *rested > now).min()
    }

    pub(super) fn highest(&self) -> u64 {
        self.0.values().filter(|peer| !peer.exhausted).map(|peer| peer.number).max().unwrap_or(0)
    }
}

impl Peer {
    fn free(&self, limits: &Limits, now: Millis) -> bool {
        self.in_flight < limits.requests_per_peer && self.rests_until <= now
    }
}
