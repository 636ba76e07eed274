//! Roots of lists; tries of a million accounts: building, updating, reading, proving.
//!
//! `cargo bench -p mbt-benches --bench trie`
//!
//! Of our engine `nodes=warm` means that the nodes a batch touches are in memory from the commits
//! before, `nodes=cold` that all are read from the store and decoded. `threads=1` is measured by
//! CPU time and `threads=2` by wall time; a peer has one thread and is measured by both.

#[path = "trie/engines.rs"]
mod engines;
#[path = "trie/rounds.rs"]
mod rounds;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    hint::black_box,
    sync::atomic::{AtomicU64, Ordering},
};

use alloy_primitives::{B256, Bytes};
use alloy_trie::{Nibbles, proof::verify_proof as alloy_verify, root};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use engines::{Entry, EthTrie, Ours, TrieDb, alloy_root};
use eth_trie::Trie as _;
use mbt_account::PublicAccount;
use mbt_crypto::{Address, U256, keccak256};
use mbt_trie::{
    AccountDiff, Durability, History, KeyValueStore, Latest, MemoryStore, ResidentState, Stage,
    State, StateDiff, StateView, ordered_root, verify_proof,
};
use rayon::ThreadPool;
use rounds::{Clock, Rounds};

/// Transactions of a full block of transfers, and their size.
const LIST: (usize, usize) = (1_428, 110);
/// Keys of a trie and of a batch.
const KEYS: u64 = 1_000_000;
const BATCHES: [u64; 2] = [10_000, 1_000];
/// Keys where each bench only runs once, to see that it runs.
const KEYS_TESTED: u64 = 20_000;
/// Measurements of each engine, for building and for the rest.
const BUILDS: usize = 3;
const ROUNDS: usize = 10;
/// Keys that are read or proved in one measurement.
const READS: u64 = 10_000;
const PROOFS: u64 = 1_000;

/// Counts allocations.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

#[allow(unsafe_code, reason = "an allocator that counts is an allocator")]
// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promised.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A small generator (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn entry(&mut self, keys: u64) -> Entry {
        let mut value = [0; 70];
        value.chunks_mut(8).for_each(|chunk| {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        });
        (key(self.next() % keys), value)
    }
}

fn key(n: u64) -> [u8; 32] {
    keccak256(n.to_be_bytes()).0
}

fn pool(threads: usize) -> ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
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

/// All engines with the same trie.
struct Engines {
    warm: Ours,
    cold: Ours,
    trie_db: TrieDb,
    eth_trie: EthTrie,
}

/// A trie from nothing. `alloy-trie` stores no nodes, the others do.
fn build(criterion: &mut Criterion, keys: u64, builds: usize) -> Engines {
    let mut random = Random(1);
    let entries: Vec<Entry> = (0..keys).map(|n| (key(n), random.entry(1).1)).collect();
    let mut rounds = Rounds::default();
    let params = format!("keys={keys} value=70");
    let pools = [pool(1), pool(2)];
    let mut trie_db = TrieDb::new();
    let mut ours = [Ours::new(), Ours::new()];
    for _ in 0..builds {
        let (time, expected) = Clock::Cpu.time(|| alloy_root(&entries));
        rounds.add(&format!("alloy-trie/{params} nodes=none threads=1 cpu"), time);
        for ((clock, name), ours) in
            [(Clock::Cpu, "cpu"), (Clock::Wall, "wall")].into_iter().zip(&mut ours)
        {
            trie_db = TrieDb::new();
            let (time, root) = clock.time(|| trie_db.commit(&entries));
            assert_eq!(root, expected);
            rounds.add(&format!("trie-db/{params} threads=1 {name}"), time);
            let threads = if name == "cpu" { 1 } else { 2 };
            *ours = Ours::new();
            let (time, root) = clock.time(|| pools[threads - 1].install(|| ours.commit(&entries)));
            assert_eq!(root, expected);
            rounds.add(&format!("mbt/{params} threads={threads} {name}"), time);
        }
    }
    rounds.report(criterion, "trie::build", keys, &["trie-db", "alloy-trie"]);
    let [warm, cold] = ours;
    println!(
        "trie::memory: {} bytes of nodes in memory for each of {keys} keys",
        warm.0.resident_bytes() as u64 / keys
    );
    let mut eth_trie = EthTrie::new();
    eth_trie.commit(&entries);
    Engines { warm, cold, trie_db, eth_trie }
}

