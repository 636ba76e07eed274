//! Headers, the retarget, and whole blocks into a chain in memory.
//!
//! `cargo bench -p mbt-benches --bench consensus`

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput};
use mbt_account::{InvalidTransaction, Kind, RecoveredTransaction, Transaction};
use mbt_consensus::{
    Block, BuildRequest, Candidates, Chain, ChainConfig, Genesis, Header, Imported, asert, seal,
};
use mbt_crypto::{Address, SecretKey, U256};
use mbt_trie::{Durability, MemoryStore};
use mbt_vm::{Evm, FeePolicy, GenesisConfig, development};

const GWEI: u64 = 1_000_000_000;
/// Headers that are checked in a run, and transfers of the block.
const HEADERS: usize = 1_000;
const TRANSFERS: u64 = 1_000;

type MemoryChain = Chain<Evm, MemoryStore>;

fn genesis() -> Genesis {
    // Easy: what is measured is checking work, not doing it.
    let config = GenesisConfig { target: U256::MAX, ..GenesisConfig::development() };
    config.genesis().unwrap()
}

fn open(genesis: &Genesis) -> MemoryChain {
    let config = ChainConfig::development();
    let evm = Evm::new(config.chain_id, FeePolicy::Mbt);
    Chain::open(config, genesis, evm, MemoryStore::default()).unwrap()
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

fn mine(chain: &mut MemoryChain, transactions: Vec<RecoveredTransaction>) -> Block {
    let timestamp = chain.head().timestamp + 2;
    let request = BuildRequest { timestamp, ..BuildRequest::default() };
    let mut block = chain.build(&request, &mut Queue(transactions.into_iter())).unwrap();
    let (seal_hash, target) = (block.header.seal_hash(), block.header.target);
    block.header.nonce = seal::search(seal_hash, target, 0..u64::MAX).unwrap();
    block
}

fn import(chain: &mut MemoryChain, block: Block) {
    let now = block.header.timestamp;
    let imported = chain.import(now, block, Durability::Deferred).unwrap();
    assert!(matches!(imported, Imported::Head(_)), "not the head");
}

fn headers(criterion: &mut Criterion) {
    let genesis = genesis();
    let mut chain = open(&genesis);
    let headers: Vec<Header> = (0..HEADERS)
        .map(|_| {
            let block = mine(&mut chain, Vec::new());
            import(&mut chain, block.clone());
            block.header
        })
        .collect();
    let now = headers[HEADERS - 1].timestamp;
    let mut group = criterion.benchmark_group("consensus::import_headers");
    group.sample_size(20).throughput(Throughput::Elements(HEADERS as u64));
    group.bench_function(format!("mbt/n={HEADERS}"), |bencher| {
        bencher.iter_batched(
            || open(&genesis),
            |mut chain| {
                assert_eq!(chain.import_headers(now, &headers).unwrap().added, HEADERS);
                chain
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
    let header = &headers[HEADERS - 1];
    criterion.bench_function("consensus::work_hash/mbt/headers=1", |bencher| {
        bencher.iter(|| black_box(header).work_hash());
    });
}

fn retarget(criterion: &mut Criterion) {
    let anchor = asert::Anchor { number: 0, timestamp: 1_000, target: U256::MAX >> 20 };
    criterion.bench_function("consensus::next_target/mbt/headers=1", |bencher| {
        bencher.iter(|| {
            asert::next_target(black_box(&anchor), 1_000_000, 15_001_234, 15, U256::MAX >> 16)
        });
    });
}

/// Execution, state root and the batch for the store of a block that another node mined. Its
/// senders are recovered.
fn blocks(criterion: &mut Criterion) {
    let genesis = genesis();
    let keys = development::ACCOUNTS.map(|a| SecretKey::from_bytes(a.private_key).unwrap());
    let transfers = (0..TRANSFERS).map(|n| {
        let sender = usize::try_from(n).unwrap() % keys.len();
        let mut to = Address([0x77; 20]);
        to.0[12..].copy_from_slice(&n.to_be_bytes());
        let kind = Kind::DynamicFee {
            chain_id: 31_337,
            max_priority_fee_per_gas: GWEI.into(),
            max_fee_per_gas: (100 * GWEI).into(),
            access_list: Vec::new(),
        };
        let (nonce, to, value) = (n / keys.len() as u64, Some(to), 1.into());
        let transaction = Transaction { kind, nonce, gas_limit: 21_000, to, value, input: vec![] };
        transaction.sign(&keys[sender]).recover().unwrap()
    });
    let block = mine(&mut open(&genesis), transfers.collect());
    assert_eq!(block.transactions.len() as u64, TRANSFERS, "they fit");
    let mut group = criterion.benchmark_group("consensus::import_block");
    group.sample_size(20).throughput(Throughput::Elements(TRANSFERS));
    group.bench_function(format!("mbt/transfers={TRANSFERS}"), |bencher| {
        bencher.iter_batched(
            || (open(&genesis), block.clone()),
            |(mut chain, block)| {
                import(&mut chain, block);
                chain
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    headers(&mut criterion);
    retarget(&mut criterion);
    blocks(&mut criterion);
    criterion.final_summary();
}
