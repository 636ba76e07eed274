//! What the swarm's task does when something comes from a peer.

use std::{io, sync::Arc, time::Instant};

use libp2p::{
    Multiaddr, PeerId,
    core::ConnectedPoint,
    gossipsub, identify,
    request_response::{self, OutboundFailure, OutboundRequestId, ResponseChannel},
    swarm::{DialError, SwarmEvent},
};

use super::{
    Fault,
    behaviour::BehaviourEvent,
    codec::ReadRequest,
    driver::{Done, Driver, NetworkNote, Purpose},
    handle::{Direction, PeerInfo},
    message::{Request, Response, Status},
    serve, validate,
};
use crate::sync::RequestFailure;

/// Most gossiped messages checked at once. What comes on top is not passed on.
const CHECKING_MAX: usize = 24;

/// Most accepted blocks and pooled transactions under way.
const SETTLING_MAX: usize = 32;

/// Most requests of one peer answered at once. What comes on top is refused.
const SERVING_PER_PEER_MAX: usize = 8;

/// Most requests answered at once.
const SERVING_MAX: usize = 32;

/// Longest name of a peer's program that is kept.
const AGENT_CHARS_MAX: usize = 64;

impl Driver {
    pub(super) fn swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.behaviour_event(event),
            SwarmEvent::ConnectionEstablished { peer_id, endpoint, num_established, .. } => {
                if let ConnectedPoint::Dialer { address, .. } = &endpoint {
                    self.dials.connected(address, peer_id);
                }
                if num_established.get() == 1 {
                    self.meet(peer_id, &endpoint);
                }
            }
            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, cause, .. } => {
                tracing::debug!(peer = %peer_id, ?cause, "peer left");
                self.part(&peer_id);
            }
            SwarmEvent::OutgoingConnectionError { peer_id, error, .. } => {
                if let (Some(peer), DialError::LocalPeerId { .. }) = (peer_id, &error) {
                    self.dials.forget(&peer);
                }
                tracing::debug!(peer = ?peer_id, %error, "peer not reached");
            }
            SwarmEvent::IncomingConnectionError { error, .. } => {
                tracing::debug!(%error, "connection refused");
            }
            _ => {}
        }
    }

    fn meet(&mut self, peer: PeerId, endpoint: &ConnectedPoint) {
        let (address, direction): (Multiaddr, Direction) = match endpoint {
            ConnectedPoint::Dialer { address, .. } => (address.clone(), Direction::Outbound),
            ConnectedPoint::Listener { send_back_addr, .. } => {
                (send_back_addr.clone(), Direction::Inbound)
            }
        };
        tracing::debug!(%peer, %address, ?direction, "peer connected");
        let score = self.ledger.score(Instant::now(), &peer);
        let info = PeerInfo { id: peer, address, direction, agent: None, status: None, score };
        self.tables.peers.lock().insert(peer, info);
        self.count_peers();
        self.ask(peer, Purpose::Status, Request::Status(self.own));
    }

    fn part(&mut self, peer: &PeerId) {
        self.tables.peers.lock().remove(peer);
        self.pools_asked.remove(peer);
        self.farewells.remove(peer);
        self.count_peers();
        self.dials.disconnected(Instant::now(), peer);
        self.tell(NetworkNote::Gone(*peer));
    }

    fn count_peers(&self) {
        let peers = self.tables.peers.lock().len();
        self.node.update_status(|status| status.peers = peers);
    }

    fn behaviour_event(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Requests(event) => self.request_event(event),
            BehaviourEvent::Gossip(gossipsub::Event::Message {
                propagation_source,
                message_id,
                message,
            }) => self.gossiped(propagation_source, message_id, message),
            BehaviourEvent::Identify(identify::Event::Received { peer_id, info, .. }) => {
                if let Some(entry) = self.tables.peers.lock().get_mut(&peer_id) {
                    entry.agent = Some(info.agent_version.chars().take(AGENT_CHARS_MAX).collect());
                }
            }
            _ => {}
        }
    }

    fn request_event(&mut self, event: request_response::Event<ReadRequest, Response>) {
        use request_response::{Event, Message};
        match event {
            Event::Message { peer, message, .. } => match message {
                Message::Request { request: Ok(request), channel, .. } => {
                    self.asked_by(peer, request, channel);
                }
                Message::Request { request: Err(error), .. } => {
                    tracing::debug!(%peer, %error, "request is no message");
                    self.blame(peer, Fault::Garbage);
                }
                Message::Response { request_id, response } => {
                    self.answered_by(peer, request_id, response);
                }
            },
            Event::OutboundFailure { peer, request_id, error, .. } => {
                self.unanswered_by(peer, request_id, &error);
            }
            Event::InboundFailure { .. } | Event::ResponseSent { .. } => {}
        }
    }

    fn asked_by(&mut self, peer: PeerId, request: Request, channel: ResponseChannel<Response>) {
        if let Request::Status(status) = request {
            self.respond(channel, Response::Status(self.own));
            self.learn(peer, status);
            return;
        }
        let total: usize = self.serving.values().sum();
        let count = self.serving.entry(peer).or_default();
        if *count >= SERVING_PER_PEER_MAX || total >= SERVING_MAX {
            // Without an answer the channel closes, which tells the peer.
            return;
        }
        *count = count.saturating_add(1);
        let (node, done, own) = (self.node.clone(), self.done.clone(), self.own);
        tokio::spawn(async move {
            let work = move || serve::answer(&node, &own, request);
            let response = match tokio::task::spawn_blocking(work).await {
                Ok(Ok(response)) => Some(response),
                Ok(Err(error)) => {
                    tracing::error!(%error, "a peer's request cannot be answered");
                    None
                }
                Err(_) => None,
            };
            drop(done.send(Done::Served { peer, channel, response }).await);
        });
    }

    fn answered_by(&mut self, peer: PeerId, id: OutboundRequestId, response: Response) {
        let Some((_, purpose)) = self.asked.remove(&id) else { return };
        match (purpose, response) {
            (Purpose::Status, Response::Status(status)) => {
                self.dials.useful(&peer);
                self.learn(peer, status);
            }
            (Purpose::Pooled, Response::Pooled(transactions)) => {
                self.settle_pooled(peer, transactions);
            }
            (Purpose::Sync(request), response @ (Response::Headers(_) | Response::Bodies(_))) => {
                self.tell(NetworkNote::Answer { request, response });
            }
            (purpose, _) => {
                if let Purpose::Sync(request) = purpose {
                    let failure = RequestFailure::Garbage;
                    self.tell(NetworkNote::Failed { request, failure });
                }
                self.blame(peer, Fault::Unasked);
            }
        }
    }

    fn unanswered_by(&mut self, peer: PeerId, id: OutboundRequestId, error: &OutboundFailure) {
        let Some((_, purpose)) = self.asked.remove(&id) else { return };
        let (failure, fault) = match error {
            OutboundFailure::Timeout => (RequestFailure::Timeout, Some(Fault::Timeout)),
            OutboundFailure::UnsupportedProtocols => {
                (RequestFailure::Refused, Some(Fault::OtherProtocol))
            }
            OutboundFailure::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                (RequestFailure::Garbage, Some(Fault::Garbage))
            }
            _ => (RequestFailure::Refused, None),
        };
        // Stalls of its own requests are the synchroniser's to report.
        let fault = match (purpose, fault) {
            (Purpose::Sync(_), Some(Fault::Timeout)) => None,
            (_, fault) => fault,
        };
        if let Purpose::Sync(request) = purpose {
            self.tell(NetworkNote::Failed { request, failure });
        }
        if let Some(fault) = fault {
            self.blame(peer, fault);
        }
    }

    /// Notes how far a peer is, or lets it go when it is on another chain.
    fn learn(&mut self, peer: PeerId, status: Status) {
        if self.farewells.contains_key(&peer) {
            return;
        }
        let (found, expected) = (status.chain_id, self.own.chain_id);
        if found != expected {
            self.blame(peer, Fault::OtherChain { found, expected });
        } else if status.genesis_id != self.own.genesis_id {
            self.blame(peer, Fault::OtherGenesis);
        } else if let Some(info) = self.tables.peers.lock().get_mut(&peer) {
            info.status = Some(status);
            self.tell(NetworkNote::Peer { peer, status });
        }
    }

    fn gossiped(&mut self, peer: PeerId, id: gossipsub::MessageId, message: gossipsub::Message) {
        let is_block = message.topic == self.topics.blocks.hash();
        let busy = self.checking >= CHECKING_MAX || (is_block && self.settling >= SETTLING_MAX);
        // Transactions cannot be judged on a state of long ago.
        if busy || (!is_block && self.syncing()) {
            self.judge(&peer, &id, gossipsub::MessageAcceptance::Ignore);
            return;
        }
        self.checking = self.checking.saturating_add(1);
        if is_block {
            self.check_block(peer, id, message.data);
        } else {
            self.check_bundle(peer, id, message.data);
        }
    }

    fn check_block(&self, peer: PeerId, message: gossipsub::MessageId, bytes: Vec<u8>) {
        let (node, done) = (self.node.clone(), self.done.clone());
        tokio::spawn(async move {
            let (verdict, block) = validate::block(&node, &bytes).await;
            let id = block.as_ref().map(|block| block.header.id());
            let checked = Done::Checked { peer, message, verdict, block: id };
            if done.send(checked).await.is_err() {
                return;
            }
            if let Some(block) = block {
                validate::import(&node, block).await;
                drop(done.send(Done::Settled { peer, fault: None }).await);
            }
        });
    }

    fn check_bundle(&self, peer: PeerId, message: gossipsub::MessageId, bytes: Vec<u8>) {
        let (node, done) = (self.node.clone(), self.done.clone());
        tokio::spawn(async move {
            let work = move || validate::bundle(&node, &bytes);
            let verdict = tokio::task::spawn_blocking(work).await;
            let verdict = verdict.unwrap_or(validate::Verdict::IGNORE);
            drop(done.send(Done::Checked { peer, message, verdict, block: None }).await);
        });
    }

    fn settle_pooled(&mut self, peer: PeerId, transactions: Vec<Vec<u8>>) {
        if self.settling >= SETTLING_MAX || transactions.is_empty() {
            return;
        }
        self.settling = self.settling.saturating_add(1);
        let (node, done) = (self.node.clone(), self.done.clone());
        let transactions = Arc::new(transactions);
        tokio::spawn(async move {
            let work = move || validate::transactions(&node, &transactions).fault;
            let fault = tokio::task::spawn_blocking(work).await.unwrap_or(None);
            drop(done.send(Done::Settled { peer, fault }).await);
        });
    }
}
