//! Loss of power: redb on a simulated disk, fjall with a torn journal.

use std::{collections::BTreeMap, fs, io, path::Path};

use mbt_examples::storage::{FjallStore, RedbStore};
use mbt_trie::{
    Durability, StoreError, WriteBuffer,
    testing::{Blocks, SimulatedDisk, power_loss_laws},
};
use redb::StorageBackend;

use crate::{engines::CACHE, seed, variable};

/// The disk as redb sees it.
#[derive(Debug)]
struct Backend(SimulatedDisk);

impl StorageBackend for Backend {
    fn len(&self) -> Result<u64, io::Error> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.0.read(offset, out)
    }

    fn set_len(&self, length: u64) -> Result<(), io::Error> {
        self.0.set_len(length)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.0.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.0.write(offset, data)
    }
}

fn open(disk: SimulatedDisk) -> Result<RedbStore, StoreError> {
    RedbStore::with_backend(Backend(disk), CACHE)
}

fn points() -> u32 {
    u32::try_from(variable("MBT_CRASH_POINTS", 60)).unwrap()
}

pub(crate) fn redb_survives_a_loss_of_power_at_every_write() {
    power_loss_laws(open, seed(), points());
}

pub(crate) fn deferred_blocks_before_redb_are_lost_whole_or_not_at_all() {
    let open = |disk| WriteBuffer::with_bytes_max(open(disk)?, 20_000);
    power_loss_laws(open, seed(), points());
}

/// Files of a folder, by path.
type Files = BTreeMap<std::path::PathBuf, Vec<u8>>;

fn read(folder: &Path) -> io::Result<Files> {
    let mut files = Files::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(read(&path)?);
        } else {
            files.insert(path.clone(), fs::read(&path)?);
        }
    }
    Ok(files)
}

/// What a block added to the journal is torn off at many places.
pub(crate) fn fjall_survives_a_torn_journal() {
    let folder = tempfile::tempdir().unwrap();
    let mut blocks = Blocks::new(seed());
    let store = FjallStore::open(folder.path(), CACHE).unwrap();
    for number in 0..20 {
        blocks.commit(&store, number, Durability::Durable).unwrap();
    }
    let before = read(folder.path()).unwrap();
    blocks.commit(&store, 20, Durability::Durable).unwrap();
    let after = read(folder.path()).unwrap();
    drop(store);
    let changed: Vec<_> =
        after.iter().filter(|(path, bytes)| before.get(*path) != Some(bytes)).collect();
    assert_eq!(
        changed.len(),
        1,
        "only the journal grows: {:?}",
        changed.iter().map(|(path, _)| path).collect::<Vec<_>>()
    );
    let (journal, whole) = changed[0];
    let old = &before[journal];
    let start = old.iter().zip(whole).take_while(|(old, new)| old == new).count();
    let end = whole.len() - whole.iter().rev().take_while(|byte| **byte == 0).count();
    let mut found = Vec::new();
    let count = usize::try_from(points()).unwrap();
    for point in 0..=count {
        let cut = start + (end - start) * point / count;
        let mut torn = old.clone();
        torn.resize(whole.len().max(old.len()), 0);
        torn[..cut].copy_from_slice(&whole[..cut]);
        if old.len() < whole.len() {
            torn.truncate(cut);
        }
        let place = tempfile::tempdir().unwrap();
        for (path, bytes) in &before {
            let path = place.path().join(path.strip_prefix(folder.path()).unwrap());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        fs::write(place.path().join(journal.strip_prefix(folder.path()).unwrap()), torn).unwrap();
        let store = FjallStore::open(place.path(), CACHE).unwrap();
        found.extend(blocks.check(&store, Some(19), Some(20)));
        // The tail that was cut off is in nobody's way.
        let head = *found.last().unwrap();
        blocks.commit(&store, head + 1, Durability::Durable).unwrap();
    }
    assert_eq!((found[0], found[count]), (19, 20), "{found:?}");
}
