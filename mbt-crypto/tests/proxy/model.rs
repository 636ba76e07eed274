//! The book against a slow model that keeps nothing but a log and reads it from the start for
//! every question. Hashes are alloy's, and who signed what is known, not recovered.

use std::collections::BTreeSet;

use alloy_sol_types::SolStruct;
use mbt_crypto::{
    Address, H256, U256, keccak256,
    proxy::{ProxyOp, Revocation, Scope, Signed, Terms, Thresholds, Warrant, WarrantBook, domain},
};
use proptest::prelude::RngExt;
use proptest::test_runner::{RngAlgorithm, TestRng};

use crate::world::{EPOCH, LEAGUE, address, key, memberships, payout, terms};

mod theirs {
    alloy_sol_types::sol! {
        struct Warrant {
            address league; address delegator; address proxy; uint64 epoch; uint64 validFrom;
            uint64 validUntil; bytes32 scope; uint256 perTxCap; uint256 windowCap; uint64 serial;
        }
        struct ProxyOp {
            address league; uint64 epoch; address proxy; uint256 principals; bytes32 warrantRoot;
            bytes32 opKind; bytes32 transferId; bytes32 leagueTxHash; bytes32 leagueBlockHash;
            address to; uint256 amount; uint64 deadline;
        }
        struct Revocation {
            address league; address delegator; address proxy; uint64 epoch; uint64 serial;
        }
        struct Membership { address league; uint64 epoch; address member; }
    }
}

fn word(number: U256) -> alloy_sol_types::private::U256 {
    alloy_sol_types::private::U256::from_be_bytes(number.to_big_endian())
}

fn warrant_hash(warrant: &Warrant) -> H256 {
    let theirs = theirs::Warrant {
        league: warrant.league.0.into(),
        delegator: warrant.delegator.0.into(),
        proxy: warrant.proxy.0.into(),
        epoch: warrant.epoch,
        validFrom: warrant.valid_from,
        validUntil: warrant.valid_until,
        scope: warrant.scope.0.into(),
        perTxCap: word(warrant.per_tx_cap),
        windowCap: word(warrant.window_cap),
        serial: warrant.serial,
    };
    H256(theirs.eip712_hash_struct().0)
}

fn op_hash(op: &ProxyOp) -> H256 {
    let theirs = theirs::ProxyOp {
        league: op.league.0.into(),
        epoch: op.epoch,
        proxy: op.proxy.0.into(),
        principals: word(op.principals),
        warrantRoot: op.warrant_root.0.into(),
        opKind: op.op_kind.0.into(),
        transferId: op.transfer_id.0.into(),
        leagueTxHash: op.league_tx_hash.0.into(),
        leagueBlockHash: op.league_block_hash.0.into(),
        to: op.to.0.into(),
        amount: word(op.amount),
        deadline: op.deadline,
    };
    H256(theirs.eip712_hash_struct().0)
}

#[test]
fn structs_hash_like_alloys() {
    use mbt_crypto::eip712::TypedStruct;
    assert_eq!(Warrant::TYPE, theirs::Warrant::eip712_encode_type());
    assert_eq!(ProxyOp::TYPE, theirs::ProxyOp::eip712_encode_type());
    assert_eq!(Revocation::TYPE, theirs::Revocation::eip712_encode_type());
    assert_eq!(mbt_crypto::proxy::Membership::TYPE, theirs::Membership::eip712_encode_type());
    let world = crate::world::World::of_four();
    assert_eq!(world.warrant(0, 1).hash_struct(), warrant_hash(&world.warrant(0, 1)));
    assert_eq!(world.op(0, &[2, 3], 1, 40).hash_struct(), op_hash(&world.op(0, &[2, 3], 1, 40)));
}

/// Something signed, and by whom in truth (`None`: by nobody over this content).
type By<T> = (T, Option<Address>);

enum Event {
    Registered { warrant: Warrant, kinds: Vec<H256> },
    Revoked(Revocation),
    Made { ops: Vec<ProxyOp>, height: u64 },
}

