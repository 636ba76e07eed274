//! A transfer ledger that executes blocks, and a miner of blocks on any branch.
#![allow(dead_code, reason = "each test binary uses its part")]

pub mod faulty;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use mbt_account::{
    InvalidTransaction, Kind, PublicAccount, Receipt, RecoveredTransaction, Transaction,
};
use mbt_consensus::{
    Block, BlockContext, BuildRequest, Candidates, Chain, ChainConfig, Execute, ExecuteError,
    Execution, FilledBlock, Genesis, Header, Imported, seal,
};
use mbt_crypto::{Address, SecretKey, U256};
use mbt_trie::{
    AccountDiff, Durability, History, KeyValueStore, MemoryStore, StateDiff, StateError, StateView,
};

pub const GAS: u64 = 21_000;
pub const START: u64 = 1_700_000_000;

/// Moves value between accounts, without fees.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// What each block gives to its miner. All honest ledgers agree on nothing.
    pub gift: u64,
    /// Blocks executed or filled.
    pub runs: Arc<AtomicUsize>,
}

impl Ledger {
    fn start<'a>(
        &self,
        block: &BlockContext<'_>,
        state: &'a dyn StateView,
    ) -> Result<Accounts<'a>, StateError> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        let mut accounts = Accounts { state, written: BTreeMap::new() };
        if self.gift > 0 {
            let mut miner = accounts.read(&block.beneficiary)?;
            miner.balance += self.gift.into();
            accounts.written.insert(block.beneficiary, miner);
        }
        Ok(accounts)
    }
}

/// Accounts read and written by a block.
struct Accounts<'a> {
    state: &'a dyn StateView,
    written: BTreeMap<Address, PublicAccount>,
}

impl Accounts<'_> {
    fn read(&self, address: &Address) -> Result<PublicAccount, StateError> {
        match self.written.get(address) {
            Some(account) => Ok(account.clone()),
            None => Ok(self.state.account(address)?.unwrap_or_default()),
        }
    }

    fn transfer(
        &mut self,
        transaction: &RecoveredTransaction,
    ) -> Result<Result<(), InvalidTransaction>, StateError> {
        let mut sender = self.read(&transaction.sender())?;
        let (next, nonce) = (sender.nonce, transaction.nonce);
        if nonce < next {
            return Ok(Err(InvalidTransaction::NonceTooLow { next, nonce }));
        }
        if nonce > next {
            return Ok(Err(InvalidTransaction::NonceTooHigh { next, nonce }));
        }
        let Some(left) = sender.balance.checked_sub(transaction.value) else {
            return Ok(Err(InvalidTransaction::InsufficientFunds {
                balance: sender.balance,
                cost: transaction.value,
            }));
        };
        sender.balance = left;
        sender.nonce += 1;
        self.written.insert(transaction.sender(), sender);
        let to = transaction.to.unwrap_or_default();
        let mut receiver = self.read(&to)?;
        receiver.balance += transaction.value;
        self.written.insert(to, receiver);
        Ok(Ok(()))
    }

    fn into_execution(self, transactions: &[RecoveredTransaction]) -> Execution {
        let receipts: Vec<_> = (1..)
            .zip(transactions)
            .map(|(n, transaction)| Receipt::new(transaction.tx_type(), true, n * GAS, Vec::new()))
            .collect();
        let accounts = self.written.into_iter().map(|(address, account)| {
            (address, AccountDiff { account: Some(account), ..AccountDiff::default() })
        });
        let gas_used = receipts.last().map_or(0, |receipt| receipt.cumulative_gas_used);
        let diff = StateDiff { accounts: accounts.collect(), ..StateDiff::default() };
        Execution { diff, receipts, gas_used }
    }
}

impl Execute for Ledger {
    fn execute(
        &self,
        block: &BlockContext<'_>,
        transactions: &[RecoveredTransaction],
        state: &dyn StateView,
    ) -> Result<Execution, ExecuteError> {
        let mut accounts = self.start(block, state)?;
        for (index, transaction) in transactions.iter().enumerate() {
            if let Err(reason) = accounts.transfer(transaction)? {
                return Err(ExecuteError::InvalidTransaction { index, reason });
            }
        }
        Ok(accounts.into_execution(transactions))
    }

    fn fill(
        &self,
        block: &BlockContext<'_>,
        candidates: &mut dyn Candidates,
        state: &dyn StateView,
    ) -> Result<FilledBlock, ExecuteError> {
        let mut accounts = self.start(block, state)?;
        let mut transactions = Vec::new();
        let mut left = block.gas_limit / GAS;
        while left > 0
            && let Some(transaction) = candidates.next()
        {
            match accounts.transfer(&transaction)? {
                Ok(()) => {
                    transactions.push(transaction);
                    left -= 1;
                }
                Err(reason) => candidates.reject(&transaction, reason),
            }
        }
        let execution = accounts.into_execution(&transactions);
        Ok(FilledBlock { transactions, execution })
    }
}

/// Offers transactions in order.
#[derive(Debug, Default)]
pub struct Queue {
    pub offered: std::collections::VecDeque<RecoveredTransaction>,
    pub rejected: Vec<InvalidTransaction>,
}

