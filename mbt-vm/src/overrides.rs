//! Accounts and block values that a call sees instead of the chain's.

use std::{collections::BTreeMap, sync::Arc};

use mbt_account::{EMPTY_CODE_HASH, PublicAccount};
use mbt_consensus::BlockContext;
use mbt_crypto::{Address, H256, U256, keccak256};
use mbt_trie::{StateError, StateView};

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

/// A state with overrides laid over it.
pub(crate) struct Overlaid<'a> {
    state: &'a dyn StateView,
    overrides: &'a StateOverrides,
    codes: BTreeMap<H256, Arc<[u8]>>,
    code_hashes: BTreeMap<Address, H256>,
}

impl<'a> Overlaid<'a> {
    pub(crate) fn new(state: &'a dyn StateView, overrides: &'a StateOverrides) -> Self {
        let (mut codes, mut code_hashes) = (BTreeMap::new(), BTreeMap::new());
        for (address, account) in overrides {
            if let Some(code) = &account.code {
                let hash = if code.is_empty() { EMPTY_CODE_HASH } else { keccak256(code) };
                codes.insert(hash, Arc::clone(code));
                code_hashes.insert(*address, hash);
            }
        }
        Self { state, overrides, codes, code_hashes }
    }
}

impl StateView for Overlaid<'_> {
    fn account(&self, address: &Address) -> Result<Option<PublicAccount>, StateError> {
        let account = self.state.account(address)?;
        let Some(wanted) = self.overrides.get(address) else { return Ok(account) };
        let mut account = account.unwrap_or_default();
        account.nonce = wanted.nonce.unwrap_or(account.nonce);
        account.balance = wanted.balance.unwrap_or(account.balance);
        account.code_hash = self.code_hashes.get(address).copied().unwrap_or(account.code_hash);
        Ok(Some(account))
    }

    fn storage(&self, address: &Address, slot: &H256) -> Result<U256, StateError> {
        let Some(wanted) = self.overrides.get(address) else {
            return self.state.storage(address, slot);
        };
        if let Some(value) = wanted.state_diff.as_ref().and_then(|slots| slots.get(slot)) {
            return Ok(*value);
        }
        match &wanted.state {
            Some(slots) => Ok(slots.get(slot).copied().unwrap_or_default()),
            None => self.state.storage(address, slot),
        }
    }

    fn code(&self, hash: &H256) -> Result<Arc<[u8]>, StateError> {
        match self.codes.get(hash) {
            Some(code) => Ok(Arc::clone(code)),
            None => self.state.code(hash),
        }
    }
}
