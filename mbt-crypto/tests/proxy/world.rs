//! A ring whose keys the tests hold.

use std::sync::LazyLock;

use mbt_crypto::{
    Address, H256, SecretKey, U256, keccak256,
    proxy::{
        Membership, ProxyOp, Revocation, Scope, Signed, Terms, Thresholds, Warrant, WarrantBook,
        op_kind,
    },
};

pub(crate) const EPOCH: u64 = 7;
pub(crate) const LEAGUE: Address = Address([0xa1; 20]);

pub(crate) fn terms() -> Terms {
    Terms {
        public_chain_id: 5_063_252.into(),
        papc: Address([0x4d; 20]),
        league: LEAGUE,
        window: 100,
        transfers_max: 1000,
    }
}

pub(crate) fn key(index: usize) -> SecretKey {
    SecretKey::from_bytes(keccak256(format!("member {index}")).0).unwrap()
}

/// Addresses of the first members.
pub(crate) fn address(index: usize) -> Address {
    static ADDRESSES: LazyLock<Vec<Address>> =
        LazyLock::new(|| (0..16).map(|index| key(index).address()).collect());
    ADDRESSES[index]
}

/// PAPC's payout of the coin.
pub(crate) fn payout() -> H256 {
    op_kind(terms().papc, [1, 2, 3, 4], H256::zero())
}

pub(crate) fn scope() -> Scope {
    let other = op_kind(terms().papc, [5, 6, 7, 8], H256::zero());
    let mut kinds = vec![payout(), other];
    kinds.sort();
    Scope::new(kinds).unwrap()
}

pub(crate) fn memberships(
    keys: &[SecretKey],
    terms: &Terms,
    epoch: u64,
) -> Vec<Signed<Membership>> {
    let domain = mbt_crypto::proxy::domain(terms.public_chain_id, terms.papc);
    let membership = |key: &SecretKey| {
        let member = Membership { league: terms.league, epoch, member: key.address() };
        Signed::new(key, &domain, member)
    };
    keys.iter().map(membership).collect()
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) keys: Vec<SecretKey>,
    addresses: Vec<Address>,
    pub(crate) book: WarrantBook,
}

impl World {
    /// A ring of `members` with the default thresholds and no warrants.
    pub(crate) fn of(members: u16) -> Self {
        Self::with(members, Thresholds::for_ring(members).unwrap(), terms())
    }

    pub(crate) fn with(members: u16, thresholds: Thresholds, terms: Terms) -> Self {
        let keys: Vec<_> = (0..usize::from(members)).map(key).collect();
        let ring = memberships(&keys, &terms, EPOCH);
        let book = WarrantBook::open(terms, EPOCH, &ring, thresholds).unwrap();
        Self { addresses: book.ring().to_vec(), keys, book }
    }

    /// A ring of four in which everybody holds everybody's warrant: 3 principals, 2 proxies.
    pub(crate) fn of_four() -> Self {
        let mut world = Self::of(4);
        for delegator in 0..4 {
            for proxy in (0..4).filter(|proxy| *proxy != delegator) {
                world.register(&world.warrant(delegator, proxy));
            }
        }
        world
    }

    pub(crate) fn address(&self, member: usize) -> Address {
        self.addresses[member]
    }

    pub(crate) fn separator(&self) -> H256 {
        self.book.domain().separator()
    }

    pub(crate) fn warrant(&self, delegator: usize, proxy: usize) -> Warrant {
        Warrant {
            league: LEAGUE,
            delegator: self.address(delegator),
            proxy: self.address(proxy),
            epoch: self.book.epoch(),
            valid_from: 10,
            valid_until: 1000,
            scope: scope().hash(),
            per_tx_cap: 50.into(),
            window_cap: 120.into(),
            serial: 1,
        }
    }

    pub(crate) fn key_of(&self, address: Address) -> &SecretKey {
        &self.keys[self.addresses.iter().position(|member| *member == address).unwrap()]
    }

    pub(crate) fn sign_warrant(&self, warrant: &Warrant) -> Signed<Warrant> {
        Signed::new(self.key_of(warrant.delegator), self.book.domain(), *warrant)
    }

    pub(crate) fn register(&mut self, warrant: &Warrant) {
        let signed = self.sign_warrant(warrant);
        self.book.register(&signed, &scope(), 0).unwrap();
    }

    pub(crate) fn register_at(&mut self, delegator: usize, proxy: usize, height: u64) {
        let signed = self.sign_warrant(&self.warrant(delegator, proxy));
        self.book.register(&signed, &scope(), height).unwrap();
    }

    pub(crate) fn revocation(
        &self,
        delegator: usize,
        proxy: usize,
        serial: u64,
    ) -> Signed<Revocation> {
        let revocation = Revocation {
            league: LEAGUE,
            delegator: self.address(delegator),
            proxy: self.address(proxy),
            epoch: self.book.epoch(),
            serial,
        };
        Signed::new(&self.keys[delegator], self.book.domain(), revocation)
    }

    /// An operation of `proxy` for the members in `principals`, with the registered warrants' root.
    pub(crate) fn op(&self, proxy: usize, principals: &[usize], id: u8, amount: u64) -> ProxyOp {
        use mbt_crypto::eip712::TypedStruct;
        let mut sorted = principals.to_vec();
        sorted.sort_unstable();
        let hash = |delegator: &usize| {
            let warrant = self.book.warrant(self.address(*delegator), self.address(proxy));
            warrant.map_or_else(H256::zero, TypedStruct::hash_struct)
        };
        ProxyOp {
            league: LEAGUE,
            epoch: self.book.epoch(),
            proxy: self.address(proxy),
            principals: sorted.iter().fold(U256::zero(), |bits, i| bits | (U256::one() << *i)),
            warrant_root: ProxyOp::root_of(sorted.iter().map(hash)),
            op_kind: payout(),
            transfer_id: H256([id; 32]),
            league_tx_hash: keccak256([id, 1]),
            league_block_hash: keccak256([id, 2]),
            to: Address([0x77; 20]),
            amount: amount.into(),
            deadline: 900,
        }
    }

    pub(crate) fn sign(&self, op: &ProxyOp) -> Signed<ProxyOp> {
        Signed::new(self.key_of(op.proxy), self.book.domain(), *op)
    }

    /// Signs and orders what several proxies say.
    pub(crate) fn signed(&self, ops: &[ProxyOp]) -> Vec<Signed<ProxyOp>> {
        let mut signed: Vec<_> = ops.iter().map(|op| self.sign(op)).collect();
        signed.sort_by_key(|op| op.message.proxy);
        signed
    }

    /// A transfer that a book of [`World::of_four`] makes: members 0 and 1 sign, 0 also for 2.
    pub(crate) fn transfer(&self, id: u8, amount: u64) -> Vec<Signed<ProxyOp>> {
        self.signed(&[self.op(0, &[2], id, amount), self.op(1, &[], id, amount)])
    }
}
