//! How long a block takes to be durable over a state on disk: 1,000 accounts changed of many.
//!
//!     cargo bench -p mbt-benches --bench trie_disk
//!
//! It takes minutes and some gigabytes, and removes what it made. `MBT_DISK_ACCOUNTS` lists the
//! sizes (1000000,10000000), `MBT_DISK_ENGINES` the engines (redb; also fjall), `MBT_DISK_BLOCKS`
//! says how many blocks (200), `MBT_DISK_FOLDER` where; `MBT_DISK_DEFERRED` a number of blocks that are
//! first written as in sync, deferred, for a rate.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    dead_code,
    unreachable_pub,
    reason = "a bench fails by panicking, prints what it measured, and uses some of the engines"
)]

use std::{
    fs::File,
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

use indicatif::ProgressBar;
use mbt_account::PublicAccount;
use mbt_crypto::{Address, U256, keccak256};
use mbt_trie::{
    AccountDiff, Durability, History, KeyValueStore, ResidentState, Stage, StateDiff, WriteBuffer,
};

use engine::StorageEngine;
use fjall_engine::FjallStore;
use redb_engine::RedbStore;

/// The node kit's engines, without the rest of a node.
#[path = "../examples/src/storage/engine.rs"]
mod engine;
#[path = "../examples/src/storage/fjall_engine.rs"]
mod fjall_engine;
#[path = "../examples/src/storage/redb_engine.rs"]
mod redb_engine;

/// Accounts that a block changes.
const TOUCHED: u64 = 1_000;

/// Most bytes of the store kept in memory by the engine.
const CACHE: usize = 512 << 20;

/// The state is filled in so many parts, each with keys next to each other.
const PARTS: usize = 16;

fn variable(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

fn address(index: u64) -> Address {
    Address::from_hash(keccak256(index.to_be_bytes()))
}

fn paid(wei: u64) -> AccountDiff {
    let balance = U256::from(wei) << 64;
    let account = PublicAccount { balance, nonce: wei, ..PublicAccount::default() };
    AccountDiff { account: Some(account), ..AccountDiff::default() }
}

/// Fills a store with accounts and returns the number of the last block.
fn fill<S: KeyValueStore>(store: &S, accounts: u64) -> u64 {
    let bar = ProgressBar::new(accounts);
    let mut parts = vec![Vec::new(); PARTS];
    for index in 0..accounts {
        let nibble = keccak256(address(index).0).0[0] >> 4;
        parts[usize::from(nibble)].push(u32::try_from(index).unwrap());
    }
    let mut state = ResidentState::with_bytes_max(History::Blocks(0), 1 << 20);
    let mut last = 0;
    for (number, part) in (0..).zip(parts) {
        let mut diff = StateDiff::default();
        diff.accounts.extend(part.iter().map(|index| (address(u64::from(*index)), paid(1))));
        let mut stage = Stage::new(store);
        state.commit(&mut stage, number, &diff).unwrap();
        store.write(&stage.into_batch(), Durability::Durable).unwrap();
        bar.inc(part.len() as u64);
        last = number;
    }
    bar.finish_and_clear();
    last
}

/// Times in order; of a percentile in milliseconds.
struct Times(Vec<Duration>);

impl Times {
    #[allow(clippy::float_arithmetic, reason = "a figure to be printed")]
    fn at(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let place = (sorted.len() * percent / 100).min(sorted.len() - 1);
        sorted[place].as_secs_f64() * 1e3
    }
}

fn fsyncs(folder: &Path, count: usize) -> Times {
    let mut file = File::create(folder.join("fsync")).unwrap();
    let times = (0..count).map(|_| {
        file.write_all(&[7; 4096]).unwrap();
        let begun = Instant::now();
        file.sync_data().unwrap();
        begun.elapsed()
    });
    Times(times.collect())
}

fn measure<S: StorageEngine>(engine: &str, folder: &Path, store: &S, accounts: u64) {
    let begun = Instant::now();
    let mut number = fill(store, accounts);
    let filled = begun.elapsed();
    let blocks: u64 = variable("MBT_DISK_BLOCKS", "200").parse().unwrap();
    let deferred: u64 = variable("MBT_DISK_DEFERRED", "0").parse().unwrap();
    let mut state = ResidentState::new(History::Blocks(129));
    let mut random = accounts;
    let mut diff = || {
        let mut diff = StateDiff::default();
        for _ in 0..TOUCHED {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            diff.accounts.insert(address((random >> 16) % accounts), paid(random >> 40));
        }
        diff
    };
    let mut block = |durability| {
        let diff = diff();
        number += 1;
        let begun = Instant::now();
        let mut stage = Stage::new(store);
        state.commit(&mut stage, number, &diff).unwrap();
        let worked = begun.elapsed();
        store.write(&stage.into_batch(), durability).unwrap();
        let whole = begun.elapsed();
        (whole, worked, whole - worked)
    };
    if deferred > 0 {
        let begun = Instant::now();
        for _ in 0..deferred {
            block(Durability::Deferred);
        }
        block(Durability::Durable);
        let each = begun.elapsed() / u32::try_from(deferred + 1).unwrap();
        println!("{engine} accounts={accounts} deferred: {each:?} a block");
    }
    let times: Vec<_> = (0..blocks).map(|_| block(Durability::Durable)).collect();
    let fsync = fsyncs(folder, 100);
    let disk = store.disk_bytes().unwrap().unwrap_or(0);
    println!("{engine} accounts={accounts} filled in {filled:?}, {} MiB on disk", disk >> 20);
    let part = |name: &str, times: Times| {
        println!("  {name:<22} p50 {:>8.2} ms  p99 {:>8.2} ms", times.at(50), times.at(99));
    };
    part("block, durable", Times(times.iter().map(|time| time.0).collect()));
    part("  state worked out", Times(times.iter().map(|time| time.1).collect()));
    part("  batch written", Times(times.iter().map(|time| time.2).collect()));
    part("one fsync of 4 KiB", fsync);
}

fn main() {
    // `cargo test --benches` and `cargo bench -- --test` only want to know that it runs.
    let brief = std::env::args().any(|argument| argument == "--test");
    let sizes =
        if brief { "2000".to_owned() } else { variable("MBT_DISK_ACCOUNTS", "1000000,10000000") };
    for engine in variable("MBT_DISK_ENGINES", "redb").split(',') {
        for accounts in sizes.split(',') {
            let accounts = accounts.trim().parse().unwrap();
            let parent = variable("MBT_DISK_FOLDER", "");
            let folder = match parent.as_str() {
                "" => tempfile::tempdir(),
                parent => tempfile::tempdir_in(parent),
            };
            let folder = folder.unwrap();
            let path = folder.path().join("store");
            match engine {
                "redb" => {
                    let store = RedbStore::open(&path, CACHE).unwrap();
                    measure(engine, folder.path(), &store, accounts);
                }
                "fjall" => {
                    let store = FjallStore::open(&path, CACHE).unwrap();
                    measure(engine, folder.path(), &store, accounts);
                }
                // As a node opens it, with a buffer for deferred blocks.
                "redb-buffered" => {
                    let store = WriteBuffer::new(RedbStore::open(&path, CACHE).unwrap()).unwrap();
                    measure(engine, folder.path(), &store, accounts);
                }
                "fjall-buffered" => {
                    let store = WriteBuffer::new(FjallStore::open(&path, CACHE).unwrap()).unwrap();
                    measure(engine, folder.path(), &store, accounts);
                }
                other => println!("there is no engine {other}"),
            }
        }
    }
}
