//! The synchroniser: decides what to ask of whom, and what to give to the chain. No I/O, no clock.

mod bodies;
mod headers;

use std::collections::{BTreeMap, VecDeque};

use mbt_consensus::{BlockId, BodyError};

use super::{
    event::{BlockOutcome, Effect, Input, Millis, RequestFailure, RequestId, Tip},
    limits::Limits,
    peers::Peers,
    window::Window,
};
use crate::network::{Fault, FaultKind};

#[derive(Clone, Debug)]
enum Asked {
    Headers { after: Option<BlockId> },
    Bodies(Vec<(u64, BlockId)>),
}

#[derive(Clone, Debug)]
struct Pending<P> {
    peer: P,
    asked: Asked,
    due: Millis,
}

/// How far a synchroniser is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Progress {
    /// The last executed block.
    pub current: u64,
    /// The highest block known of.
    pub highest: u64,
    /// Whether blocks are missing.
    pub syncing: bool,
}

/// Brings a chain up to the best of its peers: headers from the peer that claims most work, then
/// bodies from all that have them, then blocks into the chain, in order.
///
/// Drain [`Synchroniser::poll_effect`] until `None` before the next [`Synchroniser::handle`].
#[derive(Clone, Debug)]
pub struct Synchroniser<P> {
    limits: Limits,
    peers: Peers<P>,
    pending: BTreeMap<RequestId, Pending<P>>,
    last_request: u64,
    window: Window<P>,
    head: Tip,
    best: Tip,
    /// Last header received in this run and who sends the run.
    cursor: Option<(P, BlockId)>,
    header_imports: usize,
    sources: VecDeque<(u64, u64, P)>,
    wanted_asked: bool,
    wanted_stale: bool,
    /// Where head and headers ended when the chain was last asked for missing bodies.
    wanted_at: Option<(u64, BlockId)>,
    paused_until: Millis,
    forgive_at: Option<Millis>,
    now: Millis,
    effects: VecDeque<Effect<P>>,
}

impl<P: Copy + Ord> Synchroniser<P> {
    /// Starts with no peer.
    #[must_use]
    pub fn new(limits: Limits, head: Tip, best: Tip) -> Self {
        Self {
            limits,
            peers: Peers::default(),
            pending: BTreeMap::new(),
            last_request: 0,
            window: Window::default(),
            head,
            best,
            cursor: None,
            header_imports: 0,
            sources: VecDeque::new(),
            wanted_asked: false,
            wanted_stale: best.number > head.number,
            wanted_at: None,
            paused_until: 0,
            forgive_at: None,
            now: 0,
            effects: VecDeque::new(),
        }
    }