/// Rules of SPEC 2, read literally.
struct Model {
    ring: Vec<Address>,
    thresholds: Thresholds,
    window: u64,
    log: Vec<Event>,
}

impl Model {
    fn last_serial(&self, delegator: Address, proxy: Address) -> u64 {
        let of = |event: &Event| match event {
            Event::Registered { warrant: w, .. }
                if (w.delegator, w.proxy) == (delegator, proxy) =>
            {
                w.serial
            }
            Event::Revoked(r) if (r.delegator, r.proxy) == (delegator, proxy) => r.serial,
            _ => 0,
        };
        self.log.iter().map(of).max().unwrap_or(0)
    }

    /// The warrant that was registered with the highest serial, if nothing ended it.
    fn current(&self, delegator: Address, proxy: Address) -> Option<(&Warrant, &Vec<H256>)> {
        let last = self.last_serial(delegator, proxy);
        self.log.iter().find_map(|event| match event {
            Event::Registered { warrant: w, kinds }
                if (w.delegator, w.proxy, w.serial) == (delegator, proxy, last) =>
            {
                Some((w, kinds))
            }
            _ => None,
        })
    }

    fn register(&mut self, (warrant, by): &By<Warrant>, kinds: &[H256], height: u64) -> bool {
        let supply = U256::from_dec_str("2000000000000000000000000000").unwrap();
        let good = warrant.league == LEAGUE
            && warrant.epoch == EPOCH
            && self.ring.contains(&warrant.delegator)
            && self.ring.contains(&warrant.proxy)
            && warrant.delegator != warrant.proxy
            && warrant.valid_from <= warrant.valid_until
            && height <= warrant.valid_until
            && warrant.per_tx_cap >= U256::one()
            && warrant.per_tx_cap <= warrant.window_cap
            && warrant.window_cap <= supply
            && keccak256(kinds.concat_words()) == warrant.scope
            && warrant.serial > self.last_serial(warrant.delegator, warrant.proxy)
            && warrant.serial < u64::MAX
            && *by == Some(warrant.delegator);
        if good {
            self.log.push(Event::Registered { warrant: *warrant, kinds: kinds.to_vec() });
        }
        good
    }

    fn revoke(&mut self, (revocation, by): &By<Revocation>) -> bool {
        let good = revocation.league == LEAGUE
            && revocation.epoch == EPOCH
            && self.ring.contains(&revocation.delegator)
            && self.ring.contains(&revocation.proxy)
            && revocation.delegator != revocation.proxy
            && revocation.serial > self.last_serial(revocation.delegator, revocation.proxy)
            && *by == Some(revocation.delegator);
        if good {
            self.log.push(Event::Revoked(*revocation));
        }
        good
    }

    fn principals(&self, op: &ProxyOp) -> Vec<Address> {
        let set = |i: &usize| !((op.principals >> *i) & U256::one()).is_zero();
        (0..self.ring.len()).filter(set).map(|i| self.ring[i]).collect()
    }

    /// What moved in heights that `counts`, with `account` in the role that `role` tells.
    fn moved(&self, counts: impl Fn(u64) -> bool, role: impl Fn(&Self, &ProxyOp) -> bool) -> U256 {
        let amount = |event: &Event| match event {
            Event::Made { ops, height }
                if counts(*height) && ops.iter().any(|op| role(self, op)) =>
            {
                ops[0].amount
            }
            _ => U256::zero(),
        };
        self.log.iter().map(amount).fold(U256::zero(), |sum, amount| sum + amount)
    }

    fn warrant_allows(&self, op: &ProxyOp, principal: Address, height: u64) -> bool {
        let Some((warrant, kinds)) = self.current(principal, op.proxy) else { return false };
        let recent = |then: u64| {
            let (then, this) = (then / self.window, height / self.window);
            then == this || then + 1 == this
        };
        let in_name = self.moved(recent, |model, op| model.principals(op).contains(&principal));
        let signed = self.moved(recent, |_, other| other.proxy == op.proxy);
        (warrant.valid_from..=warrant.valid_until).contains(&height)
            && kinds.contains(&op.op_kind)
            && op.amount <= warrant.per_tx_cap
            && in_name + op.amount <= warrant.window_cap
            && signed + op.amount <= warrant.window_cap
    }

