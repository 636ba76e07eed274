//! Proxy signatures: a league's validators let each other sign for them (WP 3.7, SPEC 2).
//!
//! Delegation by warrant after Boldyreva, Palacio and Warinschi ("Secure Proxy Signature Schemes
//! for Delegation of Signing Rights", generic construction), both layers recoverable ECDSA over
//! EIP-712 in PAPC's [`domain`]. A delegator signs a [`Warrant`], a proxy signs a [`ProxyOp`] that
//! names the warrants it acts under; the [`WarrantBook`] of an epoch holds what is registered and
//! decides. The contract PAPC decides by the same rules:
//!
//! 1. The operations of one transfer are the same but for the proxy and what it stands on; proxies
//!    strictly ascend, so that none counts twice.
//! 2. Every set bit of `principals` is a member, other than the proxy, whose registered warrant to
//!    this proxy is in force at this height and covers the kind; `warrantRoot` is Keccak-256 over
//!    those warrants' `hashStruct` in bit order. Delegated power cannot be delegated on: a bit
//!    stands for the delegator's own warrant only.
//! 3. The amount is within every used warrant's `perTxCap`, and within its `windowCap` together
//!    with what was moved in the delegator's name by proxies, and with what the proxy signed, in
//!    this window and the one before. Windows are `floor(height / window)`, so no `window` heights
//!    in a row ever see more than the cap. Every proxy that signs is charged, and every delegator
//!    once, so that exactly as many stolen keys as the proxies' threshold move no more than one
//!    warrant's `windowCap` in a window.
//! 4. Delegators and proxies together are at least the principals' threshold (over 70 % of the
//!    ring), and the proxies are at least theirs (`floor(n / 3) + 1`): one stolen key moves
//!    nothing.
//! 5. A transfer's id is spent once, for ever; the key is the id, never a signature's bytes.
//!
//! Heights are the public chain's; both ends of a validity and a deadline are inside.
//!
//! ```
//! use mbt_crypto::{Address, H256, SecretKey};
//! use mbt_crypto::proxy::{
//!     Membership, ProxyOp, Scope, Signed, Terms, Thresholds, Warrant, WarrantBook, domain,
//!     op_kind,
//! };
//!
//! let (league, papc) = (Address([1; 20]), Address([2; 20]));
//! let terms = Terms {
//!     public_chain_id: 31_337.into(), papc, league, window: 5_760, transfers_max: 1_000,
//! };
//! let domain = domain(terms.public_chain_id, papc);
//! let keys = [3, 4, 5, 6].map(|byte| SecretKey::from_bytes([byte; 32]).expect("in range"));
//! let ring = keys.each_ref().map(|key| {
//!     Signed::new(key, &domain, Membership { league, epoch: 0, member: key.address() })
//! });
//! let mut book = WarrantBook::open(terms, 0, &ring, Thresholds::for_ring(4)?)?;
//!
//! // The first member lets the second pay up to 5 at a time for it.
//! let payout = op_kind(papc, [0xab; 4], H256::zero());
//! let scope = Scope::new(vec![payout])?;
//! let warrant = Warrant {
//!     league,
//!     delegator: keys[0].address(),
//!     proxy: keys[1].address(),
//!     epoch: 0,
//!     valid_from: 0,
//!     valid_until: 10_000,
//!     scope: scope.hash(),
//!     per_tx_cap: 5.into(),
//!     window_cap: 20.into(),
//!     serial: 1,
//! };
//! book.register(&Signed::new(&keys[0], &domain, warrant), &scope, 100)?;
//!
//! // The second and third member pay: with the first one's warrant three of four agree.
//! let mut operations = [1, 2].map(|member: usize| {
//!     let proxy = keys[member].address();
//!     let (principals, warrant_root) =
//!         book.principals_of(proxy, payout, 5.into(), 100).expect("a member");
//!     let op = ProxyOp {
//!         league,
//!         epoch: 0,
//!         proxy,
//!         principals,
//!         warrant_root,
//!         op_kind: payout,
//!         transfer_id: H256([7; 32]),
//!         league_tx_hash: H256([8; 32]),
//!         league_block_hash: H256([9; 32]),
//!         to: Address([10; 20]),
//!         amount: 5.into(),
//!         deadline: 200,
//!     };
//!     Signed::new(&keys[member], &domain, op)
//! });
//! operations.sort_by_key(|op| op.message.proxy);
//! let authorisation = book.apply(&operations, 101)?;
//! assert_eq!(authorisation.covered, 0b111.into());
//! assert!(book.apply(&operations, 101).is_err(), "a transfer is made once");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod book;
mod error;
mod evidence;
mod message;
mod rules;
mod scope;
mod window;

pub use book::{Authorisation, Signer, WarrantBook};
pub use error::{OpenError, RegisterError, RevokeError, ThresholdError, TransferError};
pub use evidence::{Equivocation, EquivocationError};
pub use message::{Membership, ProxyOp, Revocation, Signed, Warrant, domain};
pub use rules::{Terms, Thresholds};
pub use scope::{InvalidScope, Scope, op_kind};
