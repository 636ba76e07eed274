//! Every engine keeps the laws and survives crashes.
//!
//! `MBT_POSTGRESQL_URL` names a database for the tests that need one; without it they are reported
//! as ignored. `MBT_CRASH_ROUNDS` says how often a writing process is killed, `MBT_CRASH_POINTS` how
//! often power goes, `MBT_SEED` repeats a run.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "helpers of a test fail it by panicking, and tell what they measured"
)]

mod engines;
mod killed;
mod lost;
mod power;

use std::process::ExitCode;

use engines::{ENGINES, Engine, Place};
use libtest_mimic::{Arguments, Trial};
use mbt_examples::storage::{FjallStore, RedbStore, Store};
use mbt_trie::{
    WriteBuffer,
    testing::{key_value_store_laws, reopened_store_laws},
};

pub(crate) fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

pub(crate) fn seed() -> u64 {
    let seed = variable("MBT_SEED", u64::from(std::process::id()));
    println!("seed {seed}");
    seed
}

/// The bare engine, without a buffer.
fn an_engine_keeps_the_laws(engine: Engine) {
    let mut places = Vec::new();
    let mut place = || {
        places.push(Place::new(engine));
        places.last().unwrap().location()
    };
    match engine {
        Engine::Memory => key_value_store_laws(mbt_trie::MemoryStore::new),
        Engine::Redb => {
            key_value_store_laws(|| engines::redb(&place()));
        }
        Engine::Fjall => key_value_store_laws(|| engines::fjall(&place())),
        Engine::PostgreSql => key_value_store_laws(|| engines::postgresql(&place())),
    }
}

/// The store as a node opens it.
fn a_store_keeps_the_laws(engine: Engine) {
    let mut places = Vec::new();
    key_value_store_laws(|| {
        places.push(Place::new(engine));
        Store::open(&places.last().unwrap().location()).unwrap()
    });
}

fn what_was_durable_is_found_again(engine: Engine) {
    let place = Place::new(engine);
    reopened_store_laws(|| Store::open(&place.location()).unwrap());
    let place = Place::new(engine);
    match engine {
        Engine::Memory => {}
        Engine::Redb => reopened_store_laws(|| engines::redb(&place.location())),
        Engine::Fjall => reopened_store_laws(|| engines::fjall(&place.location())),
        Engine::PostgreSql => reopened_store_laws(|| engines::postgresql(&place.location())),
    }
}

fn something_else_is_refused_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("something");
    let content = vec![7_u8; 10_000];
    std::fs::write(&file, &content).unwrap();
    assert!(RedbStore::open(&file, engines::CACHE).is_err());
    assert!(FjallStore::open(&file, engines::CACHE).is_err());
    assert!(FjallStore::open(folder.path(), engines::CACHE).is_err());
    assert_eq!(std::fs::read(&file).unwrap(), content);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

fn a_store_has_one_user_at_a_time(engine: Engine) {
    let place = Place::new(engine);
    let first = Store::open(&place.location()).unwrap();
    let second = Store::open(&place.location()).map(drop).unwrap_err();
    println!("{second}");
    drop(first);
    let store = Store::open(&place.location()).unwrap();
    drop(WriteBuffer::new(store).unwrap());
}

fn trials() -> Vec<Trial> {
    let database = engines::database();
    if database.is_none() {
        eprintln!("ignored: tests of PostgreSQL, set MBT_POSTGRESQL_URL");
    }
    let mut trials = vec![
        Trial::test("something_else_is_refused_and_kept", || {
            something_else_is_refused_and_kept();
            Ok(())
        }),
        Trial::test("redb_survives_a_loss_of_power_at_every_write", || {
            power::redb_survives_a_loss_of_power_at_every_write();
            Ok(())
        }),
        Trial::test("deferred_blocks_before_redb_are_lost_whole_or_not_at_all", || {
            power::deferred_blocks_before_redb_are_lost_whole_or_not_at_all();
            Ok(())
        }),
        Trial::test("fjall_survives_a_torn_journal", || {
            power::fjall_survives_a_torn_journal();
            Ok(())
        }),
    ];
    let mut add = |name: &str, engine: Engine, test: fn(Engine)| {
        let run = move || {
            test(engine);
            Ok(())
        };
        let absent = engine == Engine::PostgreSql && database.is_none();
        trials
            .push(Trial::test(format!("{name}::{}", engine.name()), run).with_ignored_flag(absent));
    };
    for engine in ENGINES {
        add("an_engine_keeps_the_laws", engine, an_engine_keeps_the_laws);
        add("a_store_keeps_the_laws", engine, a_store_keeps_the_laws);
        if engine != Engine::Memory {
            add("what_was_durable_is_found_again", engine, what_was_durable_is_found_again);
            add("a_store_has_one_user_at_a_time", engine, a_store_has_one_user_at_a_time);
            add(
                "a_killed_writer_leaves_a_whole_block",
                engine,
                killed::a_killed_writer_leaves_a_whole_block,
            );
        }
    }
    for (name, test) in lost::TESTS {
        add(name, Engine::PostgreSql, test);
    }
    trials
}

fn main() -> ExitCode {
    if let Some(child) = killed::Child::from_environment() {
        child.run();
    }
    libtest_mimic::run(&Arguments::from_args(), trials()).exit_code()
}