    fn op_allowed(&self, op: &ProxyOp, by: Option<Address>, height: u64) -> bool {
        let principals = self.principals(op);
        let mut roots = Vec::new();
        for principal in &principals {
            if !self.warrant_allows(op, *principal, height) {
                return false;
            }
            roots.push(warrant_hash(self.current(*principal, op.proxy).unwrap().0));
        }
        op.league == LEAGUE
            && op.epoch == EPOCH
            && self.ring.contains(&op.proxy)
            && by == Some(op.proxy)
            && height <= op.deadline
            && (op.principals >> self.ring.len()).is_zero()
            && !principals.contains(&op.proxy)
            && op.warrant_root == keccak256(roots.concat_words())
    }

    fn transfer(&mut self, ops: &[By<ProxyOp>], height: u64) -> bool {
        if ops.is_empty() {
            return false;
        }
        let content = |op: &ProxyOp| ProxyOp {
            proxy: Address::ZERO,
            principals: U256::zero(),
            warrant_root: H256::zero(),
            ..*op
        };
        let first = ops[0].0;
        let made = |event: &Event| match event {
            Event::Made { ops, .. } => ops[0].transfer_id == first.transfer_id,
            _ => false,
        };
        let ascending = ops.windows(2).all(|pair| pair[0].0.proxy < pair[1].0.proxy);
        let mut covered = BTreeSet::new();
        for (op, _) in ops {
            covered.insert(op.proxy);
            covered.extend(self.principals(op));
        }
        let good = ascending
            && !first.amount.is_zero()
            && !self.log.iter().any(made)
            && ops.iter().all(|(op, _)| content(op) == content(&first))
            && ops.iter().all(|(op, by)| self.op_allowed(op, *by, height))
            && covered.len() >= usize::from(self.thresholds.principals)
            && covered.len() * 10 > self.ring.len() * 7
            && ops.len() >= usize::from(self.thresholds.proxies);
        if good {
            self.log.push(Event::Made { ops: ops.iter().map(|(op, _)| *op).collect(), height });
        }
        good
    }

    /// Exactly rolling: no `window` heights up to `height` saw more than a cap that is in force.
    fn assert_caps_hold(&self, ops: &[By<ProxyOp>], height: u64) {
        let rolling = |then: u64| then <= height && then + self.window > height;
        for (op, _) in ops {
            for principal in self.principals(op) {
                let cap = self.current(principal, op.proxy).unwrap().0.window_cap;
                assert!(
                    self.moved(rolling, |model, op| model.principals(op).contains(&principal))
                        <= cap
                );
                assert!(self.moved(rolling, |_, other| other.proxy == op.proxy) <= cap);
            }
        }
    }
}

trait ConcatWords {
    fn concat_words(&self) -> Vec<u8>;
}

impl ConcatWords for [H256] {
    fn concat_words(&self) -> Vec<u8> {
        self.iter().flat_map(|word| word.0).collect()
    }
}

/// A random run of the book beside the model.
struct Run<'a> {
    rng: &'a mut TestRng,
    terms: Terms,
    book: WarrantBook,
    model: Model,
    height: u64,
    next_id: u8,
    made: usize,
    refused: usize,
}

