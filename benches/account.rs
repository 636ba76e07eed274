//! The transaction pool.
//!
//! `cargo bench -p mbt-benches --bench account`

use std::{hint::black_box, sync::Arc};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use mbt_account::{
    Kind, Pool, PoolConfig, PoolHead, RecoveredTransaction, SenderState, SignedTransaction,
    Transaction,
};
use mbt_crypto::{Address, Signature, U256};

const GWEI: u64 = 1_000_000_000;
const CHAIN_ID: u64 = 31_337;
const SENDERS: u64 = 1_000;
const COUNT: u64 = 10_000;

/// The n-th transaction, ten of each sender, at tips that differ. Nobody signed it: the pool does
/// not look at signatures.
fn transaction(n: u64, tip_gwei: u64) -> RecoveredTransaction {
    let mut sender = Address([0x11; 20]);
    sender.0[..8].copy_from_slice(&(n % SENDERS).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    let kind = Kind::DynamicFee {
        chain_id: CHAIN_ID,
        max_priority_fee_per_gas: U256::from(tip_gwei) * GWEI,
        max_fee_per_gas: U256::from(100 + tip_gwei) * GWEI,
        access_list: Vec::new(),
    };
    let (to, value, input) = (Some(Address([0x77; 20])), n.into(), Vec::new());
    let transaction = Transaction { kind, nonce: n / SENDERS, gas_limit: 21_000, to, value, input };
    let signature = Signature { r: [1; 32], s: [1; 32], y_parity: false };
    let signed = Arc::new(SignedTransaction::new(transaction, signature));
    RecoveredTransaction::new_unchecked(signed, sender)
}

/// Into a pool with room, and into one where each must drive out a cheaper one.
fn pool_insert(criterion: &mut Criterion) {
    let head = PoolHead { chain_id: CHAIN_ID, base_fee: GWEI.into(), gas_limit: 30_000_000 };
    let sender = SenderState { nonce: 0, balance: U256::MAX };
    let fill = |pool: &mut Pool, transactions: Vec<RecoveredTransaction>| {
        for transaction in transactions {
            pool.insert(transaction, sender, &head).unwrap();
        }
    };
    let cheap: Vec<_> = (0..COUNT).map(|n| transaction(n, 1 + n % 7)).collect();
    // Of other senders, and better paying than all there is.
    let dear: Vec<_> = (0..COUNT)
        .map(|n| {
            let dear = transaction(n, 20 + n % 7);
            let mut sender = dear.sender();
            sender.0[19] ^= 1;
            RecoveredTransaction::new_unchecked(Arc::clone(dear.signed()), sender)
        })
        .collect();
    let full = {
        let count_max = usize::try_from(COUNT).unwrap();
        let mut pool = Pool::new(PoolConfig { count_max, ..PoolConfig::default() });
        fill(&mut pool, cheap.clone());
        pool
    };
    let mut group = criterion.benchmark_group("account::pool_insert");
    group.throughput(Throughput::Elements(COUNT));
    group.sample_size(20);
    for (params, pool, transactions) in [
        (format!("n={COUNT} room"), Pool::new(PoolConfig::default()), &cheap),
        (format!("n={COUNT} full"), full, &dear),
    ] {
        group.bench_function(BenchmarkId::new("mbt", params), |bencher| {
            bencher.iter_batched(
                || (pool.clone(), transactions.clone()),
                |(mut pool, transactions)| {
                    fill(&mut pool, transactions);
                    black_box(pool)
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    pool_insert(&mut criterion);
    criterion.final_summary();
}
