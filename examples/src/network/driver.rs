//! The task that owns the swarm.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use futures::StreamExt;
use libp2p::{
    PeerId, Swarm,
    gossipsub::{MessageAcceptance, MessageId, PublishError, TopicHash},
    request_response::{OutboundRequestId, ResponseChannel},
    swarm::dial_opts::DialOpts,
};
use mbt_consensus::BlockId;
use mbt_trie::Durability;
use tokio::sync::{
    broadcast::{self, error::RecvError},
    mpsc, watch,
};

use super::{
    Fault,
    behaviour::Behaviour,
    config::NetworkConfig,
    dial::DialList,
    gossip::Topics,
    handle::Tables,
    ledger::{Ledger, Sentence},
    message::{Request, Response, Status},
    outbox::{self, Outbox},
    validate::Verdict,
};
use crate::{
    node::{HeadEvent, NodeEvent, NodeHandle, Origin},
    sync::{Progress, RequestFailure, RequestId},
};

/// Most requests and faults that the synchroniser has waiting.
pub(super) const COMMANDS_MAX: usize = 1_024;

/// Most answers and news that wait for the synchroniser. It asks for far fewer.
pub(super) const NOTES_MAX: usize = 2_048;

/// Most finished checks and answers that wait for the task.
const DONE_MAX: usize = 64;

/// Time between two bundles of transactions.
const BUNDLE_TIME: Duration = Duration::from_millis(50);

/// Time between two looks at who is to be dialled, asked or released.
const CARE_TIME: Duration = Duration::from_millis(500);

/// How long a peer on another chain may read the answer that says so.
const FAREWELL_TIME: Duration = Duration::from_millis(500);

/// What the synchroniser wants of the network.
#[derive(Debug)]
pub(crate) enum Command {
    /// Ask a peer.
    Ask { peer: PeerId, request: RequestId, question: Request },
    /// Hold a fault against a peer.
    Report { peer: PeerId, fault: Fault },
}

/// What the synchroniser is told.
#[derive(Debug)]
pub(crate) enum NetworkNote {
    /// A peer on this chain says how far it is.
    Peer { peer: PeerId, status: Status },
    /// A peer has blocks whose parents are unknown here.
    Ahead(PeerId),
    /// A peer is gone.
    Gone(PeerId),
    /// An answer.
    Answer { request: RequestId, response: Response },
    /// A request brought nothing.
    Failed { request: RequestId, failure: RequestFailure },
}

/// What work away from the task brought.
#[derive(Debug)]
pub(super) enum Done {
    /// A gossiped message was checked. Some for a block that goes on to be imported.
    Checked { peer: PeerId, message: MessageId, verdict: Verdict, block: Option<BlockId> },
    /// An accepted block was imported, or pooled transactions were checked.
    Settled { peer: PeerId, fault: Option<Fault> },
    /// A request can be answered.
    Served { peer: PeerId, channel: ResponseChannel<Response>, response: Option<Response> },
}

/// Why a request was sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// The synchroniser's.
    Sync(RequestId),
    /// To learn how far the peer is.
    Status,
    /// To fill the pool.
    Pooled,
}

/// The task that owns the swarm.
pub(super) struct Driver {
    pub(super) swarm: Swarm<Behaviour>,
    pub(super) node: NodeHandle,
    pub(super) topics: Topics,
    pub(super) own: Status,
    pub(super) tables: Arc<Tables>,
    pub(super) ledger: Ledger,
    pub(super) dials: DialList,
    pub(super) outbox: Outbox,
    pub(super) asked: HashMap<OutboundRequestId, (PeerId, Purpose)>,
    /// Requests being answered, by peer.
    pub(super) serving: BTreeMap<PeerId, usize>,
    /// Gossiped messages being checked.
    pub(super) checking: usize,
    /// Accepted blocks being imported and pooled transactions being checked.
    pub(super) settling: usize,
    /// Peers on another chain and when they are let go.
    pub(super) farewells: BTreeMap<PeerId, Instant>,
    /// Connected peers whose pool was asked for.
    pub(super) pools_asked: BTreeMap<PeerId, ()>,
    pub(super) done: mpsc::Sender<Done>,
    done_queue: mpsc::Receiver<Done>,
    notes: mpsc::Sender<NetworkNote>,
    commands: mpsc::Receiver<Command>,
    events: broadcast::Receiver<NodeEvent>,
    progress: watch::Receiver<Progress>,
    status_interval: Duration,
    status_due: Instant,
}

