//! The synchroniser: decides what to ask of whom, and what to give to the chain. No I/O, no clock.

use std::collections::{BTreeMap, VecDeque};

use mbt_consensus::{Block, BlockId, BodyError, Header, InvalidBody};

use super::{
    event::{
        BlockOutcome, Effect, HeadersOutcome, Input, Job, Millis, RequestFailure, RequestId, Tip,
    },
    limits::Limits,
    peers::Peers,
    window::{Stage, Window},
};
use crate::network::{Fault, FaultKind};

/// Most runs of headers whose sender is remembered, so that it answers for invalid blocks.
const SOURCES_MAX: usize = 256;

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

    fn take_headers(&mut self, request: RequestId, headers: Vec<Header>) {
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

    fn headers_imported(&mut self, peer: P, outcome: HeadersOutcome) {
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

    fn rest(&mut self, peer: P, ms: u64) {
        if let Some(entry) = self.peers.get_mut(&peer) {
            entry.rests_until = self.now.saturating_add(ms);
        }
    }

    fn pause(&mut self) {
        self.paused_until = self.now.saturating_add(self.limits.own_fault_ms);
    }

    fn take_bodies(&mut self, request: RequestId, bodies: Vec<(BlockId, Vec<u8>)>) {
        let Some(Pending { peer, asked: Asked::Bodies(asked), .. }) = self.pending.remove(&request)
        else {
            return;
        };
        let mut expected = asked.iter();
        let mut jobs = Vec::with_capacity(bodies.len());
        for (id, body) in bodies {
            let Some((number, _)) = expected.by_ref().find(|(_, asked)| *asked == id) else {
                self.window.release(request);
                return self.report(peer, Fault::Unasked);
            };
            jobs.extend(self.job(*number, id, body));
        }
        self.window.release(request);
        if jobs.is_empty() {
            self.peers.finished(&peer);
            return self.without(peer, &asked);
        }
        self.peers.answered(&peer);
        self.effects.push_back(Effect::Prepare { peer, jobs });
    }

    /// Makes a job of a body that is still missing.
    fn job(&mut self, number: u64, id: BlockId, body: Vec<u8>) -> Option<Job> {
        let slot = self.window.slot(number, &id)?;
        if !matches!(slot.stage, Stage::Missing | Stage::Asked { .. }) {
            return None;
        }
        let header = slot.header.clone();
        self.window.set(number, &id, Stage::Preparing { bytes: body.len() });
        Some(Job { id, header, body })
    }

    /// Notes that a peer has no body of those it was asked for.
    fn without(&mut self, peer: P, asked: &[(u64, BlockId)]) {
        let mut news = false;
        for (number, id) in asked {
            if let Some(slot) = self.window.slot(*number, id)
                && matches!(slot.stage, Stage::Missing)
            {
                news |= slot.refused.insert(peer);
            }
        }
        if news {
            let at = self.now.saturating_add(self.limits.own_fault_ms);
            self.forgive_at = Some(self.forgive_at.unwrap_or(at));
            self.report(peer, Fault::Unproven);
        }
    }

    fn ready(&mut self, number: u64, id: &BlockId, block: Box<Block>) {
        let Some(slot) = self.window.slot(number, id) else { return };
        if let Stage::Preparing { bytes } = slot.stage {
            self.window.set(number, id, Stage::Ready { bytes, block });
        }
    }

    fn refuse_body(&mut self, peer: P, number: u64, id: &BlockId) {
        if let Some(slot) = self.window.slot(number, id)
            && matches!(slot.stage, Stage::Preparing { .. })
        {
            slot.refused.insert(peer);
            self.window.set(number, id, Stage::Missing);
            let at = self.now.saturating_add(self.limits.own_fault_ms);
            self.forgive_at = Some(self.forgive_at.unwrap_or(at));
        }
        self.report(peer, Fault::InvalidBody);
    }

    /// Drops a block that commits to a body which makes it invalid. Whoever sent its header vouched
    /// for it, and whoever sent the body cannot have executed it.
    fn condemn(&mut self, peer: P, number: u64, proof: InvalidBody) {
        if let Some(announcer) = self.announcer(number).filter(|announcer| *announcer != peer) {
            self.report(announcer, Fault::InvalidBlock);
        }
        self.report(peer, Fault::InvalidBlock);
        // The chain names what is wanted without it; until then it is not asked for again.
        self.effects.push_back(Effect::MarkInvalid(proof));
        self.wanted_stale = true;
        self.peers.doubt();
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

    /// Returns who sent the header of a number last.
    fn announcer(&self, number: u64) -> Option<P> {
        let mut sources = self.sources.iter().rev();
        sources.find(|(first, last, _)| (*first..=*last).contains(&number)).map(|(_, _, p)| *p)
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

    fn ask_headers(&mut self) {
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

    /// Asks somebody else for the block that all others wait for.
    fn hedge(&mut self) {
        let Some((number, id, since)) = self.window.blocking() else { return };
        if since.saturating_add(self.limits.hedge_ms) > self.now {
            return;
        }
        let asked: Vec<P> = self
            .pending
            .values()
            .filter(|p| matches!(&p.asked, Asked::Bodies(ids) if ids.contains(&(number, id))))
            .map(|p| p.peer)
            .collect();
        let other = |peer: &P| asked.contains(peer);
        if self.peers.least_busy(&self.limits, self.now, number, other).is_none() {
            return;
        }
        for peer in asked {
            self.rest(peer, self.limits.rest_ms);
        }
        self.window.set(number, &id, Stage::Missing);
    }

    fn ask_bodies(&mut self) {
        let mut from = 0;
        while let Some((number, slot)) = self.window.first_missing(from) {
            let refused = |peer: &P| slot.refused.contains(peer);
            let peer = self.peers.least_busy(&self.limits, self.now, number, refused);
            from = number.saturating_add(1);
            let Some(peer) = peer else { continue };
            if !self.window.is_front(number) && self.reckoned_bytes() >= self.limits.held_bytes {
                return;
            }
            let mut run = self.window.missing_run(number, self.limits.bodies_per_request);
            run.retain(|(number, id)| {
                self.window.slot(*number, id).is_some_and(|slot| !slot.refused.contains(&peer))
            });
            let request = self.open(peer, Asked::Bodies(run.clone()));
            for (number, id) in &run {
                let since = self.now;
                self.window.set(*number, id, Stage::Asked { request, since });
            }
            let ids = run.into_iter().map(|(_, id)| id).collect();
            self.effects.push_back(Effect::AskBodies { peer, request, ids });
        }
    }

    /// Returns the bytes of bodies held and awaited.
    fn reckoned_bytes(&self) -> usize {
        let awaited = self.pending.values().filter(|p| matches!(p.asked, Asked::Bodies(_))).count();
        self.window.held_bytes.saturating_add(awaited.saturating_mul(self.limits.answer_bytes))
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

fn is_chain(headers: &[Header]) -> bool {
    headers.windows(2).all(|pair| {
        pair[0].number.checked_add(1) == Some(pair[1].number) && pair[1].parent_hash == pair[0].id()
    })
}