impl Queue {
    pub fn of(transactions: impl IntoIterator<Item = RecoveredTransaction>) -> Self {
        Self { offered: transactions.into_iter().collect(), rejected: Vec::new() }
    }
}

impl Candidates for Queue {
    fn next(&mut self) -> Option<RecoveredTransaction> {
        self.offered.pop_front()
    }

    fn reject(&mut self, _transaction: &RecoveredTransaction, reason: InvalidTransaction) {
        self.rejected.push(reason);
    }
}

pub fn key(n: u8) -> SecretKey {
    SecretKey::from_bytes([n; 32]).unwrap()
}

/// A transfer of `value` from the holder of key `n`.
pub fn transfer(n: u8, nonce: u64, to: Address, value: u64) -> RecoveredTransaction {
    let kind = Kind::Legacy { chain_id: Some(31_337), gas_price: 0.into() };
    let value = value.into();
    let transaction =
        Transaction { kind, nonce, gas_limit: GAS, to: Some(to), value, input: Vec::new() };
    transaction.sign(&key(n)).recover().unwrap()
}

pub fn config() -> ChainConfig {
    ChainConfig { history: History::Blocks(200), ..ChainConfig::development() }
}

/// Keys 1 to 4 hold a million each.
pub fn genesis() -> Genesis {
    let accounts = (1..=4).map(|n| {
        let account = PublicAccount { balance: 1_000_000.into(), ..PublicAccount::default() };
        let diff = AccountDiff { account: Some(account), ..AccountDiff::default() };
        (key(n).address(), diff)
    });
    Genesis {
        header: Header {
            timestamp: START,
            target: U256::MAX >> 2,
            base_fee: 1_000_000_000.into(),
            ..Header::default()
        },
        diff: StateDiff { accounts: accounts.collect(), ..StateDiff::default() },
    }
}

pub type TestChain<S = MemoryStore> = Chain<Ledger, S>;

pub fn open<S: KeyValueStore>(store: S) -> TestChain<S> {
    open_with(config(), Ledger::default(), store)
}

pub fn open_with<S: KeyValueStore>(config: ChainConfig, ledger: Ledger, store: S) -> TestChain<S> {
    Chain::open(config, &genesis(), ledger, store).unwrap()
}

/// A chain of its own that holds `blocks`.
pub fn chain_of(blocks: &[Block]) -> TestChain {
    let mut chain = open(MemoryStore::default());
    take_all(&mut chain, blocks);
    chain
}

/// Imports blocks that each extend the head.
pub fn take_all<S: KeyValueStore>(chain: &mut TestChain<S>, blocks: &[Block]) {
    for block in blocks {
        let outcome = take(chain, block);
        assert!(matches!(outcome, Imported::Head(_)), "{outcome:?}");
    }
}

/// Imports a block at the block's own time.
pub fn take<S: KeyValueStore>(chain: &mut TestChain<S>, block: &Block) -> Imported {
    chain.import(block.header.timestamp, block.clone(), Durability::Deferred).unwrap()
}

/// Builds and seals a block on a chain's head, `delay` seconds after it.
pub fn mine<S: KeyValueStore>(
    chain: &mut TestChain<S>,
    miner: u8,
    delay: u64,
    transactions: impl IntoIterator<Item = RecoveredTransaction>,
) -> Block {
    let request = BuildRequest {
        timestamp: chain.head().timestamp + delay,
        miner: Address([miner; 20]),
        ..BuildRequest::default()
    };
    let mut block = chain.build(&request, &mut Queue::of(transactions)).unwrap();
    seal_block(&mut block);
    block
}

pub fn seal_block(block: &mut Block) {
    let header = &mut block.header;
    header.nonce = seal::search(header.seal_hash(), header.target, 0..u64::MAX).unwrap();
}

/// Mines `count` blocks behind `base` and returns them without it.
pub fn branch(base: &[Block], miner: u8, delay: u64, count: usize) -> Vec<Block> {
    extend(&mut chain_of(base), miner, delay, count)
}

/// Mines `count` blocks on a chain's head and imports them.
pub fn extend(chain: &mut TestChain, miner: u8, delay: u64, count: usize) -> Vec<Block> {
    let mined = (0..count).map(|_| {
        let block = mine(chain, miner, delay, []);
        take(chain, &block);
        block
    });
    mined.collect()
}

/// Mines blocks behind genesis that only a lying ledger takes for valid.
pub fn invalid_branch(miner: u8, delay: u64, count: usize) -> Vec<Block> {
    let lying = Ledger { gift: 1, ..Ledger::default() };
    extend(&mut open_with(config(), lying, MemoryStore::default()), miner, delay, count)
}

pub fn balance<S: KeyValueStore>(chain: &TestChain<S>, address: &Address) -> U256 {
    let snapshot = chain.reader().snapshot().unwrap();
    let state = snapshot.state_at(snapshot.head().number).unwrap();
    state.account(address).unwrap().map_or(U256::zero(), |account| account.balance)
}
