//! Why something is refused. Nothing has changed then.

use primitive_types::{H256, U256};

use crate::{Address, InvalidSignature};

/// Why thresholds are refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ThresholdError {
    /// A threshold is zero, as storage that nobody initialised reads.
    #[error("threshold is zero")]
    Zero,
    /// More than the ring has.
    #[error("threshold {threshold} is above the ring's {members} members")]
    AboveRing {
        /// The threshold.
        threshold: u16,
        /// Members of the ring.
        members: usize,
    },
    /// The principals' threshold is not over 70 % of the ring.
    #[error("threshold {threshold} of principals is below {least}, over 70 % of the ring")]
    TooFewPrincipals {
        /// The threshold.
        threshold: u16,
        /// The least that is over 70 %.
        least: u16,
    },
}

/// Why an epoch cannot be opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The window has no heights.
    #[error("window of no heights")]
    ZeroWindow,
    /// Nobody, or more members than the bitmap has bits.
    #[error("ring of {members} members, expected 1 to {max}")]
    RingLength {
        /// Members given.
        members: usize,
        /// Members allowed.
        max: usize,
    },
    /// The thresholds do not fit the ring.
    #[error(transparent)]
    Thresholds(#[from] ThresholdError),
    /// A registration is of another league.
    #[error("registration {index} is of league {seen:?}")]
    WrongLeague {
        /// Its place.
        index: usize,
        /// The league it names.
        seen: Address,
    },
    /// A registration is of another epoch.
    #[error("registration {index} is of epoch {seen}, expected {expected}")]
    WrongEpoch {
        /// Its place.
        index: usize,
        /// The epoch it names.
        seen: u64,
        /// The epoch that opens.
        expected: u64,
    },
    /// A member registers twice.
    #[error("{member:?} is in the ring twice")]
    DuplicateMember {
        /// Who.
        member: Address,
    },
    /// A registration is not signed by the member's own key.
    #[error("registration {index} proves no possession: {source}")]
    NotPossessed {
        /// Its place.
        index: usize,
        /// Why.
        source: InvalidSignature,
    },
    /// There is no later epoch.
    #[error("the last epoch has no successor")]
    LastEpoch,
    /// The height is below one that was seen.
    #[error("height {seen} is below {last}, which was seen")]
    HeightFell {
        /// The height given.
        seen: u64,
        /// The last height.
        last: u64,
    },
}

/// Why a warrant is not registered.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The height is below one that was seen.
    #[error("height {seen} is below {last}, which was seen")]
    HeightFell {
        /// The height given.
        seen: u64,
        /// The last height.
        last: u64,
    },
    /// Of another league.
    #[error("warrant of league {seen:?}")]
    WrongLeague {
        /// The league it names.
        seen: Address,
    },
    /// Of another epoch.
    #[error("warrant of epoch {seen}, expected {expected}")]
    WrongEpoch {
        /// The epoch it names.
        seen: u64,
        /// The book's.
        expected: u64,
    },
    /// Delegator or proxy is not in the ring.
    #[error("{account:?} is not in the ring")]
    NotMember {
        /// Who.
        account: Address,
    },
    /// Delegator and proxy are the same.
    #[error("delegator and proxy are the same")]
    SelfDelegation,
    /// It is in force at no height from here on.
    #[error("valid from {from} until {until} is over at height {height}")]
    NeverValid {
        /// First height.
        from: u64,
        /// Last height.
        until: u64,
        /// The height given.
        height: u64,
    },
    /// A cap is zero, above the supply, or one transfer's above the window's.
    #[error("caps of {per_tx} a transfer and {window} a window do not bound")]
    Caps {
        /// Of one transfer.
        per_tx: U256,
        /// Of a window.
        window: U256,
    },
    /// The scope that was given is not the warrant's.
    #[error("scope {given} was given, the warrant says {expected}")]
    WrongScope {
        /// Hash of the scope given.
        given: H256,
        /// The warrant's.
        expected: H256,
    },
    /// The serial is not above the last one.
    #[error("serial {seen} is not above {last}")]
    StaleSerial {
        /// The warrant's.
        seen: u64,
        /// The highest seen.
        last: u64,
    },
    /// The serial is the greatest: nothing could ever revoke the warrant.
    #[error("no serial is left to revoke the warrant with")]
    LastSerial,
    /// Not signed by the delegator.
    #[error("not signed by the delegator: {0}")]
    Signature(InvalidSignature),
}

/// Why a revocation is not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RevokeError {
    /// Of another league.
    #[error("revocation of league {seen:?}")]
    WrongLeague {
        /// The league it names.
        seen: Address,
    },
    /// Of another epoch.
    #[error("revocation of epoch {seen}, expected {expected}")]
    WrongEpoch {
        /// The epoch it names.
        seen: u64,
        /// The book's.
        expected: u64,
    },
    /// Delegator or proxy is not in the ring.
    #[error("{account:?} is not in the ring")]
    NotMember {
        /// Who.
        account: Address,
    },
    /// Delegator and proxy are the same.
    #[error("delegator and proxy are the same")]
    SelfDelegation,
    /// The serial is not above the last one.
    #[error("serial {seen} is not above {last}")]
    StaleSerial {
        /// The revocation's.
        seen: u64,
        /// The highest seen.
        last: u64,
    },
    /// Not signed by the delegator.
    #[error("not signed by the delegator: {0}")]
    Signature(InvalidSignature),
}

