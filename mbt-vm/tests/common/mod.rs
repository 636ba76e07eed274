//! A chain in a map: a state, blocks on it, accounts with keys.
#![allow(dead_code, reason = "each test uses its part")]
#![allow(unreachable_pub, reason = "a module of tests")]
#![allow(missing_docs, reason = "a module of tests")]

use std::{cell::Cell, collections::BTreeMap, sync::Arc};

use mbt_account::{
    EMPTY_CODE_HASH, Kind, PublicAccount, RecoveredTransaction, SignedTransaction, Transaction,
};
use mbt_consensus::{Ancestors, BlockContext, BlockId, Execute, ExecuteError, Execution};
use mbt_crypto::{Address, H256, SecretKey, Signature, U256, keccak256};
use mbt_trie::{AccountDiff, StateDiff, StateError, StateView, StoreError};
use mbt_vm::{Evm, GenesisConfig, development};

pub const CHAIN: u64 = 31_337;
pub const GWEI: u64 = 1_000_000_000;
pub const MINER: Address = Address([0x99; 20]);

/// A state in maps. Once no `reads_left`, reads fail and count as `refused`.
#[derive(Clone, Debug, Default)]
pub struct MapState {
    pub accounts: BTreeMap<Address, PublicAccount>,
    pub storage: BTreeMap<(Address, H256), U256>,
    pub codes: BTreeMap<H256, Arc<[u8]>>,
    pub reads_left: Option<Cell<u32>>,
    pub refused: Cell<u32>,
}

impl MapState {
    pub fn development() -> Self {
        let mut state = Self::default();
        state.apply(&GenesisConfig::development().genesis().unwrap().diff);
        state
    }

    pub fn apply(&mut self, diff: &StateDiff) {
        for (hash, code) in &diff.codes {
            self.codes.insert(*hash, Arc::clone(code));
        }
        for (address, change) in &diff.accounts {
            let AccountDiff { account, storage_cleared, storage } = change;
            if *storage_cleared || account.is_none() {
                self.storage.retain(|(owner, _), _| owner != address);
            }
            for (slot, value) in storage {
                if value.is_zero() {
                    self.storage.remove(&(*address, *slot));
                } else {
                    self.storage.insert((*address, *slot), *value);
                }
            }
            match account {
                None => {
                    self.accounts.remove(address);
                }
                Some(account) => {
                    let mut account = account.clone();
                    account.storage_root = self.storage_root(address);
                    self.accounts.insert(*address, account);
                }
            }
        }
    }

    /// Not the trie's root, but empty exactly when it is.
    fn storage_root(&self, address: &Address) -> H256 {
        if self.storage.keys().any(|(owner, _)| owner == address) {
            keccak256(address.0)
        } else {
            mbt_account::EMPTY_ROOT
        }
    }

    pub fn put_code(&mut self, address: Address, code: &[u8]) {
        let code_hash = keccak256(code);
        self.codes.insert(code_hash, Arc::from(code));
        let account = PublicAccount { nonce: 1, code_hash, ..PublicAccount::default() };
        self.accounts.insert(address, account);
    }

    pub fn balance(&self, address: Address) -> U256 {
        self.accounts.get(&address).map(|account| account.balance).unwrap_or_default()
    }

    pub fn slot(&self, address: Address, slot: u64) -> U256 {
        self.storage.get(&(address, H256::from_low_u64_be(slot))).copied().unwrap_or_default()
    }

    pub fn total(&self) -> U256 {
        self.accounts.values().fold(U256::zero(), |sum, account| sum + account.balance)
    }

    fn read(&self) -> Result<(), StateError> {
        let Some(left) = &self.reads_left else { return Ok(()) };
        match left.get().checked_sub(1) {
            None => {
                self.refused.set(self.refused.get() + 1);
                Err(StateError::NotKept { number: 1, oldest: 2 })
            }
            Some(fewer) => {
                left.set(fewer);
                Ok(())
            }
        }
    }
}

impl StateView for MapState {
    fn account(&self, address: &Address) -> Result<Option<PublicAccount>, StateError> {
        self.read()?;
        Ok(self.accounts.get(address).cloned())
    }

    fn storage(&self, address: &Address, slot: &H256) -> Result<U256, StateError> {
        self.read()?;
        Ok(self.storage.get(&(*address, *slot)).copied().unwrap_or_default())
    }