/// Batches of random keys, each committed by every engine.
fn update(criterion: &mut Criterion, engines: &mut Engines, keys: u64, touched: u64, count: usize) {
    let mut rounds = Rounds::default();
    let mut random = Random(touched);
    let params = format!("keys={keys} touched={touched}");
    let pools = [pool(1), pool(2)];
    for round in 0..2 * count {
        let batch: Vec<Entry> = (0..touched).map(|_| random.entry(keys)).collect();
        let (threads, clock, name) =
            if round % 2 == 0 { (1, Clock::Cpu, "cpu") } else { (2, Clock::Wall, "wall") };
        let Engines { warm, cold, trie_db, eth_trie } = engines;
        let mut roots = [[0; 32]; 4];
        for turn in 0..4 {
            let engine = (turn + round / 2) % 4;
            let (id, (time, root)) = match engine {
                0 => {
                    let before = ALLOCATIONS.load(Ordering::Relaxed);
                    let run = || pools[threads - 1].install(|| warm.commit(&batch));
                    let measured = clock.time(run);
                    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
                    if round + 2 >= 2 * count {
                        println!(
                            "trie::allocations: {:.2} for each of {touched} keys, threads={threads}",
                            allocations as f64 / touched as f64
                        );
                    }
                    (format!("mbt/{params} nodes=warm threads={threads} {name}"), measured)
                }
                1 => {
                    cold.0.unload();
                    let run = || pools[threads - 1].install(|| cold.commit(&batch));
                    (format!("mbt/{params} nodes=cold threads={threads} {name}"), clock.time(run))
                }
                2 => (
                    format!("trie-db/{params} threads=1 {name}"),
                    clock.time(|| trie_db.commit(&batch)),
                ),
                _ => (
                    format!("eth_trie/{params} threads=1 {name}"),
                    clock.time(|| eth_trie.commit(&batch)),
                ),
            };
            rounds.add(&id, time);
            roots[engine] = root;
        }
        assert!(roots.iter().all(|root| *root == roots[0]), "the engines disagree");
    }
    rounds.report(criterion, "trie::update", touched, &["trie-db", "eth_trie"]);
}

/// Proofs of random keys, and their verification. Each engine's proofs are the same.
fn proofs(criterion: &mut Criterion, engines: &mut Engines, keys: u64, count: usize) {
    let (mut proved, mut verified) = (Rounds::default(), Rounds::default());
    let mut random = Random(3);
    let params = format!("keys={keys}");
    let root = engines.warm.0.root();
    let peer_root = B256::from(root.0);
    for _ in 0..count {
        let sample: Vec<[u8; 32]> = (0..PROOFS).map(|_| key(random.next() % keys)).collect();
        let clock = Clock::Cpu;
        let warm = &engines.warm.0;
        let (time, ours) =
            clock.time(|| sample.iter().map(|key| warm.prove(key).unwrap()).collect::<Vec<_>>());
        proved.add(&format!("mbt/{params} nodes=warm cpu"), time);
        let cold = &mut engines.cold.0;
        cold.unload();
        let (time, same) =
            clock.time(|| sample.iter().map(|key| cold.prove(key).unwrap()).collect::<Vec<_>>());
        proved.add(&format!("mbt/{params} nodes=cold cpu"), time);
        assert_eq!(ours, same);
        let (time, same) =
            clock.time(|| sample.iter().map(|key| engines.trie_db.prove(key)).collect::<Vec<_>>());
        proved.add(&format!("trie-db/{params} cpu"), time);
        assert_eq!(ours, same);
        let trie = &mut engines.eth_trie.0;
        let (time, _) = clock
            .time(|| sample.iter().map(|key| trie.get_proof(key).unwrap()).collect::<Vec<_>>());
        proved.add(&format!("eth_trie/{params} cpu"), time);

        let values: Vec<_> =
            sample.iter().map(|key| warm.get(key).unwrap().unwrap_or_default()).collect();
        let (time, ()) = clock.time(|| {
            for ((key, value), proof) in sample.iter().zip(&values).zip(&ours) {
                verify_proof(root, key, Some(value), proof).unwrap();
            }
        });
        verified.add(&format!("mbt/{params} cpu"), time);
        let peers: Vec<Vec<Bytes>> =
            ours.iter().map(|proof| proof.iter().cloned().map(Bytes::from).collect()).collect();
        let (time, ()) = clock.time(|| {
            for ((key, value), proof) in sample.iter().zip(&values).zip(&peers) {
                alloy_verify(peer_root, Nibbles::unpack(key), Some(value.clone()), proof).unwrap();
            }
        });
        verified.add(&format!("alloy-trie/{params} cpu"), time);
        let (time, ()) = clock.time(|| {
            for (key, proof) in sample.iter().zip(&ours) {
                trie.verify_proof(peer_root, key, proof.clone()).unwrap();
            }
        });
        verified.add(&format!("eth_trie/{params} cpu"), time);
    }
    proved.report(criterion, "trie::prove", PROOFS, &["trie-db", "eth_trie"]);
    verified.report(criterion, "trie::verify_proof", PROOFS, &["alloy-trie", "eth_trie"]);
}

