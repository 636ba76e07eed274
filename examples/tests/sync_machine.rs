//! The synchroniser against peers that are honest, slow, forgetful, or lie. No socket, no clock.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    unreachable_pub,
    reason = "tests fail by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};

use mbt_consensus::{Block, BlockId, BodyError, Header};
use mbt_crypto::{U256, keccak256};
use mbt_examples::{
    network::Fault,
    sync::{
        BlockOutcome, Effect, HeadersOutcome, Input, Job, Limits, Millis, RequestFailure,
        Synchroniser, Tip,
    },
};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Behaviour {
    Honest,
    /// Answers nothing.
    Stalls,
    /// Sends headers and no bodies.
    StallsBodies,
    /// Closes each request for bodies without an answer.
    RefusesBodies,
    /// Sends other bodies than the headers commit to.
    ForgesBodies,
    /// Sends bodies that nobody asked for.
    SendsOtherBodies,
    /// Has no bodies.
    Withholds,
    /// Claims work without headers.
    Boasts,
    /// Sends headers that do not follow each other.
    BreaksHeaders,
    /// Sends headers that break a rule.
    ForgesHeaders,
    /// Sends the same known headers for ever.
    Repeats,
    /// Sends more headers than were asked for.
    FloodsHeaders,
    /// Leaves in the middle.
    Leaves,
}

type Peer = u8;

/// A body of one item that is no transaction.
const UNREADABLE: [u8; 2] = [0xc1, 0x7f];

struct World {
    machine: Synchroniser<Peer>,
    limits: Limits,
    chain: Vec<Header>,
    peers: BTreeMap<Peer, Behaviour>,
    imported: BTreeSet<BlockId>,
    head: usize,
    best: usize,
    now: Millis,
    inputs: BTreeMap<(Millis, u64), Input<Peer>>,
    order: u64,
    faults: Vec<(Peer, Fault)>,
    asked: BTreeMap<Peer, usize>,
    largest_held: usize,
    invalid: Option<u64>,
    /// The block whose header commits to a body without a transaction's form.
    unreadable: Option<u64>,
    marked: Vec<BlockId>,
}

fn chain(blocks: u64, empty: bool) -> Vec<Header> {
    let mut headers = vec![Header::default()];
    for number in 1..=blocks {
        let parent_hash = headers.last().unwrap().id();
        let mut header = Header { parent_hash, number, timestamp: number, ..Header::default() };
        if !empty {
            header.transactions_root = keccak256(number.to_be_bytes());
        }
        headers.push(header);
    }
    headers
}

fn work(number: usize) -> U256 {
    U256::from(number) + 1
}

impl World {
    fn new(blocks: u64, peers: &[Behaviour]) -> Self {
        Self::with(chain(blocks, false), peers, Limits::default())
    }

    fn with(chain: Vec<Header>, behaviours: &[Behaviour], limits: Limits) -> Self {
        let genesis = Tip { id: chain[0].id(), number: 0, total_work: work(0) };
        let peers: BTreeMap<Peer, Behaviour> =
            behaviours.iter().enumerate().map(|(i, b)| (u8::try_from(i).unwrap(), *b)).collect();
        let mut world = Self {
            machine: Synchroniser::new(limits, genesis, genesis),
            limits,
            chain,
            peers,
            imported: BTreeSet::new(),
            head: 0,
            best: 0,
            now: 0,
            inputs: BTreeMap::new(),
            order: 0,
            faults: Vec::new(),
            asked: BTreeMap::new(),
            largest_held: 0,
            invalid: None,
            unreadable: None,
            marked: Vec::new(),
        };
        for (peer, behaviour) in world.peers.clone() {
            let last = world.chain.len() - 1;
            let total_work = match behaviour {
                Behaviour::Boasts => U256::MAX,
                _ => work(last),
            };
            let number = u64::try_from(last).unwrap();
            world.later(0, Input::Peer { peer, number, total_work });
        }
        world
    }

    fn later(&mut self, ms: Millis, input: Input<Peer>) {
        self.order += 1;
        self.inputs.insert((self.now + ms, self.order), input);
    }

    /// Runs until the whole chain is executed or `until` passed.
    fn run(&mut self, until: Millis) -> bool {
        while self.head + 1 < self.chain.len() && self.now < until {
            self.step();
        }
        self.head + 1 == self.chain.len()
    }