    /// Returns how far it is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let claimed = if self.pending.is_empty() { 0 } else { self.peers.highest() };
        let highest = self.best.number.max(claimed).max(self.head.number);
        let behind = highest > self.head.number.saturating_add(1);
        Progress { current: self.head.number, highest, syncing: behind }
    }

    /// Returns how many peers are on the same chain.
    #[must_use]
    pub fn peer_count(&self) -> usize {
        self.peers.len()
    }

    /// Takes the next effect.
    pub fn poll_effect(&mut self) -> Option<Effect<P>> {
        self.effects.pop_front()
    }

    /// Returns when [`Input::DeadlineReached`] is due.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Millis> {
        let requests = self.pending.values().map(|pending| pending.due).min();
        let hedge = self.window.blocking();
        let hedge = hedge.map(|(_, _, since)| since.saturating_add(self.limits.hedge_ms));
        let pause = Some(self.paused_until).filter(|until| *until > self.now);
        let rested = self.peers.next_rested(self.now);
        let times = [requests, hedge.filter(|at| *at > self.now), pause, rested, self.forgive_at];
        times.into_iter().flatten().min()
    }

    /// Applies one input.
    pub fn handle(&mut self, now: Millis, input: Input<P>) {
        self.now = self.now.max(now);
        match input {
            Input::Peer { peer, number, total_work } => {
                self.peers.claim(&self.limits, peer, number, total_work);
            }
            Input::Ahead(peer) => {
                if let Some(entry) = self.peers.get_mut(&peer) {
                    entry.ahead = true;
                }
            }
            Input::Gone(peer) => self.lose(peer),
            Input::Headers { request, headers } => self.take_headers(request, headers),
            Input::Bodies { request, bodies } => self.take_bodies(request, bodies),
            Input::Failed { request, failure } => self.fail(request, failure),
            Input::HeadersImported { peer, outcome } => self.headers_imported(peer, outcome),
            Input::Prepared { peer, id, number, outcome } => match outcome {
                Ok(block) => self.ready(number, &id, block),
                Err(BodyError::Invalid(proof)) => self.condemn(peer, number, proof),
                Err(_) => self.refuse_body(peer, number, &id),
            },
            Input::BlockImported { id, number, outcome } => {
                self.block_imported(id, number, outcome);
            }
            Input::Wanted(wanted) => {
                self.wanted_asked = false;
                self.window.merge(wanted);
            }
            Input::Own { head, best } => self.own(head, best),
            Input::DeadlineReached => {}
        }
        self.expire();
        self.advance();
    }

    fn own(&mut self, head: Tip, best: Tip) {
        if best.id != self.best.id && best.number > head.number {
            self.wanted_stale = true;
        }
        self.head = head;
        self.best = best;
    }

    fn lose(&mut self, peer: P) {
        self.peers.remove(&peer);
        if self.cursor.is_some_and(|(source, _)| source == peer) {
            self.cursor = None;
        }
        let lost: Vec<_> =
            self.pending.iter().filter(|(_, p)| p.peer == peer).map(|(id, _)| *id).collect();
        for request in lost {
            self.pending.remove(&request);
            self.window.release(request);
        }
    }

    fn report(&mut self, peer: P, fault: Fault) {
        self.effects.push_back(Effect::Report { peer, fault });
        if fault.kind() != FaultKind::Unreliable {
            self.lose(peer);
        }
    }

    fn fail(&mut self, request: RequestId, failure: RequestFailure) {
        let Some(pending) = self.pending.remove(&request) else { return };
        self.window.release(request);
        self.peers.strike(&self.limits, self.now, &pending.peer);
        if matches!(pending.asked, Asked::Headers { .. }) {
            self.cursor = None;
        }
        match failure {
            RequestFailure::Refused => self.report(pending.peer, Fault::Refused),
            RequestFailure::Timeout => self.report(pending.peer, Fault::Timeout),
            RequestFailure::Garbage => {}
        }
    }

    fn expire(&mut self) {
        let now = self.now;
        let late: Vec<_> =
            self.pending.iter().filter(|(_, p)| p.due <= now).map(|(id, _)| *id).collect();
        for request in late {
            self.fail(request, RequestFailure::Timeout);
        }
        if self.forgive_at.is_some_and(|at| at <= now) {
            self.forgive_at = None;
            self.window.forgive();
        }
    }

    fn rest(&mut self, peer: P, ms: u64) {
        if let Some(entry) = self.peers.get_mut(&peer) {
            entry.rests_until = self.now.saturating_add(ms);
        }
    }

    fn pause(&mut self) {
        self.paused_until = self.now.saturating_add(self.limits.own_fault_ms);
    }

    fn block_imported(&mut self, id: BlockId, number: u64, outcome: BlockOutcome) {
        match outcome {
            BlockOutcome::Taken => {
                self.window.imported(number, id);
                self.head.number = self.head.number.max(number);
                return;
            }
            BlockOutcome::Invalid => {
                self.peers.doubt();
                if let Some(peer) = self.announcer(number) {
                    self.report(peer, Fault::InvalidBlock);
                }
            }
            BlockOutcome::Later => self.paused_until = self.now.saturating_add(self.limits.rest_ms),
            BlockOutcome::OwnFault => self.pause(),
        }
        self.window.clear();
        self.wanted_stale = true;
    }

    fn advance(&mut self) {
        if self.paused_until > self.now {
            return;
        }
        self.ask_headers();
        self.find_wanted();
        self.hedge();
        self.ask_bodies();
        self.import();
    }

    fn find_wanted(&mut self) {
        let low = self.window.len() < self.limits.window_blocks / 2;
        let ahead = self.best.number.saturating_sub(self.head.number);
        let more = ahead > u64::try_from(self.window.len()).unwrap_or(u64::MAX);
        let at = Some((self.head.number, self.best.id));
        let due = self.wanted_stale && (low || self.window.importing() == 0);
        if self.wanted_asked || !(due || (low && more && self.wanted_at != at)) {
            return;
        }
        self.wanted_asked = true;
        self.wanted_stale = false;
        self.wanted_at = at;
        self.effects.push_back(Effect::FindWanted { max: self.limits.window_blocks });
    }

    fn import(&mut self) {
        let mut importing = self.window.importing();
        while importing < self.limits.imports_in_flight {
            let Some((id, block)) = self.window.pop_ready() else { return };
            self.effects.push_back(Effect::ImportBlock { id, block });
            importing = importing.saturating_add(1);
        }
    }

    fn open(&mut self, peer: P, asked: Asked) -> RequestId {
        self.last_request = self.last_request.wrapping_add(1);
        let request = RequestId(self.last_request);
        let due = self.now.saturating_add(self.limits.request_ms);
        self.pending.insert(request, Pending { peer, asked, due });
        if let Some(entry) = self.peers.get_mut(&peer) {
            entry.in_flight = entry.in_flight.saturating_add(1);
        }
        request
    }
}