impl Run<'_> {
    fn one_in(&mut self, n: u32) -> bool {
        self.rng.random_range(0..n) == 0
    }

    fn member(&mut self) -> usize {
        let members = self.model.ring.len();
        // Now and then a stranger.
        if self.one_in(60) { members } else { self.rng.random_range(0..members) }
    }

    /// Signs, now and then by another key or in another domain.
    fn sign<T: mbt_crypto::eip712::TypedStruct + Copy>(
        &mut self,
        message: T,
        signer: usize,
    ) -> (Signed<T>, By<T>) {
        let domain = domain(self.terms.public_chain_id, self.terms.papc);
        match self.rng.random_range(0..40) {
            0 => {
                let other = signer + 1;
                (Signed::new(&key(other), &domain, message), (message, Some(address(other))))
            }
            1 => {
                let other = mbt_crypto::proxy::domain(1.into(), self.terms.papc);
                (Signed::new(&key(signer), &other, message), (message, None))
            }
            2 => {
                let mut signed = Signed::new(&key(signer), &domain, message);
                signed.signature.s[31] ^= 1;
                (signed, (message, None))
            }
            _ => (Signed::new(&key(signer), &domain, message), (message, Some(address(signer)))),
        }
    }

    fn kinds(&mut self) -> Vec<H256> {
        let mut kinds = vec![H256([7; 32]), payout()];
        kinds.sort();
        kinds.truncate(if self.one_in(8) { 1 } else { 2 });
        kinds
    }

    fn register(&mut self) {
        let (delegator, proxy) = (self.member(), self.member());
        let (delegator_at, proxy_at) = (address(delegator), address(proxy));
        let kinds = self.kinds();
        let mut given = kinds.clone();
        if self.one_in(30) {
            given = vec![payout()];
        }
        let last = self.model.last_serial(delegator_at, proxy_at);
        let from = (self.height + self.rng.random_range(0..8)).saturating_sub(6);
        let range = if self.one_in(25) { 0..1 } else { 20..80_u64 };
        let per_tx = self.rng.random_range(range);
        let warrant = Warrant {
            league: if self.one_in(60) { Address::ZERO } else { LEAGUE },
            delegator: delegator_at,
            proxy: proxy_at,
            epoch: if self.one_in(60) { EPOCH - 1 } else { EPOCH },
            valid_from: from,
            valid_until: (from + self.rng.random_range(0..80)).saturating_sub(2),
            scope: keccak256(kinds.concat_words()),
            per_tx_cap: per_tx.into(),
            window_cap: (per_tx + self.rng.random_range(0..200)).saturating_sub(10).into(),
            serial: if self.one_in(100) { u64::MAX } else { last + u64::from(!self.one_in(10)) },
        };
        let (signed, truth) = self.sign(warrant, delegator);
        let scope = Scope::new(given.clone()).unwrap();
        let ours = self.book.register(&signed, &scope, self.height);
        assert_eq!(ours.is_ok(), self.model.register(&truth, &given, self.height), "{ours:?}");
    }

    fn revoke(&mut self) {
        let (delegator, proxy) = (self.member(), self.member());
        let (delegator_at, proxy_at) = (address(delegator), address(proxy));
        let last = self.model.last_serial(delegator_at, proxy_at);
        let revocation = Revocation {
            league: LEAGUE,
            delegator: delegator_at,
            proxy: proxy_at,
            epoch: EPOCH,
            serial: last + u64::from(!self.one_in(4)),
        };
        let (signed, truth) = self.sign(revocation, delegator);
        let ours = self.book.revoke(&signed);
        assert_eq!(ours.is_ok(), self.model.revoke(&truth), "{ours:?}");
    }

    fn op(&mut self, proxy: usize, base: &ProxyOp) -> ProxyOp {
        let mut op = ProxyOp { proxy: address(proxy), ..*base };
        let offered = self.book.principals_of(op.proxy, op.op_kind, op.amount, self.height);
        let (offered, root) = offered.unwrap_or_default();
        (op.principals, op.warrant_root) = (offered, root);
        if self.one_in(3) {
            // A part of them.
            op.principals &= U256::from(self.rng.random::<u64>());
            let hashes: Vec<_> = self
                .model
                .principals(&op)
                .iter()
                .map(|principal| warrant_hash(self.model.current(*principal, op.proxy).unwrap().0))
                .collect();
            op.warrant_root = keccak256(hashes.concat_words());
        }
        match self.rng.random_range(0..60) {
            0 => op.principals ^= U256::one() << self.rng.random_range(0..9_usize),
            1 => op.warrant_root.0[0] ^= 1,
            2 => op.epoch -= 1,
            3 => op.amount += U256::one(),
            4 => op.league = Address::ZERO,
            _ => {}
        }
        op
    }

    fn transfer(&mut self) {
        if !self.one_in(12) {
            self.next_id += 1;
        }
        let id = self.next_id;
        let amount = if self.one_in(30) { 0 } else { self.rng.random_range(1..30_u64) };
        let base = ProxyOp {
            league: LEAGUE,
            epoch: EPOCH,
            proxy: Address::ZERO,
            principals: U256::zero(),
            warrant_root: H256::zero(),
            op_kind: if self.one_in(10) { H256([7; 32]) } else { payout() },
            transfer_id: H256([id; 32]),
            league_tx_hash: keccak256([id, 1]),
            league_block_hash: keccak256([id, 2]),
            to: Address([0x77; 20]),
            amount: amount.into(),
            deadline: (self.height + self.rng.random_range(0..40)).saturating_sub(1),
        };
        let mut proxies: Vec<_> =
            (0..self.model.ring.len()).filter(|_| self.rng.random_range(0..100) < 60).collect();
        if self.one_in(60) {
            proxies.push(self.member());
        }
        proxies.sort_by_key(|proxy| address(*proxy));
        if self.one_in(40) {
            proxies.reverse();
        }
        let mut signed = Vec::new();
        let mut truth = Vec::new();
        for proxy in proxies {
            let op = self.op(proxy, &base);
            let (one, by) = self.sign(op, proxy);
            signed.push(one);
            truth.push(by);
        }
        let before = self.book.clone();
        let ours = self.book.apply(&signed, self.height);
        let theirs = self.model.transfer(&truth, self.height);
        assert_eq!(ours.is_ok(), theirs, "{ours:?} at {} of {truth:?}", self.height);
        let Ok(authorisation) = ours else {
            assert!(self.book == before);
            self.refused += 1;
            return;
        };
        self.made += 1;
        self.model.assert_caps_hold(&truth, self.height);
        for (signer, (op, _)) in authorisation.signers.iter().zip(&truth) {
            assert_eq!((signer.proxy, &signer.principals), (op.proxy, &self.model.principals(op)));
        }
    }
}

