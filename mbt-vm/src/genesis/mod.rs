//! The first block: who holds what before anybody sent anything.

mod json;

use std::{collections::BTreeMap, sync::Arc};

use mbt_account::{EMPTY_CODE_HASH, PublicAccount};
use mbt_consensus::{Genesis, Header};
use mbt_crypto::{Address, AddressError, H256, U256, keccak256};
use mbt_trie::{AccountDiff, StateDiff};

use crate::{development, system};

/// What an account holds at genesis.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct GenesisAccount {
    /// Coin, in its smallest unit.
    pub balance: U256,
    /// Nonce.
    pub nonce: u64,
    /// Code, empty for an account that nobody programmed.
    pub code: Vec<u8>,
    /// Storage.
    pub storage: BTreeMap<H256, U256>,
}

/// The contents of an allocation file: the first block of a chain in readable form.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GenesisConfig {
    /// The chain.
    pub chain_id: u64,
    /// Seconds since 1970.
    pub timestamp: u64,
    /// Most gas a block may use.
    pub gas_limit: u64,
    /// Base fee of the first block.
    pub base_fee: U256,
    /// The target of the first block.
    pub target: U256,
    /// At most 32 bytes.
    pub extra_data: Vec<u8>,
    /// Accounts, beside those that every genesis holds.
    pub alloc: BTreeMap<Address, GenesisAccount>,
}

/// Why an allocation file is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GenesisError {
    /// The text is not JSON.
    #[error("not JSON: {0}")]
    Syntax(String),
    /// A field is needed and absent.
    #[error("{field} is missing")]
    Missing {
        /// Its path.
        field: String,
    },
    /// A field is not known; it may be a misspelled one.
    #[error("{field} is not known")]
    Unknown {
        /// Its path.
        field: String,
    },
    /// A field holds something else than it should.
    #[error("{field} is not {expected}: {found}")]
    Wrong {
        /// Its path.
        field: String,
        /// What should be there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// An address is not valid.
    #[error("{field}: {reason}")]
    Address {
        /// Its path.
        field: String,
        /// Why not.
        reason: AddressError,
    },
    /// An address is written twice, in two notations.
    #[error("{field} is there twice")]
    Twice {
        /// Its path.
        field: String,
    },
    /// An account that every genesis holds is given another code.
    #[error("alloc.{0} is a contract of the protocol and may hold a balance only")]
    Reserved(Address),
    /// The balances overflow.
    #[error("the balances sum to more than 2^256 - 1")]
    SupplyOverflow,
}

/// Coin in one MBTC.
const UNITS_PER_COIN: u64 = 1_000_000_000_000_000_000;
/// Coin of each account of a development network, in MBTC.
const DEVELOPMENT_COINS: u64 = 10_000;
impl Default for GenesisConfig {
    fn default() -> Self {
        Self {
            chain_id: 31_337,
            timestamp: 0,
            gas_limit: 30_000_000,
            base_fee: 1_000_000_000.into(),
            target: U256::MAX,
            extra_data: Vec::new(),
            alloc: BTreeMap::new(),
        }
    }
}

impl GenesisConfig {
    /// Returns the genesis of a development network: the well-known accounts, 10,000 MBTC each.
    #[must_use]
    pub fn development() -> Self {
        let balance = U256::from(UNITS_PER_COIN) * DEVELOPMENT_COINS;
        let funded = GenesisAccount { balance, ..GenesisAccount::default() };
        let alloc = development::ACCOUNTS.map(|account| (account.address, funded.clone())).into();
        Self { alloc, ..Self::default() }
    }

    /// Returns the sum of all balances.
    ///
    /// # Errors
    /// [`GenesisError::SupplyOverflow`].
    pub fn supply(&self) -> Result<U256, GenesisError> {
        self.alloc
            .values()
            .try_fold(U256::zero(), |sum, account| sum.checked_add(account.balance))
            .ok_or(GenesisError::SupplyOverflow)
    }

    /// Returns the first block's header, without its roots, and its state.
    ///
    /// # Errors
    /// [`GenesisError::Reserved`] and [`GenesisError::SupplyOverflow`].
    pub fn genesis(&self) -> Result<Genesis, GenesisError> {
        self.supply()?;
        let mut diff = StateDiff::default();
        let mut accounts = reserved();
        for (address, account) in &self.alloc {
            match accounts.get_mut(address) {
                None => {
                    accounts.insert(*address, account.clone());
                }
                Some(own) if account.code.is_empty() && account.storage.is_empty() => {
                    own.balance = account.balance;
                }
                Some(_) => return Err(GenesisError::Reserved(*address)),
            }
        }
        for (address, account) in accounts {
            insert(&mut diff, address, account);
        }
        let header = Header {
            timestamp: self.timestamp,
            gas_limit: self.gas_limit,
            base_fee: self.base_fee,
            target: self.target,
            extra_data: self.extra_data.clone(),
            ..Header::default()
        };
        Ok(Genesis { header, diff })
    }
}