    fn step(&mut self) {
        let input = match (self.inputs.first_key_value(), self.machine.next_deadline()) {
            (Some((at, _)), Some(deadline)) if deadline < at.0 => {
                assert!(deadline > self.now || self.now == 0, "the deadline stands still");
                self.now = deadline;
                Input::DeadlineReached
            }
            (None, Some(deadline)) => {
                self.now = deadline.max(self.now + 1);
                Input::DeadlineReached
            }
            (None, None) => {
                self.now += 1_000;
                return;
            }
            _ => {
                let ((at, _), input) = self.inputs.pop_first().unwrap();
                self.now = at;
                input
            }
        };
        self.machine.handle(self.now, input);
        while let Some(effect) = self.machine.poll_effect() {
            self.carry_out(effect);
        }
    }

    fn tip(&self, number: usize) -> Tip {
        let header = &self.chain[number];
        Tip { id: header.id(), number: header.number, total_work: work(number) }
    }

    fn own(&mut self) {
        let own = Input::Own { head: self.tip(self.head), best: self.tip(self.best) };
        self.later(0, own);
    }

    fn carry_out(&mut self, effect: Effect<Peer>) {
        match effect {
            Effect::AskHeaders { peer, request, after } => {
                *self.asked.entry(peer).or_default() += 1;
                let at = self.chain.iter().position(|h| Some(h.id()) == after);
                let from = at.unwrap_or(self.best) + 1;
                let most = self.limits.headers_per_request;
                let mut headers: Vec<Header> =
                    self.chain.iter().skip(from).take(most).cloned().collect();
                match self.peers[&peer] {
                    Behaviour::Stalls => return,
                    Behaviour::Boasts => headers.clear(),
                    Behaviour::BreaksHeaders => headers.swap(0, 1),
                    Behaviour::ForgesHeaders => headers[0].gas_limit = 1,
                    Behaviour::Repeats => headers = self.chain[1..3].to_vec(),
                    Behaviour::FloodsHeaders => headers = vec![Header::default(); most + 1],
                    _ => {}
                }
                self.later(10, Input::Headers { request, headers });
            }
            Effect::AskBodies { peer, request, ids } => {
                *self.asked.entry(peer).or_default() += 1;
                let full: Vec<_> = ids.iter().map(|id| (*id, self.body(id))).collect();
                let bodies = match self.peers[&peer] {
                    Behaviour::Stalls | Behaviour::StallsBodies => return,
                    Behaviour::RefusesBodies => {
                        let failure = RequestFailure::Refused;
                        return self.later(10, Input::Failed { request, failure });
                    }
                    Behaviour::Leaves => return self.later(10, Input::Gone(peer)),
                    Behaviour::Withholds => Vec::new(),
                    Behaviour::ForgesBodies => {
                        full.into_iter().map(|(id, _)| (id, vec![0xc0])).collect()
                    }
                    Behaviour::SendsOtherBodies => vec![(BlockId::from([9; 32]), vec![0xc0])],
                    _ => full,
                };
                self.later(10, Input::Bodies { request, bodies });
            }
            Effect::ImportHeaders { peer, headers } => self.import_headers(peer, &headers),
            Effect::Prepare { peer, jobs } => {
                for job in jobs {
                    let outcome = self.join(&job);
                    let (id, number) = (job.id, job.header.number);
                    self.later(1, Input::Prepared { peer, id, number, outcome });
                }
            }
            Effect::ImportBlock { id, block } => self.import_block(id, &block.header),
            Effect::FindWanted { max } => {
                let missing = self.chain[self.head + 1..=self.best].iter();
                let wanted = missing.take(max).map(|header| (header.id(), header.clone()));
                let wanted = Input::Wanted(wanted.collect());
                self.later(1, wanted);
            }
            Effect::MarkInvalid(proof) => {
                self.marked.push(proof.id());
                self.best = usize::try_from(self.unreadable.unwrap()).unwrap() - 1;
                self.own();
            }
            Effect::Report { peer, fault } => self.faults.push((peer, fault)),
        }
        self.largest_held = self.largest_held.max(self.asked.len());
    }

    fn body(&self, id: &BlockId) -> Vec<u8> {
        if self
            .unreadable
            .and_then(|number| self.chain.get(usize::try_from(number).unwrap()))
            .is_some_and(|header| header.id() == *id)
        {
            return UNREADABLE.to_vec();
        }
        id.as_bytes().to_vec()
    }