    fn code(&self, hash: &H256) -> Result<Arc<[u8]>, StateError> {
        self.read()?;
        if *hash == EMPTY_CODE_HASH {
            return Ok(Arc::from([]));
        }
        Ok(Arc::clone(&self.codes[hash]))
    }
}

/// Every ancestor's id is its number.
pub struct Numbered;

impl Ancestors for Numbered {
    fn id(&self, number: u64) -> Result<Option<BlockId>, StoreError> {
        Ok(Some(BlockId(H256::from_low_u64_be(number))))
    }
}

pub fn block(number: u64) -> BlockContext<'static> {
    BlockContext {
        chain_id: CHAIN,
        parent: BlockId(H256::from_low_u64_be(number - 1)),
        number,
        timestamp: 1_000 + number,
        beneficiary: MINER,
        gas_limit: 30_000_000,
        base_fee: GWEI.into(),
        prev_randao: H256([7; 32]),
        ancestors: &Numbered,
    }
}

pub fn key(index: usize) -> SecretKey {
    SecretKey::from_bytes(development::ACCOUNTS[index].private_key).unwrap()
}

pub fn account(index: usize) -> Address {
    development::ACCOUNTS[index].address
}

/// A transaction of a development account, two gwei of tip at most, that nobody has to sign.
pub fn send(
    from: usize,
    nonce: u64,
    to: Option<Address>,
    value: u64,
    input: Vec<u8>,
) -> RecoveredTransaction {
    let kind = Kind::DynamicFee {
        chain_id: CHAIN,
        max_priority_fee_per_gas: (2 * GWEI).into(),
        max_fee_per_gas: (100 * GWEI).into(),
        access_list: Vec::new(),
    };
    let transaction =
        Transaction { kind, nonce, gas_limit: 1_000_000, to, value: value.into(), input };
    unsigned(transaction, account(from))
}

pub fn unsigned(transaction: Transaction, from: Address) -> RecoveredTransaction {
    let signature = Signature { r: [1; 32], s: [1; 32], y_parity: false };
    let signed = SignedTransaction::new(transaction, signature);
    RecoveredTransaction::new_unchecked(Arc::new(signed), from)
}

/// Executes a block and moves the state on.
pub fn run(
    evm: &Evm,
    state: &mut MapState,
    number: u64,
    transactions: &[RecoveredTransaction],
) -> Result<Execution, ExecuteError> {
    let execution = evm.execute(&block(number), transactions, state)?;
    state.apply(&execution.diff);
    Ok(execution)
}

/// Wraps code in init code that deploys it.
pub fn deploying(code: &[u8]) -> Vec<u8> {
    let length = u8::try_from(code.len()).unwrap();
    // PUSH1 length DUP1 PUSH1 offset PUSH0 CODECOPY PUSH0 RETURN
    let mut init = vec![0x60, length, 0x80, 0x60, 9, 0x5f, 0x39, 0x5f, 0xf3];
    init.extend(code);
    init
}

pub fn token_init_code() -> Vec<u8> {
    hex::decode(include_str!("../data/token.hex").trim()).unwrap()
}

/// Call data of `transfer(address,uint256)`.
pub fn token_transfer(to: Address, amount: u64) -> Vec<u8> {
    let mut data = hex::decode("a9059cbb").unwrap();
    data.extend([0; 12]);
    data.extend(to.0);
    data.extend(U256::from(amount).to_big_endian());
    data
}

/// Call data of `mintMany(address[],uint256)` for one account.
pub fn token_mint(to: Address, amount: u64) -> Vec<u8> {
    let mut data = keccak256("mintMany(address[],uint256)").0[..4].to_vec();
    for word in [64.into(), U256::from(amount), 1.into(), U256::from_big_endian(&to.0)] {
        data.extend(word.to_big_endian());
    }
    data
}

/// A state in which account 0 deployed the token and minted itself some. Its nonce is 2.
pub fn with_token(evm: &Evm) -> (MapState, Address) {
    let mut state = MapState::development();
    let token = account(0).create(0);
    let deploy = send(0, 0, None, 0, token_init_code());
    let mint = send(0, 1, Some(token), 0, token_mint(account(0), 1_000));
    let execution = run(evm, &mut state, 1, &[deploy, mint]).unwrap();
    assert!(execution.receipts.iter().all(|receipt| receipt.succeeded));
    (state, token)
}
