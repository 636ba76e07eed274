//! Accounts and block values that a call sees instead of the chain's.

use std::{collections::BTreeMap, sync::Arc};

use mbt_consensus::BlockContext;
use mbt_crypto::{Address, H256, U256};

/// What a call sees of an account. Absent fields are as they are.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AccountOverride {
    /// Its nonce.
    pub nonce: Option<u64>,
    /// Its balance.
    pub balance: Option<U256>,
    /// Its code.
    pub code: Option<Arc<[u8]>>,
    /// All of its storage: slots not named are zero.
    pub state: Option<BTreeMap<H256, U256>>,
    /// Some of its storage, laid over `state` or over what is there.
    pub state_diff: Option<BTreeMap<H256, U256>>,
}

/// What a call sees of accounts.
pub type StateOverrides = BTreeMap<Address, AccountOverride>;

/// What a call sees of its block. Absent fields are as they are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct BlockOverrides {
    /// NUMBER.
    pub number: Option<u64>,
    /// TIMESTAMP.
    pub timestamp: Option<u64>,
    /// GASLIMIT.
    pub gas_limit: Option<u64>,
    /// COINBASE.
    pub beneficiary: Option<Address>,
    /// PREVRANDAO.
    pub prev_randao: Option<H256>,
    /// BASEFEE.
    pub base_fee: Option<U256>,
}

impl BlockOverrides {
    /// Returns the block with the overrides in place.
    #[must_use]
    pub fn apply<'a>(&self, block: &BlockContext<'a>) -> BlockContext<'a> {
        BlockContext {
            number: self.number.unwrap_or(block.number),
            timestamp: self.timestamp.unwrap_or(block.timestamp),
            gas_limit: self.gas_limit.unwrap_or(block.gas_limit),
            beneficiary: self.beneficiary.unwrap_or(block.beneficiary),
            prev_randao: self.prev_randao.unwrap_or(block.prev_randao),
            base_fee: self.base_fee.unwrap_or(block.base_fee),
            ..*block
        }
    }
}
