//! Whatever a loss of power leaves on the disk, the store is found with a whole block's state.
//!
//! `MBT_CRASH_POINTS` says at how many moments power goes; 120 without it, 10,000 in the long form.
//! `MBT_SEED` repeats a run.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and tells its seed"
)]

use mbt_trie::{
    Durability, MemoryStore, WriteBuffer,
    testing::{Blocks, FaultyStore, JournalStore, SimulatedDisk, power_loss_laws},
};

#[allow(clippy::disallowed_methods, reason = "a test's length and seed come from outside")]
fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

fn points() -> u32 {
    u32::try_from(variable("MBT_CRASH_POINTS", 120)).unwrap()
}

fn seed() -> u64 {
    let seed = variable("MBT_SEED", u64::from(std::process::id()));
    println!("seed {seed}");
    seed
}

#[test]
fn a_journal_survives_a_loss_of_power_at_every_write() {
    power_loss_laws(JournalStore::open, seed(), points());
}

#[test]
fn deferred_blocks_behind_a_buffer_are_lost_whole_or_not_at_all() {
    let open = |disk: SimulatedDisk| WriteBuffer::with_bytes_max(JournalStore::open(disk)?, 20_000);
    power_loss_laws(open, seed(), points());
}

#[test]
fn a_commit_that_fails_at_any_operation_is_made_again_as_if_nothing_was() {
    let mut blocks = Blocks::new(seed());
    let faults = FaultyStore::new(MemoryStore::new());
    blocks.commit(&faults, 0, Durability::Durable).unwrap();
    let mut points = 0;
    for number in 1..60 {
        for operation in 0.. {
            faults.fail_after(operation);
            let result = blocks.commit(&faults, number, Durability::Durable);
            if faults.heal() {
                result.unwrap();
                break;
            }
            assert!(result.is_err(), "a failure at operation {operation} was not told");
            points += 1;
            if operation % 16 == 0 {
                blocks.check(faults.inner(), Some(number - 1), Some(number - 1));
            }
        }
        blocks.check(faults.inner(), Some(number), Some(number));
    }
    println!("points {points}");
}
