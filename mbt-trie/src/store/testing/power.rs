//! Loss of power at every write of a commit.

use super::{Blocks, SimulatedDisk, random::Random};
use crate::{Durability, KeyValueStore, StoreError};

/// Losses of power that one chain of blocks goes through.
const CHAIN: u32 = 64;

/// Operations after which power goes, at most: each number up to it comes up in turn.
const OPERATIONS: u32 = 96;

/// Loses power at `points` moments: in the middle of each write and sync of a commit in turn, and
/// while the store is opened again. Whatever the disk kept of what was not synced, the store is
/// found with a whole block's state, none before the last that was durable.
///
/// `open` opens a store on a disk: an empty one, or one that was found after the loss.
pub fn power_loss_laws<S: KeyValueStore>(
    mut open: impl FnMut(SimulatedDisk) -> Result<S, StoreError>,
    seed: u64,
    points: u32,
) {
    let mut random = Random::new(seed);
    let mut point = 0;
    while point < points {
        let mut disk = SimulatedDisk::new(random.next());
        let mut blocks = Blocks::new(random.next());
        let store = open(disk.clone()).unwrap();
        blocks.commit(&store, 0, Durability::Durable).unwrap();
        drop(store);
        let mut head = 0;
        for _ in 0..CHAIN.min(points - point) {
            point += 1;
            let (begun, acknowledged) =
                commit_until_power_goes(&mut open, &disk, &blocks, head, &mut random, point);
            disk = disk.restart();
            if point % 4 == 0 {
                // Once more, while what the first loss left behind is repaired.
                disk.lose_power_after(usize::try_from(random.below(24)).unwrap() + 1);
                drop(open(disk.clone()));
                disk = disk.restart();
            }
            let store = open(disk.clone())
                .unwrap_or_else(|error| panic!("seed {seed} point {point}: {error}"));
            let found = blocks.check(&store, Some(acknowledged), Some(begun));
            head = found.unwrap();
        }
    }
}

/// Returns the last block that was begun, and the last that was durable.
fn commit_until_power_goes<S: KeyValueStore>(
    open: &mut impl FnMut(SimulatedDisk) -> Result<S, StoreError>,
    disk: &SimulatedDisk,
    blocks: &Blocks,
    head: u64,
    random: &mut Random,
    point: u32,
) -> (u64, u64) {
    let store = open(disk.clone()).unwrap();
    disk.lose_power_after(usize::try_from(point % OPERATIONS).unwrap() + 1);
    let (mut number, mut acknowledged) = (head, head);
    loop {
        number += 1;
        let deferred = random.below(3) == 0;
        let durability = if deferred { Durability::Deferred } else { Durability::Durable };
        match blocks.commit(&store, number, durability) {
            Ok(_) if durability == Durability::Durable => acknowledged = number,
            Ok(_) => {}
            Err(_) => return (number, acknowledged),
        }
    }
}
