//! Blocks to commit before a crash, and to find again after it.

use alloc::{collections::BTreeMap, collections::VecDeque, vec::Vec};
use core::ops::Bound;

use mbt_account::PublicAccount;
use mbt_crypto::{Address, H256, U256, keccak256};

use super::random::Random;
use crate::{
    AccountDiff, Column, Durability, History, KeyValueRead, KeyValueStore, MemorySnapshot,
    MemoryStore, Stage, State, StateDiff, StateError,
};

/// Says which block was committed last, in the same batch.
const MARK: Column = Column("test-head");
const HEAD: &[u8] = b"head";

const ACCOUNTS: u64 = 64;
const SLOTS: u64 = 8;

/// A chain of blocks that follow from a seed alone: made, lost and made again they are the same.
/// Committed to a store and to a twin in memory, they leave the same entries in both.
#[derive(Debug)]
pub struct Blocks {
    seed: u64,
    state: State,
    twin: MemoryStore,
    /// The twin after block `first` and those behind it.
    snapshots: VecDeque<MemorySnapshot>,
    first: u64,
}

impl Blocks {
    /// Makes the chain of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let state = State::new(History::Blocks(3));
        Self { seed, state, twin: MemoryStore::new(), snapshots: VecDeque::new(), first: 0 }
    }

    /// Returns what block `number` changes: accounts made, paid and destroyed, slots, code.
    #[must_use]
    pub fn diff(&self, number: u64) -> StateDiff {
        let mut random = Random::new(self.seed ^ number.wrapping_mul(0x51_7c_c1_b7));
        let mut diff = StateDiff::default();
        for _ in 0..random.below(12) + 1 {
            let address = Address::from_hash(keccak256(random.below(ACCOUNTS).to_be_bytes()));
            let slot = |random: &mut Random| {
                let value = U256::from(random.below(4)) * U256::from(u64::MAX);
                (H256::from_low_u64_be(random.below(SLOTS)), value)
            };
            let mut account = PublicAccount {
                nonce: number,
                balance: U256::from(random.next()),
                ..PublicAccount::default()
            };
            if random.below(8) == 0 {
                let code = random.next().to_be_bytes();
                account.code_hash = keccak256(code);
                diff.codes.insert(account.code_hash, code.as_slice().into());
            }
            let change = AccountDiff {
                account: (random.below(8) > 0).then_some(account),
                storage_cleared: random.below(8) == 0,
                storage: (0..random.below(6)).map(|_| slot(&mut random)).collect(),
            };
            diff.accounts.insert(address, change);
        }
        diff
    }

    /// Returns the block that a store names as its last; none of an empty store.
    pub fn head(store: &impl KeyValueRead) -> Option<u64> {
        let head = store.get(MARK, HEAD).unwrap();
        head.map(|bytes| u64::from_be_bytes(bytes.try_into().unwrap()))
    }

    /// Commits block `number` on top of the one before it. Returns the root of the state.
    ///
    /// # Errors
    /// [`StateError`]: the store failed.
    pub fn commit(
        &self,
        store: &impl KeyValueStore,
        number: u64,
        durability: Durability,
    ) -> Result<H256, StateError> {
        let mut stage = Stage::new(store);
        let root = self.state.commit(&mut stage, number, &self.diff(number))?;
        stage.put(MARK, HEAD, number.to_be_bytes());
        store.write(&stage.into_batch(), durability)?;
        Ok(root)
    }

    /// Checks that the store holds every entry that the block it names as its last leaves behind,
    /// and no other, and that this block is none before `acknowledged` nor after `begun`. Returns
    /// its number; none of an empty store.
    pub fn check(
        &mut self,
        store: &impl KeyValueRead,
        acknowledged: Option<u64>,
        begun: Option<u64>,
    ) -> Option<u64> {
        let head = Self::head(store);
        assert!(head >= acknowledged, "block {acknowledged:?} was acknowledged, {head:?} is left");
        assert!(head <= begun, "block {begun:?} was begun, {head:?} is there");
        let expected = match head {
            Some(head) => self.after(head),
            None => MemorySnapshot::default(),
        };
        for column in self.twin.columns() {
            assert_eq!(
                content(store, column),
                content(&expected, column),
                "{column:?} of {head:?}"
            );
        }
        head
    }

    /// Returns the twin after a block.
    fn after(&mut self, number: u64) -> MemorySnapshot {
        loop {
            let next = self.first + self.snapshots.len() as u64;
            if number < next {
                break;
            }
            self.commit(&self.twin, next, Durability::Durable).unwrap();
            self.snapshots.push_back(self.twin.snapshot().unwrap());
        }
        let place = usize::try_from(number.checked_sub(self.first).unwrap()).unwrap();
        let found = self.snapshots[place].clone();
        // What is older was acknowledged, and is not asked for again.
        self.snapshots.drain(..place);
        self.first = number;
        found
    }
}

fn content(read: &impl KeyValueRead, column: Column) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let all = (Bound::Unbounded, Bound::Unbounded);
    read.iterate(column, all).unwrap().collect::<Result<_, _>>().unwrap()
}