/// What every genesis holds.
fn reserved() -> BTreeMap<Address, GenesisAccount> {
    let contract =
        |code: &[u8]| GenesisAccount { nonce: 1, code: code.to_vec(), ..GenesisAccount::default() };
    BTreeMap::from([
        (system::COMMUNITY_POOL, contract(&[])),
        (system::HISTORY_STORAGE, contract(&system::HISTORY_STORAGE_CODE)),
        (system::DEPLOYMENT_PROXY, contract(&system::DEPLOYMENT_PROXY_CODE)),
    ])
}

fn insert(diff: &mut StateDiff, address: Address, account: GenesisAccount) {
    let code_hash = if account.code.is_empty() {
        EMPTY_CODE_HASH
    } else {
        let hash = keccak256(&account.code);
        diff.codes.insert(hash, Arc::from(account.code));
        hash
    };
    let record = PublicAccount {
        nonce: account.nonce,
        balance: account.balance,
        code_hash,
        ..PublicAccount::default()
    };
    let storage = account.storage.into_iter().filter(|(_, value)| !value.is_zero()).collect();
    let account = AccountDiff { account: Some(record), storage_cleared: false, storage };
    diff.accounts.insert(address, account);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_genesis_holds_the_protocols_contracts() {
        let genesis = GenesisConfig::development().genesis().unwrap();
        for address in [system::COMMUNITY_POOL, system::HISTORY_STORAGE, system::DEPLOYMENT_PROXY] {
            let account = genesis.diff.accounts[&address].account.clone().unwrap();
            assert_eq!(account.nonce, 1, "{address}");
        }
        assert_eq!(genesis.diff.accounts.len(), 13);
        assert_eq!(genesis.diff.codes.len(), 2);
        let coins = U256::from(UNITS_PER_COIN) * 100_000;
        assert_eq!(GenesisConfig::development().supply(), Ok(coins));
    }

    #[test]
    fn a_file_says_all() {
        let config = GenesisConfig::from_json(
            r#"{ "chainId": "0x7a69", "timestamp": 5, "gasLimit": "1000000000",
                 "baseFeePerGas": "0x1", "target": "0xff", "extraData": "0x6d6274",
                 "alloc": { "0x00000000000000000000000000000000000000aa":
                    { "balance": "0x10", "nonce": 2, "code": "0x6001", "storage": { "0x1": "7" } } } }"#,
        )
        .unwrap();
        assert_eq!((config.chain_id, config.gas_limit), (31_337, 1_000_000_000));
        let genesis = config.genesis().unwrap();
        let account = config.alloc.keys().next().unwrap();
        let diff = &genesis.diff.accounts[account];
        assert_eq!(diff.storage[&H256::from_low_u64_be(1)], 7.into());
        assert_eq!(diff.account.as_ref().unwrap().code_hash, keccak256([0x60, 0x01]));
        assert_eq!(genesis.header.extra_data, b"mbt");
    }

    #[test]
    fn errors_name_the_field() {
        let address = "0x00000000000000000000000000000000000000aa";
        let cases = [
            ("{}".to_owned(), "chainId is missing"),
            ("[]".to_owned(), "the file is not an object: []"),
            (r#"{"chainId":1,"gasLimits":1}"#.to_owned(), "gasLimits is not known"),
            (r#"{"chainId":-1}"#.to_owned(), "chainId is not a quantity: -1"),
            (
                format!(r#"{{"chainId":1,"alloc":{{"{address}":{{"balance":"1x"}}}}}}"#),
                "alloc.0x00000000000000000000000000000000000000aa.balance is not a quantity: \"1x\"",
            ),
        ];
        for (text, message) in cases {
            assert_eq!(GenesisConfig::from_json(&text).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn the_protocols_contracts_cannot_be_replaced() {
        let mut config = GenesisConfig::default();
        let code = GenesisAccount { code: vec![0], ..GenesisAccount::default() };
        config.alloc.insert(system::COMMUNITY_POOL, code);
        assert_eq!(config.genesis(), Err(GenesisError::Reserved(system::COMMUNITY_POOL)));
    }

    #[test]
    fn balances_may_not_overflow() {
        let mut config = GenesisConfig::development();
        config.alloc.insert(
            Address::ZERO,
            GenesisAccount { balance: U256::MAX, ..GenesisAccount::default() },
        );
        assert_eq!(config.supply(), Err(GenesisError::SupplyOverflow));
    }
}
