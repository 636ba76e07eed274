//! An epoch's warrants, and the decision over a transfer.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use primitive_types::{H256, U256};

use super::{
    Membership, OpenError, ProxyOp, RegisterError, Revocation, RevokeError, Scope, Signed, Terms,
    Thresholds, TransferError, Warrant, domain,
    rules::{MEMBERS_MAX, supply},
    window::Spending,
};
use crate::{
    Address,
    eip712::{Domain, TypedStruct},
};

/// The registered warrants of a league's epoch, the transfers that were made and what counts
/// against caps. Nothing changes on `Err`.
///
/// Who may open a new epoch is decided elsewhere (the league's registry); heights never fall.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WarrantBook {
    terms: Terms,
    domain: Domain,
    separator: H256,
    epoch: u64,
    ring: Vec<Address>,
    thresholds: Thresholds,
    height: u64,
    /// By the positions of delegator and proxy in the ring.
    delegations: BTreeMap<(usize, usize), Delegation>,
    transfers: BTreeSet<H256>,
    by_principal: Spending,
    by_proxy: Spending,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Delegation {
    /// The highest serial seen.
    serial: u64,
    /// None once revoked.
    registered: Option<Registered>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Registered {
    warrant: Warrant,
    hash: H256,
    scope: Scope,
}

/// A transfer that may be made: who signed, and for whom.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Authorisation {
    /// The transfer.
    pub transfer_id: H256,
    /// Coin, in the smallest unit.
    pub amount: U256,
    /// Who signed, ascending.
    pub signers: Vec<Signer>,
    /// All members covered, proxies included: bit i is the ring's member i.
    pub covered: U256,
}

/// A proxy that signed, and for whom.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signer {
    /// Who signed.
    pub proxy: Address,
    /// For whom besides itself, in the ring's order.
    pub principals: Vec<Address>,
}