    fn join(&self, job: &Job) -> Result<Box<Block>, BodyError> {
        if self.unreadable == Some(job.header.number) {
            return Block::join(job.header.clone(), &job.body).map(Box::new);
        }
        if job.body == self.body(&job.id) {
            Ok(Box::new(Block { header: job.header.clone(), transactions: Vec::new() }))
        } else {
            Err(BodyError::Foreign)
        }
    }

    fn import_headers(&mut self, peer: Peer, headers: &[Header]) {
        let mut added = 0;
        let mut outcome = None;
        for header in headers {
            match self.chain.iter().position(|known| known == header) {
                Some(_) if self.marked.contains(&header.id()) => {
                    outcome = Some(HeadersOutcome::Invalid);
                    break;
                }
                Some(number) if number <= self.best => {}
                Some(number) if number == self.best + 1 => {
                    self.best = number;
                    added += 1;
                }
                Some(_) => outcome = Some(HeadersOutcome::Detached),
                None => outcome = Some(HeadersOutcome::Invalid),
            }
        }
        let outcome = outcome.unwrap_or(HeadersOutcome::Taken { added });
        self.later(5, Input::HeadersImported { peer, outcome });
        self.own();
    }

    fn import_block(&mut self, id: BlockId, header: &Header) {
        let number = header.number;
        let outcome = if self.invalid == Some(number) {
            self.marked.push(id);
            self.best = self.head;
            BlockOutcome::Invalid
        } else if usize::try_from(number).unwrap() == self.head + 1 {
            assert!(self.imported.insert(id), "block {number} was imported twice");
            self.head += 1;
            BlockOutcome::Taken
        } else {
            BlockOutcome::Later
        };
        self.later(1, Input::BlockImported { id, number, outcome });
        self.own();
    }

    fn faults_of(&self, peer: Peer) -> Vec<Fault> {
        self.faults.iter().filter(|(who, _)| *who == peer).map(|(_, fault)| *fault).collect()
    }
}

#[test]
fn one_honest_peer_brings_the_whole_chain() {
    let mut world = World::new(3_000, &[Behaviour::Honest]);
    assert!(world.run(60_000));
    assert_eq!(world.faults, []);
}

#[test]
fn empty_blocks_need_no_bodies() {
    let limits = Limits::default();
    let mut world = World::with(chain(3_000, true), &[Behaviour::StallsBodies], limits);
    assert!(world.run(60_000));
    assert_eq!(world.faults, []);
}

#[test]
fn bodies_come_from_several_peers() {
    let mut world = World::new(3_000, &[Behaviour::Honest; 3]);
    assert!(world.run(60_000));
    assert!(world.asked.values().all(|asked| *asked > 4), "{:?}", world.asked);
}

#[test]
fn stalled_peer_is_bypassed_and_loses_score() {
    for stall in [Behaviour::Stalls, Behaviour::StallsBodies] {
        let mut world = World::new(2_000, &[stall, Behaviour::Honest, stall]);
        assert!(world.run(120_000), "{stall:?}: {} blocks", world.head);
        assert!(world.faults.iter().all(|(peer, fault)| *peer != 1 && *fault == Fault::Timeout));
    }
}

#[test]
fn liars_are_named_by_type_and_the_chain_comes_all_the_same() {
    for (behaviour, fault) in [
        (Behaviour::ForgesBodies, Fault::InvalidBody),
        (Behaviour::SendsOtherBodies, Fault::Unasked),
        (Behaviour::Withholds, Fault::Unproven),
        (Behaviour::RefusesBodies, Fault::Refused),
        (Behaviour::Boasts, Fault::Unproven),
    ] {
        let mut world = World::new(2_000, &[behaviour, Behaviour::Honest]);
        assert!(world.run(240_000), "{behaviour:?}: {} blocks", world.head);
        assert!(world.faults_of(0).contains(&fault), "{behaviour:?}: {:?}", world.faults);
        assert_eq!(world.faults_of(1), [], "{behaviour:?}");
    }
}