fn address(index: u64) -> Address {
    Address::from_hash(keccak256(index.to_be_bytes()))
}

/// Sets balances of accounts.
fn balances(accounts: impl Iterator<Item = u64>, wei: u64) -> StateDiff {
    let account = PublicAccount { balance: U256::from(wei), ..PublicAccount::default() };
    let diff = AccountDiff { account: Some(account), ..AccountDiff::default() };
    let accounts = accounts.map(|index| (address(index), diff.clone())).collect();
    StateDiff { accounts, ..StateDiff::default() }
}

/// A whole state: random reads against `trie-db`'s, and blocks with flat entries and history.
fn state(criterion: &mut Criterion, engines: &Engines, keys: u64, count: usize) {
    let history = History::Blocks(129);
    let store = MemoryStore::new();
    let mut stage = Stage::new(&store);
    let mut resident = ResidentState::with_bytes_max(history, usize::MAX);
    resident.commit(&mut stage, 0, &balances(0..keys, 1)).unwrap();
    store.write(&stage.into_batch(), Durability::Deferred).unwrap();

    let mut random = Random(5);
    let mut rounds = Rounds::default();
    for _ in 0..count {
        let sample: Vec<u64> = (0..READS).map(|_| random.next() % keys).collect();
        let addresses: Vec<_> = sample.iter().map(|index| address(*index)).collect();
        let latest = Latest::new(&store);
        let (time, ()) = Clock::Cpu.time(|| {
            for address in &addresses {
                black_box(latest.account(address).unwrap());
            }
        });
        rounds.add(&format!("mbt/accounts={keys} cpu"), time);
        let hashed: Vec<_> = sample.iter().map(|index| key(*index)).collect();
        let (time, ()) = Clock::Cpu.time(|| {
            for key in &hashed {
                black_box(engines.trie_db.get(key));
            }
        });
        rounds.add(&format!("trie-db/accounts={keys} cpu"), time);
    }
    rounds.report(criterion, "trie::read", READS, &["trie-db"]);

    for touched in BATCHES {
        let mut rounds = Rounds::default();
        for round in 0..count {
            let sample: Vec<u64> = (0..touched).map(|_| random.next() % keys).collect();
            let diff = balances(sample.into_iter(), 2 + round as u64);
            let (time, root) =
                Clock::Cpu.time(|| resident.commit(&mut Stage::new(&store), 1, &diff).unwrap());
            rounds.add(&format!("mbt/accounts={keys} touched={touched} nodes=warm cpu"), time);
            let (time, same) = Clock::Cpu
                .time(|| State::new(history).commit(&mut Stage::new(&store), 1, &diff).unwrap());
            rounds.add(&format!("mbt/accounts={keys} touched={touched} nodes=cold cpu"), time);
            assert_eq!(root, same);
        }
        rounds.report(criterion, "trie::commit", touched, &[]);
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let tested = std::env::args().any(|argument| argument == "--test");
    let (keys, builds, rounds) = if tested { (KEYS_TESTED, 1, 1) } else { (KEYS, BUILDS, ROUNDS) };
    list_root(&mut criterion);
    let mut engines = build(&mut criterion, keys, builds);
    for touched in BATCHES {
        update(&mut criterion, &mut engines, keys, touched, rounds);
    }
    proofs(&mut criterion, &mut engines, keys, rounds);
    state(&mut criterion, &engines, keys, rounds);
    criterion.final_summary();
}
