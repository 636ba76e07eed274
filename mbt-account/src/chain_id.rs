//! Which chain a chain id names (SPEC 2): the same keys are used on every chain, so the ids are
//! assigned and a signature for one chain is never good on another.

/// The public chain, "MBT".
pub const PUBLIC_CHAIN_ID: u64 = 5_063_252;

/// The public test network.
pub const TEST_CHAIN_ID: u64 = 5_063_253;

/// Development networks.
pub const DEVELOPMENT_CHAIN_ID: u64 = 31_337;

/// Bits of a league's chain id that number it under its public chain.
const LEAGUE_BITS: u32 = 28;

/// Tells whether a public chain assigns an id to its leagues: `public id * 2^28 + n`, n not 0.
pub(crate) const fn is_league_of(league_id: u64, public_id: u64) -> bool {
    league_id >> LEAGUE_BITS == public_id && league_id & ((1 << LEAGUE_BITS) - 1) != 0
}

/// A public chain: the one with value, or one to try things on.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum PublicChain {
    /// The public chain.
    Main,
    /// The public test network.
    Test,
    /// A development network.
    Development,
}

impl PublicChain {
    /// Returns the chain's id.
    #[must_use]
    pub const fn chain_id(self) -> u64 {
        match self {
            Self::Main => PUBLIC_CHAIN_ID,
            Self::Test => TEST_CHAIN_ID,
            Self::Development => DEVELOPMENT_CHAIN_ID,
        }
    }

    const fn from_id(chain_id: u64) -> Option<Self> {
        match chain_id {
            PUBLIC_CHAIN_ID => Some(Self::Main),
            TEST_CHAIN_ID => Some(Self::Test),
            DEVELOPMENT_CHAIN_ID => Some(Self::Development),
            _ => None,
        }
    }
}

/// A chain by the scheme of assigned ids.
///
/// ```
/// use mbt_account::{AssignedChain, PublicChain};
///
/// let league = AssignedChain::League { of: PublicChain::Main, number: 7 };
/// assert_eq!(AssignedChain::from_id(league.chain_id()), Some(league));
/// assert_eq!(AssignedChain::from_id(1), None); // Ethereum's
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum AssignedChain {
    /// A public chain.
    Public(PublicChain),
    /// The league of a number, from 1 to 2^28 - 1, under a public chain.
    League {
        /// The chain the league is registered on.
        of: PublicChain,
        /// Its number there.
        number: u32,
    },
}

impl AssignedChain {
    /// Returns the chain that an id names; none for an id outside the scheme.
    #[must_use]
    pub fn from_id(chain_id: u64) -> Option<Self> {
        if let Some(public) = PublicChain::from_id(chain_id) {
            return Some(Self::Public(public));
        }
        let of = PublicChain::from_id(chain_id >> LEAGUE_BITS)?;
        let number = u32::try_from(chain_id & ((1 << LEAGUE_BITS) - 1)).ok()?;
        (number > 0).then_some(Self::League { of, number })
    }

    /// Returns the id: a league's is `public id * 2^28 + number`.
    #[must_use]
    pub const fn chain_id(self) -> u64 {
        match self {
            Self::Public(public) => public.chain_id(),
            Self::League { of, number } => of.chain_id() << LEAGUE_BITS | number as u64,
        }
    }

    /// Returns the public chain itself, or the one that the league is registered on.
    #[must_use]
    pub const fn public_chain(self) -> PublicChain {
        match self {
            Self::Public(public) | Self::League { of: public, .. } => public,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_of_the_scheme_name_chains() {
        let first = PUBLIC_CHAIN_ID << 28 | 1;
        assert_eq!(
            AssignedChain::from_id(first),
            Some(AssignedChain::League { of: PublicChain::Main, number: 1 })
        );
        for stranger in [0, 1, PUBLIC_CHAIN_ID + 2, first - 1, 2 << 28 | 1, u64::MAX] {
            assert_eq!(AssignedChain::from_id(stranger), None, "{stranger}");
        }
        let last = AssignedChain::League { of: PublicChain::Development, number: (1 << 28) - 1 };
        assert_eq!(AssignedChain::from_id(last.chain_id()), Some(last));
    }
}