#[test]
fn headers_that_are_no_chain_are_named_by_type() {
    for (behaviour, fault) in [
        (Behaviour::BreaksHeaders, Fault::BrokenChain),
        (Behaviour::ForgesHeaders, Fault::BrokenChain),
        (Behaviour::FloodsHeaders, Fault::Unasked),
    ] {
        let mut world = World::new(600, &[behaviour]);
        world.run(5_000);
        assert_eq!(world.faults_of(0), [fault], "{behaviour:?}");
        assert_eq!(world.machine.peer_count(), 0);
        let peer = 1;
        world.peers.insert(peer, Behaviour::Honest);
        world.later(0, Input::Peer { peer, number: 600, total_work: work(600) });
        assert!(world.run(60_000), "{behaviour:?}");
    }
}

#[test]
fn repeated_headers_end_without_progress() {
    let mut world = World::new(600, &[Behaviour::Repeats]);
    world.run(200_000);
    assert!(world.asked[&0] < 200, "{:?}", world.asked);
}

#[test]
fn peer_that_leaves_is_replaced() {
    let mut world = World::new(2_000, &[Behaviour::Leaves, Behaviour::Honest]);
    assert!(world.run(60_000));
    assert_eq!(world.faults, []);
}

#[test]
fn invalid_block_is_held_against_who_sent_its_header() {
    let mut world = World::new(100, &[Behaviour::Honest]);
    world.invalid = Some(60);
    assert!(!world.run(10_000));
    assert_eq!(world.head, 59);
    assert_eq!(world.faults, [(0, Fault::InvalidBlock)]);
}

#[test]
fn a_body_that_no_block_has_is_held_against_who_announced_and_who_sent_it() {
    let (limits, at) = (Limits::default(), 60);
    let mut headers = chain(100, false);
    headers[at].transactions_root = mbt_trie::ordered_root([vec![0x7f]]);
    for number in at + 1..headers.len() {
        headers[number].parent_hash = headers[number - 1].id();
    }
    let id = headers[at].id();
    for peers in [&[Behaviour::Honest][..], &[Behaviour::Honest, Behaviour::Honest]] {
        let mut world = World::with(headers.clone(), peers, limits);
        world.unreadable = Some(60);
        assert!(!world.run(60_000));
        assert_eq!((world.head, &world.marked), (at - 1, &vec![id]));
        assert_eq!(world.faults[0].1, Fault::InvalidBlock);
        for peer in world.peers.keys() {
            let faults = world.faults_of(*peer);
            assert!(
                matches!(faults[..], [Fault::InvalidBlock | Fault::InvalidHeader]),
                "{peer}: {faults:?}"
            );
        }
        assert_eq!(world.machine.peer_count(), 0);
    }
}

/// Who announced the headers of an earlier run is not known any more: whoever offers them again is
/// blamed.
#[test]
fn an_invalid_block_known_from_an_earlier_run_is_held_against_who_offers_it_again() {
    let mut world = World::new(100, &[Behaviour::Honest]);
    world.best = 80;
    world.machine = Synchroniser::new(world.limits, world.tip(0), world.tip(80));
    world.invalid = Some(60);
    assert!(!world.run(60_000));
    assert_eq!(world.head, 59);
    let faults = world.faults_of(0);
    assert!(matches!(faults[..], [Fault::InvalidBlock | Fault::InvalidHeader]), "{faults:?}");
}

#[test]
fn sync_goes_on_behind_the_headers_that_are_there_already() {
    let mut world = World::new(1_500, &[Behaviour::Honest]);
    world.best = 1_000;
    world.head = 400;
    let (head, best) = (world.tip(400), world.tip(1_000));
    world.machine = Synchroniser::new(world.limits, head, best);
    assert!(world.run(60_000));
}

#[test]
fn requests_and_bytes_stay_within_their_bounds() {
    let limits = Limits { held_bytes: 4 << 20, ..Limits::default() };
    let mut world = World::with(chain(2_000, false), &[Behaviour::StallsBodies; 8], limits);
    for _ in 0..400 {
        world.step();
        if world.now > limits.request_ms {
            break;
        }
    }
    // Two answers are reckoned at the bound; the headers were asked of one peer.
    let asked: usize = world.asked.values().sum();
    assert!(asked < 24, "{:?}", world.asked);
}

#[test]
fn own_faults_are_held_against_nobody() {
    let mut world = World::new(50, &[Behaviour::Honest]);
    world.step();
    let peer = 0;
    let outcome = HeadersOutcome::OwnFault;
    world.machine.handle(1, Input::HeadersImported { peer, outcome });
    assert!(world.run(60_000));
    assert_eq!(world.faults, []);
}
