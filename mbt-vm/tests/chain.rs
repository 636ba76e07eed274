//! The machine under a real chain: what a reorganisation undoes, and what ancestors a block sees.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod common;

use common::{CHAIN, GWEI, account, send};
use mbt_account::{InvalidTransaction, RecoveredTransaction};
use mbt_consensus::{
    Block, BuildRequest, Candidates, Chain, ChainConfig, Genesis, HeadChange, Imported, seal,
};
use mbt_crypto::{Address, H256, U256};
use mbt_trie::{Durability, MemoryStore, StateView};
use mbt_vm::{Evm, FeePolicy, GenesisAccount, GenesisConfig, system};

type TestChain = Chain<Evm, MemoryStore>;

/// SSTORE(NUMBER, BLOCKHASH(NUMBER - 1))
const REMEMBERS: [u8; 7] = [0x60, 1, 0x43, 0x03, 0x40, 0x43, 0x55];
const REMEMBERS_AT: Address = Address([0xaa; 20]);

fn genesis() -> Genesis {
    let mut config = GenesisConfig::development();
    let contract =
        GenesisAccount { code: REMEMBERS.to_vec(), nonce: 1, ..GenesisAccount::default() };
    config.alloc.insert(REMEMBERS_AT, contract);
    config.genesis().unwrap()
}

fn open() -> TestChain {
    let evm = Evm::new(CHAIN, FeePolicy::Mbt);
    Chain::open(ChainConfig::development(), &genesis(), evm, MemoryStore::default()).unwrap()
}

struct Queue(std::vec::IntoIter<RecoveredTransaction>);

impl Candidates for Queue {
    fn next(&mut self) -> Option<RecoveredTransaction> {
        self.0.next()
    }

    fn reject(&mut self, _: &RecoveredTransaction, reason: InvalidTransaction) {
        panic!("{reason}");
    }
}

/// Builds a block on the head and takes it.
fn mine(chain: &mut TestChain, miner: u8, transactions: Vec<RecoveredTransaction>) -> Block {
    let timestamp = chain.head().timestamp + 2;
    let request =
        BuildRequest { timestamp, miner: Address([miner; 20]), ..BuildRequest::default() };
    let mut block = chain.build(&request, &mut Queue(transactions.into_iter())).unwrap();
    let (hash, target) = (block.header.seal_hash(), block.header.target);
    block.header.nonce = seal::search(hash, target, 0..u64::MAX).unwrap();
    assert!(matches!(take(chain, &block), Imported::Head(_)));
    block
}

fn take(chain: &mut TestChain, block: &Block) -> Imported {
    chain.import(block.header.timestamp, block.clone(), Durability::Deferred).unwrap()
}

fn state<T>(chain: &TestChain, read: impl FnOnce(&dyn StateView) -> T) -> T {
    let snapshot = chain.reader().snapshot().unwrap();
    read(&snapshot.state_at(chain.head().number).unwrap())
}

fn balance(chain: &TestChain, address: Address) -> U256 {
    state(chain, |state| state.account(&address).unwrap().unwrap_or_default().balance)
}

fn slot(chain: &TestChain, address: Address, key: u64) -> U256 {
    state(chain, |state| state.storage(&address, &H256::from_low_u64_be(key)).unwrap())
}

/// Balances of all who may hold coin here, and what was burned.
fn counted(chain: &TestChain, born: &[Address]) -> U256 {
    let mut holders: Vec<Address> = (0..10).map(account).collect();
    holders.extend([1, 2].map(|miner| Address([miner; 20])));
    holders.push(system::COMMUNITY_POOL);
    holders.extend(born);
    let held = holders.iter().fold(U256::zero(), |sum, holder| sum + balance(chain, *holder));
    held + slot(chain, system::COMMUNITY_POOL, 0)
}

/// One branch destroys coin with a contract that dies young; the other keeps a contract at the same
/// address, with storage.
#[test]
fn a_reorganisation_takes_back_a_selfdestruct_and_brings_it_again() {
    let dies = vec![0x60, 1, 0x5f, 0x55, 0x30, 0xff];
    let lives = vec![0x60, 9, 0x5f, 0x55, 0x00];
    let born = account(0).create(0);
    let (mut left, mut right) = (open(), open());
    let supply = counted(&left, &[]);

    let dying = mine(&mut left, 1, vec![send(0, 0, None, 77 * GWEI, dies)]);
    let root_after_death = left.head().state_root;
    assert_eq!(balance(&left, born), U256::zero());
    assert_eq!(counted(&left, &[born]), supply);

    let living = [
        mine(&mut right, 2, vec![send(0, 0, None, 55, lives)]),
        mine(&mut right, 2, vec![send(1, 0, Some(born), 5, vec![])]),
    ];
    assert_eq!((slot(&right, born, 0), balance(&right, born)), (9.into(), 60.into()));
    assert_eq!(counted(&right, &[born]), supply);

    assert_eq!(take(&mut left, &living[0]), Imported::Side);
    let change = HeadChange {
        retired: vec![dying.header.id()],
        adopted: living.iter().map(|block| block.header.id()).collect(),
    };
    assert_eq!(take(&mut left, &living[1]), Imported::Head(change));
    assert_eq!(left.head().state_root, right.head().state_root);
    assert_eq!((slot(&left, born, 0), balance(&left, born)), (9.into(), 60.into()));
    assert_eq!(slot(&left, system::COMMUNITY_POOL, 0), slot(&right, system::COMMUNITY_POOL, 0));
    assert_eq!(counted(&left, &[born]), supply);

    // And back, onto the branch with the selfdestruct.
    let mut third = open();
    take(&mut third, &dying);
    assert_eq!(third.head().state_root, root_after_death);
    let more = [mine(&mut third, 1, vec![]), mine(&mut third, 1, vec![])];
    for block in &more {
        take(&mut left, block);
    }
    assert_eq!(left.head().id, more[1].header.id());
    assert_eq!((slot(&left, born, 0), balance(&left, born)), (U256::zero(), U256::zero()));
    assert_eq!(counted(&left, &[born]), supply);
}

#[test]
fn blocks_see_the_ancestors_of_their_own_branch() {
    let (mut left, mut right) = (open(), open());
    let remember = |nonce| vec![send(0, nonce, Some(REMEMBERS_AT), 0, vec![])];
    mine(&mut left, 1, vec![]);
    mine(&mut left, 1, remember(0));
    let theirs: Vec<Block> =
        [vec![], remember(0), remember(1)].map(|txs| mine(&mut right, 2, txs)).into();
    for block in &theirs {
        take(&mut left, block);
    }
    assert_eq!(left.head().id, theirs[2].header.id());
    for number in [2_u64, 3] {
        let parent = &theirs[usize::try_from(number).unwrap() - 2].header;
        let id = U256::from_big_endian(parent.id().as_bytes());
        assert_eq!(slot(&left, REMEMBERS_AT, number), id, "BLOCKHASH in block {number}");
        assert_eq!(slot(&left, system::HISTORY_STORAGE, number - 1), id, "EIP-2935");
    }
}
