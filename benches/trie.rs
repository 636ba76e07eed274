//! Roots of lists, commits of blocks to a state, proofs.
//!
//! `cargo bench -p mbt-benches --bench trie`

use std::hint::black_box;

use alloy_primitives::{B256, U256 as PeerU256};
use alloy_trie::{TrieAccount, root};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use mbt_account::PublicAccount;
use mbt_crypto::{Address, H256, U256, keccak256};
use mbt_trie::{
    AccountDiff, Durability, History, KeyValueStore, Latest, MemoryStore, Stage, State, StateDiff,
    ordered_root, verify_account_proof,
};

/// Transactions of a full block of transfers, and their size.
const LIST: (usize, usize) = (1_428, 110);
/// Accounts of the state that blocks are committed to, and that one block touches.
const ACCOUNTS: u64 = 10_000;
const TOUCHED: [u64; 2] = [100, 1_000];
const HISTORY: History = History::Blocks(129);

fn address(index: u64) -> Address {
    Address::from_hash(keccak256(index.to_be_bytes()))
}

/// Sets the balances of the first `count` accounts to `wei`.
fn balances(count: u64, wei: u64) -> StateDiff {
    let account = PublicAccount { balance: U256::from(wei), ..PublicAccount::default() };
    let diff = AccountDiff { account: Some(account), ..AccountDiff::default() };
    let accounts = (0..count).map(|index| (address(index), diff.clone())).collect();
    StateDiff { accounts, ..StateDiff::default() }
}

fn filled() -> (MemoryStore, H256) {
    let store = MemoryStore::new();
    let mut stage = Stage::new(&store);
    let root = State::new(HISTORY).commit(&mut stage, 0, &balances(ACCOUNTS, 1)).unwrap();
    let batch = stage.into_batch();
    store.write(&batch, Durability::Deferred).unwrap();
    (store, root)
}

/// The root of a header's transactions.
fn list_root(criterion: &mut Criterion) {
    let (count, bytes) = LIST;
    let items: Vec<Vec<u8>> = (0..count)
        .map(|index| (0..bytes).map(|at| ((index * 31 + at * 7) % 256) as u8).collect())
        .collect();
    assert_eq!(
        ordered_root(items.iter().cloned()).0,
        root::ordered_trie_root_encoded(&items).0,
        "the engines disagree"
    );
    let mut group = criterion.benchmark_group("trie::ordered_root");
    let params = format!("items={count} value={bytes}");
    group.throughput(Throughput::Elements(count as u64));
    group.bench_function(BenchmarkId::new("mbt", &params), |bencher| {
        bencher.iter_batched(|| items.clone(), ordered_root, BatchSize::LargeInput);
    });
    group.bench_function(BenchmarkId::new("alloy-trie", &params), |bencher| {
        bencher.iter(|| root::ordered_trie_root_encoded(black_box(&items)));
    });
    group.finish();
}

/// A whole state from nothing. Ours also writes flat entries and nodes; the peer works out the root.
fn genesis(criterion: &mut Criterion) {
    let diff = balances(ACCOUNTS, 1);
    let (_, ours) = filled();
    let peer = || {
        let account = TrieAccount { balance: PeerU256::from(1), ..TrieAccount::default() };
        let hashed =
            (0..ACCOUNTS).map(|index| (B256::from(keccak256(address(index).0).0), account.clone()));
        root::state_root_unsorted(hashed)
    };
    assert_eq!(ours.0, peer().0, "the engines disagree");

    let mut group = criterion.benchmark_group("trie::genesis");
    let params = format!("accounts={ACCOUNTS}");
    group.sample_size(20).throughput(Throughput::Elements(ACCOUNTS));
    group.bench_function(BenchmarkId::new("mbt", &params), |bencher| {
        bencher.iter_batched(
            MemoryStore::new,
            |store| State::new(HISTORY).commit(&mut Stage::new(&store), 0, &diff).unwrap(),
            BatchSize::LargeInput,
        );
    });
    group.bench_function(BenchmarkId::new("alloy-trie", &params), |bencher| bencher.iter(peer));
    group.finish();
}

/// A block on top of a stored state: flat entries, nodes, history and root, up to the write.
fn commit(criterion: &mut Criterion) {
    let (store, _) = filled();
    let mut group = criterion.benchmark_group("trie::commit");
    group.sample_size(30);
    for touched in TOUCHED {
        let diff = balances(touched, 2);
        let params = format!("accounts={ACCOUNTS} touched={touched}");
        group.throughput(Throughput::Elements(touched));
        group.bench_function(BenchmarkId::new("mbt", &params), |bencher| {
            bencher.iter(|| State::new(HISTORY).commit(&mut Stage::new(&store), 1, &diff).unwrap());
        });
    }
    group.finish();
}

fn proofs(criterion: &mut Criterion) {
    let (store, root) = filled();
    let latest = Latest::new(&store);
    let proof = latest.prove(&address(7), &[]).unwrap();
    let params = format!("accounts={ACCOUNTS}");
    criterion.bench_function(&format!("trie::prove/mbt/{params}"), |bencher| {
        bencher.iter(|| latest.prove(black_box(&address(7)), &[]).unwrap());
    });
    criterion.bench_function(&format!("trie::verify_proof/mbt/{params}"), |bencher| {
        bencher.iter(|| verify_account_proof(root, black_box(&proof)).unwrap());
    });
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    list_root(&mut criterion);
    genesis(&mut criterion);
    commit(&mut criterion);
    proofs(&mut criterion);
    criterion.final_summary();
}