impl WarrantBook {
    /// Opens a league's first epoch here: the ring in its order, every member with the proof that
    /// it holds its key, and thresholds as storage has them.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(
        terms: Terms,
        epoch: u64,
        ring: &[Signed<Membership>],
        thresholds: Thresholds,
    ) -> Result<Self, OpenError> {
        let domain = domain(terms.public_chain_id, terms.papc);
        let book = Self {
            terms,
            separator: domain.separator(),
            domain,
            epoch,
            ring: Vec::new(),
            thresholds,
            height: 0,
            delegations: BTreeMap::new(),
            transfers: BTreeSet::new(),
            by_principal: Spending::default(),
            by_proxy: Spending::default(),
        };
        if terms.window == 0 {
            return Err(OpenError::ZeroWindow);
        }
        let ring = book.check_ring(epoch, ring, thresholds)?;
        Ok(Self { ring, ..book })
    }

    /// Opens the next epoch. Every warrant ends; transfers stay made and windows keep counting.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_next(
        &mut self,
        ring: &[Signed<Membership>],
        thresholds: Thresholds,
        height: u64,
    ) -> Result<(), OpenError> {
        if height < self.height {
            return Err(OpenError::HeightFell { seen: height, last: self.height });
        }
        let epoch = self.epoch.checked_add(1).ok_or(OpenError::LastEpoch)?;
        self.ring = self.check_ring(epoch, ring, thresholds)?;
        self.epoch = epoch;
        self.thresholds = thresholds;
        self.height = height;
        self.delegations.clear();
        let window = self.window(height);
        self.by_principal.prune(window);
        self.by_proxy.prune(window);
        Ok(())
    }

    /// Registers a warrant, whose scope is given along; it ends the one of a lower serial.
    ///
    /// # Errors
    /// See [`RegisterError`].
    pub fn register(
        &mut self,
        warrant: &Signed<Warrant>,
        scope: &Scope,
        height: u64,
    ) -> Result<(), RegisterError> {
        let message = &warrant.message;
        if height < self.height {
            return Err(RegisterError::HeightFell { seen: height, last: self.height });
        }
        if message.league != self.terms.league {
            return Err(RegisterError::WrongLeague { seen: message.league });
        }
        if message.epoch != self.epoch {
            return Err(RegisterError::WrongEpoch { seen: message.epoch, expected: self.epoch });
        }
        let member = |account| self.position(account).ok_or(RegisterError::NotMember { account });
        let pair = (member(message.delegator)?, member(message.proxy)?);
        if pair.0 == pair.1 {
            return Err(RegisterError::SelfDelegation);
        }
        let (from, until) = (message.valid_from, message.valid_until);
        if from > until || until < height {
            return Err(RegisterError::NeverValid { from, until, height });
        }
        let (per_tx, window) = (message.per_tx_cap, message.window_cap);
        if per_tx.is_zero() || per_tx > window || window > supply() {
            return Err(RegisterError::Caps { per_tx, window });
        }
        if scope.hash() != message.scope {
            let (given, expected) = (scope.hash(), message.scope);
            return Err(RegisterError::WrongScope { given, expected });
        }
        let last = self.serial(pair);
        if message.serial <= last {
            return Err(RegisterError::StaleSerial { seen: message.serial, last });
        }
        if message.serial == u64::MAX {
            return Err(RegisterError::LastSerial);
        }
        warrant.verify(self.separator, message.delegator).map_err(RegisterError::Signature)?;

        let registered =
            Registered { warrant: *message, hash: message.hash_struct(), scope: scope.clone() };
        let delegation = Delegation { serial: message.serial, registered: Some(registered) };
        self.delegations.insert(pair, delegation);
        self.height = height;
        Ok(())
    }

    /// Ends whatever the delegator gave the proxy below the revocation's serial.
    ///
    /// # Errors
    /// See [`RevokeError`].
    pub fn revoke(&mut self, revocation: &Signed<Revocation>) -> Result<(), RevokeError> {
        let message = &revocation.message;
        if message.league != self.terms.league {
            return Err(RevokeError::WrongLeague { seen: message.league });
        }
        if message.epoch != self.epoch {
            return Err(RevokeError::WrongEpoch { seen: message.epoch, expected: self.epoch });
        }
        let member = |account| self.position(account).ok_or(RevokeError::NotMember { account });
        let pair = (member(message.delegator)?, member(message.proxy)?);
        if pair.0 == pair.1 {
            return Err(RevokeError::SelfDelegation);
        }
        let last = self.serial(pair);
        if message.serial <= last {
            return Err(RevokeError::StaleSerial { seen: message.serial, last });
        }
        revocation.verify(self.separator, message.delegator).map_err(RevokeError::Signature)?;

        let delegation = Delegation { serial: message.serial, registered: None };
        self.delegations.insert(pair, delegation);
        Ok(())
    }

    /// Decides over a transfer without making it.
    ///
    /// # Errors
    /// See [`TransferError`].
    pub fn check(
        &self,
        operations: &[Signed<ProxyOp>],
        height: u64,
    ) -> Result<Authorisation, TransferError> {
        if height < self.height {
            return Err(TransferError::HeightFell { seen: height, last: self.height });
        }
        let first = match operations {
            [first, ..] if operations.len() <= self.ring.len() => &first.message,
            _ => {
                return Err(TransferError::Operations {
                    operations: operations.len(),
                    members: self.ring.len(),
                });
            }
        };
        self.check_transfer(first, height)?;

        let mut signers = Vec::with_capacity(operations.len());
        let mut covered = U256::zero();
        for (index, operation) in operations.iter().enumerate() {
            let operation = &operation.message;
            if operation.epoch != self.epoch {
                let (seen, expected) = (operation.epoch, self.epoch);
                return Err(TransferError::WrongEpoch { index, seen, expected });
            }
            if !operation.same_content(first) {
                return Err(TransferError::Differs { index });
            }
            let ascends = |last: &Signer| last.proxy < operation.proxy;
            if !signers.last().is_none_or(ascends) {
                return Err(TransferError::NotAscending { index });
            }
            let (signer, position) = self.check_warrants(index, operation, height)?;
            covered |= operation.principals | (U256::one() << position);
            signers.push(signer);
        }
        self.check_thresholds(covered, signers.len())?;
        // Last, as the dearest.
        for (index, operation) in operations.iter().enumerate() {
            operation
                .verify(self.separator, operation.message.proxy)
                .map_err(|source| TransferError::Signature { index, source })?;
        }
        let (transfer_id, amount) = (first.transfer_id, first.amount);
        Ok(Authorisation { transfer_id, amount, signers, covered })
    }

    /// Decides over a transfer, and on `Ok` marks it as made and counts it against caps.
    ///
    /// # Errors
    /// See [`TransferError`].
    pub fn apply(
        &mut self,
        operations: &[Signed<ProxyOp>],
        height: u64,
    ) -> Result<Authorisation, TransferError> {
        let authorisation = self.check(operations, height)?;
        let window = self.window(height);
        let principals: BTreeSet<_> =
            authorisation.signers.iter().flat_map(|signer| &signer.principals).copied().collect();
        for principal in principals {
            self.by_principal.add(principal, window, authorisation.amount);
        }
        for signer in &authorisation.signers {
            self.by_proxy.add(signer.proxy, window, authorisation.amount);
        }
        self.transfers.insert(authorisation.transfer_id);
        self.height = height;
        Ok(authorisation)
    }

    /// Returns the epoch.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Returns the members in the ring's order.
    #[must_use]
    pub fn ring(&self) -> &[Address] {
        &self.ring
    }

    /// Returns how many must stand behind a transfer.
    #[must_use]
    pub const fn thresholds(&self) -> Thresholds {
        self.thresholds
    }

    /// Returns the domain in which everything here is signed.
    #[must_use]
    pub const fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Returns the warrant registered from `delegator` to `proxy`, in force or not.
    #[must_use]
    pub fn warrant(&self, delegator: Address, proxy: Address) -> Option<&Warrant> {
        let pair = (self.position(delegator)?, self.position(proxy)?);
        self.registered(pair).map(|registered| &registered.warrant)
    }

    /// Whether a transfer was made.
    #[must_use]
    pub fn is_made(&self, transfer_id: H256) -> bool {
        self.transfers.contains(&transfer_id)
    }

    /// Returns the principals and the warrant root that `proxy` may sign an operation of `kind`
    /// and `amount` with at `height`: every member whose warrant allows it. What counts against
    /// windows is left to [`WarrantBook::check`].
    #[must_use]
    pub fn principals_of(
        &self,
        proxy: Address,
        kind: H256,
        amount: U256,
        height: u64,
    ) -> Option<(U256, H256)> {
        let proxy = self.position(proxy)?;
        let mut principals = U256::zero();
        let mut hashes = Vec::new();
        for delegator in 0..self.ring.len() {
            let Some(registered) = self.registered((delegator, proxy)) else { continue };
            if registered.in_force(height)
                && registered.scope.allows(kind)
                && amount <= registered.warrant.per_tx_cap
            {
                principals |= U256::one() << delegator;
                hashes.push(registered.hash);
            }
        }
        Some((principals, ProxyOp::root_of(hashes)))
    }

    fn check_ring(
        &self,
        epoch: u64,
        registrations: &[Signed<Membership>],
        thresholds: Thresholds,
    ) -> Result<Vec<Address>, OpenError> {
        let members = registrations.len();
        if members == 0 || members > MEMBERS_MAX {
            return Err(OpenError::RingLength { members, max: MEMBERS_MAX });
        }
        thresholds.check(members)?;
        let mut seen = BTreeSet::new();
        let mut ring = Vec::with_capacity(members);
        for (index, registration) in registrations.iter().enumerate() {
            let Membership { league, epoch: named, member } = registration.message;
            if league != self.terms.league {
                return Err(OpenError::WrongLeague { index, seen: league });
            }
            if named != epoch {
                return Err(OpenError::WrongEpoch { index, seen: named, expected: epoch });
            }
            if !seen.insert(member) {
                return Err(OpenError::DuplicateMember { member });
            }
            registration
                .verify(self.separator, member)
                .map_err(|source| OpenError::NotPossessed { index, source })?;
            ring.push(member);
        }
        Ok(ring)
    }

    fn check_transfer(&self, operation: &ProxyOp, height: u64) -> Result<(), TransferError> {
        if operation.league != self.terms.league {
            return Err(TransferError::WrongLeague { seen: operation.league });
        }
        if height > operation.deadline {
            let deadline = operation.deadline;
            return Err(TransferError::DeadlinePassed { deadline, height });
        }
        if operation.amount.is_zero() || operation.amount > supply() {
            return Err(TransferError::Amount { amount: operation.amount });
        }
        if self.transfers.contains(&operation.transfer_id) {
            return Err(TransferError::AlreadyMade { id: operation.transfer_id });
        }
        if self.transfers.len() >= self.terms.transfers_max {
            return Err(TransferError::BookFull { max: self.terms.transfers_max });
        }
        Ok(())
    }

    /// Checks for whom a proxy signs; returns that and the proxy's position.
    fn check_warrants(
        &self,
        index: usize,
        operation: &ProxyOp,
        height: u64,
    ) -> Result<(Signer, usize), TransferError> {
        let proxy = operation.proxy;
        let position = self.position(proxy).ok_or(TransferError::NotMember { account: proxy })?;
        if operation.principals.bits() > self.ring.len() {
            return Err(TransferError::UnknownPrincipal { index });
        }
        if operation.principals.bit(position) {
            return Err(TransferError::SelfPrincipal { proxy });
        }
        let mut principals = Vec::new();
        let mut hashes = Vec::new();
        for (delegator, principal) in self.ring.iter().copied().enumerate() {
            if !operation.principals.bit(delegator) {
                continue;
            }
            let registered = self
                .registered((delegator, position))
                .ok_or(TransferError::NoWarrant { principal, proxy })?;
            self.check_warrant(registered, operation, height)?;
            principals.push(principal);
            hashes.push(registered.hash);
        }
        let (seen, expected) = (operation.warrant_root, ProxyOp::root_of(hashes));
        if seen != expected {
            return Err(TransferError::WrongWarrants { index, seen, expected });
        }
        Ok((Signer { proxy, principals }, position))
    }

    fn check_warrant(
        &self,
        registered: &Registered,
        operation: &ProxyOp,
        height: u64,
    ) -> Result<(), TransferError> {
        let Warrant { delegator: principal, proxy, per_tx_cap, window_cap, .. } =
            registered.warrant;
        let amount = operation.amount;
        if !registered.in_force(height) {
            return Err(TransferError::NotInForce { principal, proxy, height });
        }
        if !registered.scope.allows(operation.op_kind) {
            return Err(TransferError::OutOfScope { principal, proxy });
        }
        if amount > per_tx_cap {
            return Err(TransferError::AboveCap { principal, amount, cap: per_tx_cap });
        }
        let window = self.window(height);
        for (account, spending) in [(principal, &self.by_principal), (proxy, &self.by_proxy)] {
            let spent = spending.recent(account, window);
            if spent.checked_add(amount).is_none_or(|sum| sum > window_cap) {
                return Err(TransferError::AboveWindowCap {
                    account,
                    amount,
                    spent,
                    cap: window_cap,
                });
            }
        }
        Ok(())
    }

    fn check_thresholds(&self, covered: U256, signed: usize) -> Result<(), TransferError> {
        let covered = (0..self.ring.len()).filter(|position| covered.bit(*position)).count();
        if covered < usize::from(self.thresholds.principals) {
            let needed = self.thresholds.principals;
            return Err(TransferError::TooFewPrincipals { covered, needed });
        }
        if signed < usize::from(self.thresholds.proxies) {
            let needed = self.thresholds.proxies;
            return Err(TransferError::TooFewProxies { signed, needed });
        }
        Ok(())
    }

    fn position(&self, account: Address) -> Option<usize> {
        self.ring.iter().position(|member| *member == account)
    }

    fn registered(&self, pair: (usize, usize)) -> Option<&Registered> {
        self.delegations.get(&pair)?.registered.as_ref()
    }

    fn serial(&self, pair: (usize, usize)) -> u64 {
        self.delegations.get(&pair).map_or(0, |delegation| delegation.serial)
    }

    /// Returns the number of the window that `height` is in. Its length is above zero.
    const fn window(&self, height: u64) -> u64 {
        height / self.terms.window
    }
}

impl Registered {
    const fn in_force(&self, height: u64) -> bool {
        self.warrant.valid_from <= height && height <= self.warrant.valid_until
    }
}