impl Driver {
    #[allow(clippy::too_many_arguments, reason = "called once, by the network's start")]
    pub(super) fn new(
        swarm: Swarm<Behaviour>,
        topics: Topics,
        genesis_id: BlockId,
        config: &NetworkConfig,
        node: NodeHandle,
        tables: Arc<Tables>,
        notes: mpsc::Sender<NetworkNote>,
        commands: mpsc::Receiver<Command>,
        progress: watch::Receiver<Progress>,
    ) -> Self {
        let (done, done_queue) = mpsc::channel(DONE_MAX);
        let events = node.events();
        let head = node.head();
        let own = Status {
            chain_id: node.chain_config().chain_id,
            genesis_id,
            head_id: head.id,
            number: head.number,
            total_work: head.total_work,
        };
        let now = Instant::now();
        let mut dials = DialList::default();
        dials.add(now, config.peers.iter().cloned());
        Self {
            swarm,
            node,
            topics,
            own,
            tables,
            ledger: Ledger::default(),
            dials,
            outbox: Outbox::default(),
            asked: HashMap::new(),
            serving: BTreeMap::new(),
            checking: 0,
            settling: 0,
            farewells: BTreeMap::new(),
            pools_asked: BTreeMap::new(),
            done,
            done_queue,
            notes,
            commands,
            events,
            progress,
            status_interval: config.status_interval,
            status_due: now,
        }
    }

