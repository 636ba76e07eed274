//! Where the fees of a block go (SPEC 4).

use mbt_crypto::U256;

/// Share of a block's fees that is burned, in percent (WP 6.3).
const BURNED_PERCENT: u64 = 15;

/// Who gets the fees.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum FeePolicy {
    /// This system's: a share is burned, tips go to the miner and base fees to the CommunityPool,
    /// all at the end of the block.
    #[default]
    Mbt,
    /// Ethereum's, for its tests: base fees are burned, tips go to the miner at once.
    Ethereum,
}

/// The fees of a block, divided. The three parts sum to all of it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FeeSplit {
    /// Destroyed: `floor(total * 15 / 100)`.
    pub burned: U256,
    /// For the miner: the tips without their share of what is burned.
    pub miner: U256,
    /// For the CommunityPool: the rest.
    pub pool: U256,
}

impl FeeSplit {
    /// Divides a block's fees. None when the sums overflow, which no supply of coin allows.
    #[must_use]
    pub fn of(tips: U256, base_fees: U256) -> Option<Self> {
        let total = tips.checked_add(base_fees)?;
        let burned = share(total)?;
        let miner = tips.checked_sub(share(tips)?)?;
        let pool = total.checked_sub(burned)?.checked_sub(miner)?;
        Some(Self { burned, miner, pool })
    }
}

fn share(amount: U256) -> Option<U256> {
    amount.checked_mul(BURNED_PERCENT.into()).map(|product| product / 100)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shares_of_round_numbers_are_exact() {
        let split = FeeSplit::of(200.into(), 1000.into()).unwrap();
        assert_eq!(split, FeeSplit { burned: 180.into(), miner: 170.into(), pool: 850.into() });
    }

    #[test]
    fn overflow_is_told() {
        assert_eq!(FeeSplit::of(U256::MAX, 1.into()), None);
        assert_eq!(FeeSplit::of(U256::MAX, 0.into()), None);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_made(tips in any::<u128>(), base in any::<u128>()) {
            let (tips, base) = (U256::from(tips), U256::from(base));
            let split = FeeSplit::of(tips, base).unwrap();
            prop_assert_eq!(split.burned + split.miner + split.pool, tips + base);
            prop_assert_eq!(split.burned, (tips + base) * 15 / 100);
        }
    }
}