/// Why a transfer is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The height is below one that was seen.
    #[error("height {seen} is below {last}, which was seen")]
    HeightFell {
        /// The height given.
        seen: u64,
        /// The last height.
        last: u64,
    },
    /// No operation, or more than the ring has members.
    #[error("{operations} operations, expected 1 to {members}")]
    Operations {
        /// Operations given.
        operations: usize,
        /// Members of the ring.
        members: usize,
    },
    /// Of another league.
    #[error("operation of league {seen:?}")]
    WrongLeague {
        /// The league it names.
        seen: Address,
    },
    /// Of another epoch.
    #[error("operation {index} is of epoch {seen}, expected {expected}")]
    WrongEpoch {
        /// Its place.
        index: usize,
        /// The epoch it names.
        seen: u64,
        /// The book's.
        expected: u64,
    },
    /// The deadline has passed.
    #[error("deadline {deadline} has passed at height {height}")]
    DeadlinePassed {
        /// Last height at which it counted.
        deadline: u64,
        /// The height given.
        height: u64,
    },
    /// Nothing is moved, or more than there is.
    #[error("amount {amount} is zero or above the supply")]
    Amount {
        /// The amount.
        amount: U256,
    },
    /// The transfer was made before.
    #[error("transfer {id} was made before")]
    AlreadyMade {
        /// The transfer.
        id: H256,
    },
    /// The book remembers as many transfers as it can.
    #[error("{max} transfers were made, the book is full")]
    BookFull {
        /// Transfers that it remembers.
        max: usize,
    },
    /// An operation tells something else than the first.
    #[error("operation {index} differs from the first")]
    Differs {
        /// Its place.
        index: usize,
    },
    /// Proxies do not strictly ascend.
    #[error("the proxy of operation {index} does not come after the one before it")]
    NotAscending {
        /// Its place.
        index: usize,
    },
    /// The proxy is not in the ring.
    #[error("proxy {account:?} is not in the ring")]
    NotMember {
        /// Who.
        account: Address,
    },
    /// A bit beyond the ring.
    #[error("operation {index} has principals beyond the ring")]
    UnknownPrincipal {
        /// Its place.
        index: usize,
    },
    /// The proxy's own bit is set. It counts without.
    #[error("proxy {proxy:?} names itself as principal")]
    SelfPrincipal {
        /// Who.
        proxy: Address,
    },
    /// A principal has no warrant to this proxy registered, or revoked it.
    #[error("{principal:?} has no warrant to {proxy:?}")]
    NoWarrant {
        /// The member named.
        principal: Address,
        /// Who signed.
        proxy: Address,
    },
    /// A warrant is not in force at this height.
    #[error("warrant of {principal:?} to {proxy:?} is not in force at height {height}")]
    NotInForce {
        /// The delegator.
        principal: Address,
        /// Who signed.
        proxy: Address,
        /// The height given.
        height: u64,
    },
    /// A warrant does not allow this kind of operation.
    #[error("warrant of {principal:?} to {proxy:?} does not allow this kind of operation")]
    OutOfScope {
        /// The delegator.
        principal: Address,
        /// Who signed.
        proxy: Address,
    },
    /// The warrants are not those the proxy signed for.
    #[error("operation {index} was signed for warrants {seen}, registered are {expected}")]
    WrongWarrants {
        /// Its place.
        index: usize,
        /// The root it names.
        seen: H256,
        /// The root of the registered warrants.
        expected: H256,
    },
    /// The amount is above what a warrant allows for one transfer.
    #[error("amount {amount} is above {principal:?}'s cap of {cap}")]
    AboveCap {
        /// The delegator.
        principal: Address,
        /// The amount.
        amount: U256,
        /// The cap.
        cap: U256,
    },
    /// The amount is above what a warrant leaves in this window.
    #[error("amount {amount} after {spent} is above the window's cap of {cap}")]
    AboveWindowCap {
        /// Delegator or proxy, whose window it is.
        account: Address,
        /// The amount.
        amount: U256,
        /// What counts already.
        spent: U256,
        /// The cap.
        cap: U256,
    },
    /// Too few members are covered.
    #[error("{covered} members are covered, {needed} are needed")]
    TooFewPrincipals {
        /// Members covered.
        covered: usize,
        /// Members needed.
        needed: u16,
    },
    /// Too few proxies signed.
    #[error("{signed} proxies signed, {needed} are needed")]
    TooFewProxies {
        /// Proxies that signed.
        signed: usize,
        /// Proxies needed.
        needed: u16,
    },
    /// An operation is not signed by its proxy.
    #[error("operation {index} is not signed by its proxy: {source}")]
    Signature {
        /// Its place.
        index: usize,
        /// Why.
        source: InvalidSignature,
    },
}