    /// Runs until it is told to stop.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut bundles = tokio::time::interval(BUNDLE_TIME);
        let mut care = tokio::time::interval(CARE_TIME);
        loop {
            tokio::select! {
                event = self.swarm.select_next_some() => self.swarm_event(event),
                Some(done) = self.done_queue.recv() => self.finished(done),
                Some(command) = self.commands.recv() => self.obey(command),
                event = self.events.recv() => if !self.node_event(event) { break },
                _ = bundles.tick() => self.send_bundles(),
                _ = care.tick() => self.care(),
                () = ended(&mut stop) => break,
            }
        }
        self.node.update_status(|status| status.peers = 0);
        self.tables.peers.lock().clear();
    }

    /// Tells the synchroniser. What does not fit is asked for again after its time.
    pub(super) fn tell(&self, note: NetworkNote) {
        if let Err(error) = self.notes.try_send(note) {
            tracing::debug!(%error, "the synchroniser missed news");
        }
    }

    pub(super) fn syncing(&self) -> bool {
        self.progress.borrow().syncing
    }

    /// Holds a fault against a peer and carries out the sentence.
    pub(super) fn blame(&mut self, peer: PeerId, fault: Fault) {
        let now = Instant::now();
        let sentence = self.ledger.record(now, peer, fault);
        tracing::info!(%peer, %fault, ?sentence, "peer at fault");
        metrics::counter!("network_faults_total", "kind" => format!("{:?}", fault.kind()))
            .increment(1);
        match sentence {
            Sentence::Warned => {
                let score = self.ledger.score(now, &peer);
                if let Some(info) = self.tables.peers.lock().get_mut(&peer) {
                    info.score = score;
                }
            }
            Sentence::Dismissed => {
                self.dials.defer(now, &peer);
                self.farewells.insert(peer, now + FAREWELL_TIME);
                self.tell(NetworkNote::Gone(peer));
            }
            Sentence::Banned(ban) => {
                self.tables.bans.lock().insert(peer, ban);
                self.swarm.behaviour_mut().blocked.block_peer(peer);
                self.dials.defer(now, &peer);
                self.tell(NetworkNote::Gone(peer));
            }
        }
    }

    pub(super) fn ask(&mut self, peer: PeerId, purpose: Purpose, question: Request) {
        let id = self.swarm.behaviour_mut().requests.send_request(&peer, Ok(question));
        self.asked.insert(id, (peer, purpose));
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Ask { peer, request, question } => {
                if self.swarm.is_connected(&peer) {
                    self.ask(peer, Purpose::Sync(request), question);
                } else {
                    let failure = RequestFailure::Refused;
                    self.tell(NetworkNote::Failed { request, failure });
                }
            }
            Command::Report { peer, fault } => self.blame(peer, fault),
        }
    }

    fn finished(&mut self, done: Done) {
        match done {
            Done::Checked { peer, message, verdict, block } => {
                self.checking = self.checking.saturating_sub(1);
                if let Some(id) = block {
                    self.outbox.announce(id);
                    self.settling = self.settling.saturating_add(1);
                }
                if verdict.ahead {
                    self.tell(NetworkNote::Ahead(peer));
                }
                self.judge(&peer, &message, verdict.acceptance);
                if let Some(fault) = verdict.fault {
                    self.blame(peer, fault);
                }
            }
            Done::Settled { peer, fault } => {
                self.settling = self.settling.saturating_sub(1);
                if let Some(fault) = fault {
                    self.blame(peer, fault);
                }
            }
            Done::Served { peer, channel, response } => {
                if let Some(count) = self.serving.get_mut(&peer) {
                    *count = count.saturating_sub(1);
                }
                self.serving.retain(|_, count| *count > 0);
                if let Some(response) = response {
                    self.respond(channel, response);
                }
            }
        }
    }

    pub(super) fn judge(&mut self, peer: &PeerId, id: &MessageId, acceptance: MessageAcceptance) {
        self.swarm.behaviour_mut().gossip.report_message_validation_result(id, peer, acceptance);
    }

    pub(super) fn respond(&mut self, channel: ResponseChannel<Response>, response: Response) {
        if self.swarm.behaviour_mut().requests.send_response(channel, response).is_err() {
            tracing::debug!("the peer no longer waits for its answer");
        }
    }

    /// Follows the node. Returns false when it ended.
    fn node_event(&mut self, event: Result<NodeEvent, RecvError>) -> bool {
        match event {
            Ok(NodeEvent::PendingTransaction(transaction, Origin::Local)) => {
                self.outbox.add(transaction);
            }
            Ok(NodeEvent::Mined(block)) => {
                if self.outbox.announce(block.header.id()) {
                    self.publish(self.topics.blocks.hash(), block.encode());
                }
            }
            Ok(NodeEvent::Head(event)) => self.head_moved(&event),
            Ok(_) => {}
            Err(RecvError::Lagged(missed)) => {
                tracing::debug!(missed, "the network missed the node's events");
                for transaction in outbox::pending(&self.node, super::message::POOLED_MAX) {
                    self.outbox.add(transaction);
                }
            }
            Err(RecvError::Closed) => return false,
        }
        true
    }

    fn head_moved(&mut self, event: &HeadEvent) {
        self.own.head_id = event.head.id;
        self.own.number = event.head.number;
        self.own.total_work = event.head.total_work;
        let live = event.durability == Durability::Durable && !self.syncing();
        if live && self.outbox.announce(event.head.id) {
            match self.node.reader().snapshot().and_then(|chain| chain.block(&event.head.id)) {
                Ok(Some(block)) => self.publish(self.topics.blocks.hash(), block.encode()),
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "the head cannot be read"),
            }
        }
    }

    fn send_bundles(&mut self) {
        for bundle in self.outbox.bundles() {
            self.publish(self.topics.transactions.hash(), bundle.encode());
        }
    }

    fn publish(&mut self, topic: TopicHash, bytes: Vec<u8>) {
        match self.swarm.behaviour_mut().gossip.publish(topic, bytes) {
            Ok(_) | Err(PublishError::NoPeersSubscribedToTopic | PublishError::Duplicate) => {}
            Err(error) => tracing::debug!(%error, "not every peer was told"),
        }
    }

    /// Does what time asks for.
    fn care(&mut self) {
        let now = Instant::now();
        for address in self.dials.due(now) {
            if let Err(error) = self.swarm.dial(DialOpts::from(address.clone())) {
                tracing::debug!(%address, %error, "not dialled");
            }
        }
        for peer in self.ledger.release(now) {
            self.tables.bans.lock().remove(&peer);
            self.swarm.behaviour_mut().blocked.unblock_peer(peer);
        }
        let due: Vec<PeerId> =
            self.farewells.iter().filter(|(_, at)| **at <= now).map(|(peer, _)| *peer).collect();
        for peer in due {
            self.farewells.remove(&peer);
            if self.swarm.disconnect_peer_id(peer).is_err() {
                tracing::debug!(%peer, "was gone already");
            }
        }
        self.ask_pools();
        if self.status_due <= now {
            self.status_due = now + self.status_interval;
            let peers: Vec<PeerId> = self.tables.peers.lock().keys().copied().collect();
            for peer in peers {
                self.ask(peer, Purpose::Status, Request::Status(self.own));
            }
        }
    }

    /// Asks each peer once for its pool, when the own chain is up to date.
    fn ask_pools(&mut self) {
        if self.syncing() {
            return;
        }
        let told = |status: &Option<Status>| {
            status.is_some_and(|status| status.total_work <= self.own.total_work)
        };
        let peers: Vec<PeerId> = {
            let peers = self.tables.peers.lock();
            let new = peers.values().filter(|info| told(&info.status));
            new.map(|info| info.id).filter(|id| !self.pools_asked.contains_key(id)).collect()
        };
        for peer in peers {
            self.pools_asked.insert(peer, ());
            self.ask(peer, Purpose::Pooled, Request::Pooled);
        }
    }
}

/// Returns when the network is told to stop, or nobody holds it any more.
pub(crate) async fn ended(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}
