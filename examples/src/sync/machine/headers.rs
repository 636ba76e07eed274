//! Headers: from the peer that claims most work, one run at a time.

use mbt_consensus::Header;

use super::{
    super::event::{Effect, HeadersOutcome, RequestId},
    Asked, Pending, Synchroniser,
};
use crate::network::Fault;

/// Most runs of headers whose sender is remembered, so that it answers for invalid blocks.
const SOURCES_MAX: usize = 256;

impl<P: Copy + Ord> Synchroniser<P> {
    pub(super) fn ask_headers(&mut self) {
        let asking = self.pending.values().any(|p| matches!(p.asked, Asked::Headers { .. }));
        let ahead = self.best.number.saturating_sub(self.head.number);
        if asking
            || self.header_imports >= self.limits.header_imports_in_flight
            || ahead >= self.limits.headers_ahead
        {
            return;
        }
        let (peer, after) = match self.cursor {
            Some((peer, after)) => (peer, Some(after)),
            // What is under way may cover the claims of others.
            None if self.header_imports > 0 => return,
            None => match self.peers.best_above(&self.limits, self.now, self.best.total_work) {
                Some(peer) => (peer, Some(self.best.id)),
                None => return,
            },
        };
        let request = self.open(peer, Asked::Headers { after });
        self.effects.push_back(Effect::AskHeaders { peer, request, after });
    }

    pub(super) fn take_headers(&mut self, request: RequestId, headers: Vec<Header>) {
        let Some(Pending { peer, asked: Asked::Headers { after }, .. }) =
            self.pending.remove(&request)
        else {
            return;
        };
        if headers.len() > self.limits.headers_per_request {
            return self.report(peer, Fault::Unasked);
        }
        if !is_chain(&headers) {
            return self.report(peer, Fault::BrokenChain);
        }
        self.peers.answered(&peer);
        let full = headers.len() == self.limits.headers_per_request;
        let Some(last) = headers.last() else {
            self.cursor = None;
            return self.end_of_headers(peer);
        };
        if let Some(entry) = self.peers.get_mut(&peer) {
            entry.ahead = false;
            entry.number = entry.number.max(last.number);
            entry.exhausted = !full;
        }
        // A run that goes on is asked for while this part is being checked.
        let goes_on = full && after.is_none_or(|after| headers[0].parent_hash == after);
        self.cursor = goes_on.then(|| (peer, last.id()));
        if self.sources.len() == SOURCES_MAX {
            self.sources.pop_front();
        }
        self.sources.push_back((headers[0].number, last.number, peer));
        self.header_imports = self.header_imports.saturating_add(1);
        self.effects.push_back(Effect::ImportHeaders { peer, headers });
    }

    /// The peer has no more headers: its claim must be covered by those that it sent.
    fn end_of_headers(&mut self, peer: P) {
        let claim = self.peers.get_mut(&peer).map(|entry| {
            entry.exhausted = true;
            entry.ahead = false;
            entry.total_work
        });
        let settled = self.header_imports == 0;
        if settled && claim.is_some_and(|work| work > self.best.total_work) {
            self.report(peer, Fault::Unproven);
        }
    }

    pub(super) fn headers_imported(&mut self, peer: P, outcome: HeadersOutcome) {
        self.header_imports = self.header_imports.saturating_sub(1);
        let fault = match outcome {
            HeadersOutcome::Taken { added } => {
                self.wanted_stale |= added > 0;
                self.count_stale(peer, added);
                return;
            }
            HeadersOutcome::Invalid => Some(Fault::InvalidHeader),
            HeadersOutcome::Detached => Some(Fault::BrokenChain),
            HeadersOutcome::TooFarAhead | HeadersOutcome::Future => {
                self.rest(peer, self.limits.rest_ms);
                None
            }
            HeadersOutcome::BelowHistory => None,
            HeadersOutcome::OwnFault => {
                self.pause();
                None
            }
        };
        self.cursor = None;
        self.wanted_stale = true;
        if let Some(entry) = self.peers.get_mut(&peer) {
            entry.exhausted = matches!(outcome, HeadersOutcome::BelowHistory);
        }
        if let Some(fault) = fault {
            self.report(peer, fault);
        }
    }

    fn count_stale(&mut self, peer: P, added: usize) {
        let Some(entry) = self.peers.get_mut(&peer) else { return };
        entry.stale_answers = if added > 0 { 0 } else { entry.stale_answers.saturating_add(1) };
        if entry.stale_answers > self.limits.stale_answers {
            entry.stale_answers = 0;
            entry.exhausted = true;
            self.cursor = None;
            self.report(peer, Fault::Unproven);
        }
    }

    /// Returns who sent the header of a number last.
    pub(super) fn announcer(&self, number: u64) -> Option<P> {
        let mut sources = self.sources.iter().rev();
        sources.find(|(first, last, _)| (*first..=*last).contains(&number)).map(|(_, _, p)| *p)
    }
}

fn is_chain(headers: &[Header]) -> bool {
    headers.windows(2).all(|pair| {
        pair[0].number.checked_add(1) == Some(pair[1].number) && pair[1].parent_hash == pair[0].id()
    })
}
