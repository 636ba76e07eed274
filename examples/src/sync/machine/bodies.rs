//! Bodies: from all that have them, never from one that failed to show it.

use mbt_consensus::{Block, BlockId, InvalidBody};

use super::{
    super::{
        event::{Effect, Job, RequestId},
        window::Stage,
    },
    Asked, Pending, Synchroniser,
};
use crate::network::Fault;

impl<P: Copy + Ord> Synchroniser<P> {
    pub(super) fn ask_bodies(&mut self) {
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

    pub(super) fn take_bodies(&mut self, request: RequestId, bodies: Vec<(BlockId, Vec<u8>)>) {
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

    pub(super) fn ready(&mut self, number: u64, id: &BlockId, block: Box<Block>) {
        let Some(slot) = self.window.slot(number, id) else { return };
        if let Stage::Preparing { bytes } = slot.stage {
            self.window.set(number, id, Stage::Ready { bytes, block });
        }
    }

    pub(super) fn refuse_body(&mut self, peer: P, number: u64, id: &BlockId) {
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
    pub(super) fn condemn(&mut self, peer: P, number: u64, proof: InvalidBody) {
        if let Some(announcer) = self.announcer(number).filter(|announcer| *announcer != peer) {
            self.report(announcer, Fault::InvalidBlock);
        }
        self.report(peer, Fault::InvalidBlock);
        // The chain names what is wanted without it; until then it is not asked for again.
        self.effects.push_back(Effect::MarkInvalid(proof));
        self.wanted_stale = true;
        self.peers.doubt();
    }

    /// Asks somebody else for the block that all others wait for.
    pub(super) fn hedge(&mut self) {
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
}
