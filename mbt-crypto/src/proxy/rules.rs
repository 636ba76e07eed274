//! What a ring agrees on.

use primitive_types::U256;

use super::ThresholdError;
use crate::Address;

/// Most members of a ring: bits of the principals' bitmap.
pub(super) const MEMBERS_MAX: usize = 256;

/// The public chain's whole supply in the smallest unit (2,000,000,000 coins of 18 decimals): a
/// cap above it caps nothing and is refused.
pub(super) fn supply() -> U256 {
    U256::from(2_000_000_000_u128 * 1_000_000_000_000_000_000)
}

/// How many must stand behind a transfer.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Thresholds {
    /// Members covered: delegators and proxies together.
    pub principals: u16,
    /// Distinct proxies that signed.
    pub proxies: u16,
}

impl Thresholds {
    /// Returns the default for a ring: `floor(7n / 10) + 1` principals, `floor(n / 3) + 1` proxies.
    ///
    /// # Errors
    /// As [`Thresholds::check`]: for an empty ring.
    pub fn for_ring(members: u16) -> Result<Self, ThresholdError> {
        let thresholds = Self { principals: least_principals(members), proxies: members / 3 + 1 };
        thresholds.check(members.into())?;
        Ok(thresholds)
    }

    /// Checks thresholds that were read from storage against the ring they are for.
    ///
    /// # Errors
    /// See [`ThresholdError`].
    pub fn check(&self, members: usize) -> Result<(), ThresholdError> {
        if self.principals == 0 || self.proxies == 0 {
            return Err(ThresholdError::Zero);
        }
        for threshold in [self.principals, self.proxies] {
            if usize::from(threshold) > members {
                return Err(ThresholdError::AboveRing { threshold, members });
            }
        }
        let least = least_principals(u16::try_from(members).unwrap_or(u16::MAX));
        if self.principals < least {
            return Err(ThresholdError::TooFewPrincipals { threshold: self.principals, least });
        }
        Ok(())
    }
}

fn least_principals(members: u16) -> u16 {
    let least = u32::from(members) * 7 / 10 + 1;
    u16::try_from(least).unwrap_or(u16::MAX)
}

/// What stays the same from epoch to epoch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Terms {
    /// The public chain's id.
    pub public_chain_id: U256,
    /// The contract PAPC.
    pub papc: Address,
    /// The league's account.
    pub league: Address,
    /// Length of the window that caps count in, in public heights.
    pub window: u64,
    /// Most transfers that a book remembers, none of which it may ever forget. Each took a quorum,
    /// so only a quorum can fill it. The contract's storage has no such bound.
    pub transfers_max: usize,
}