fn run(seed: u64) -> (usize, usize) {
    let seed = keccak256(seed.to_be_bytes());
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed.0);
    let members = rng.random_range(1..=7_u16);
    let mut thresholds = Thresholds::for_ring(members).unwrap();
    if rng.random_range(0..4) == 0 {
        thresholds.proxies = rng.random_range(1..=members);
    }
    let terms = Terms { window: rng.random_range(1..40), ..terms() };
    let keys: Vec<_> = (0..usize::from(members)).map(key).collect();
    let ring = memberships(&keys, &terms, EPOCH);
    let book = WarrantBook::open(terms, EPOCH, &ring, thresholds).unwrap();
    let ring = book.ring().to_vec();
    let model = Model { ring, thresholds, window: terms.window, log: Vec::new() };
    let mut run =
        Run { rng: &mut rng, terms, book, model, height: 10, next_id: 0, made: 0, refused: 0 };
    for _ in 0..members * 3 {
        run.register();
    }
    for _ in 0..12 {
        run.height += run.rng.random_range(0..6);
        match run.rng.random_range(0..10) {
            0 => run.revoke(),
            1 | 2 => run.register(),
            _ => run.transfer(),
        }
    }
    (run.made, run.refused)
}

#[test]
fn random_warrant_sets_are_judged_like_the_model_judges_them() {
    let sets = std::env::var_os("MBT_PROXY_SETS")
        .map_or(500, |sets| sets.to_str().unwrap().parse().unwrap());
    let (mut made, mut refused) = (0, 0);
    for seed in 0..sets {
        let outcome = std::panic::catch_unwind(|| run(seed));
        let (more_made, more_refused) = outcome.unwrap_or_else(|_| panic!("seed {seed} disagrees"));
        made += more_made;
        refused += more_refused;
    }
    // Both verdicts have to be common, or the comparison says little.
    assert!(made * 5 > refused && refused * 5 > made, "{made} made, {refused} refused");
}
