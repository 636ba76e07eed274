//! The engine for many writes: a log-structured tree for each column.

use std::{borrow::Cow, collections::BTreeMap, fmt, io, path::Path, sync::Arc};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable};
use mbt_trie::{
    Column, Durability, Entries, KeyRange, KeyValueRead, KeyValueStore, StoreError, WriteBatch,
};
use parking_lot::RwLock;

use super::engine::{StorageEngine, failed, is_empty};

/// Longest key in bytes that the engine takes.
const KEY_BYTES_MAX: usize = u16::MAX as usize - 1;

/// A folder of the fjall engine. Clones share it.
#[derive(Clone)]
pub struct FjallStore {
    database: Database,
    keyspaces: Arc<RwLock<BTreeMap<Column, Keyspace>>>,
}

/// The folder as it was between two batches.
pub struct FjallSnapshot {
    store: FjallStore,
    snapshot: fjall::Snapshot,
}

impl fmt::Debug for FjallStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FjallStore").finish_non_exhaustive()
    }
}

impl fmt::Debug for FjallSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FjallSnapshot").finish_non_exhaustive()
    }
}

impl FjallStore {
    /// Opens the folder at `path`, making it when it is absent. `cache_bytes` bounds the blocks
    /// kept in memory.
    ///
    /// # Errors
    /// [`StoreError`]: it cannot be read, holds something else, or another process uses it.
    pub fn open(path: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        // The engine writes into whatever folder it is given.
        let strange = path.read_dir().is_ok_and(|mut files| files.next().is_some())
            && !path.join("version").exists();
        if strange {
            let error = io::Error::other(format!("{} is not such a folder", path.display()));
            return Err(failed("open the folder")(error));
        }
        let database = Database::builder(path)
            .cache_size(cache_bytes as u64)
            .open()
            .map_err(failed("open the folder"))?;
        Ok(Self { database, keyspaces: Arc::default() })
    }

    /// Returns the keyspace of a column; none before it was written to.
    fn keyspace(&self, column: Column) -> Result<Option<Keyspace>, StoreError> {
        if let Some(keyspace) = self.keyspaces.read().get(&column) {
            return Ok(Some(keyspace.clone()));
        }
        if !self.database.keyspace_exists(column.0) {
            return Ok(None);
        }
        self.make_keyspace(column).map(Some)
    }

    fn make_keyspace(&self, column: Column) -> Result<Keyspace, StoreError> {
        let keyspace = self
            .database
            .keyspace(column.0, KeyspaceCreateOptions::default)
            .map_err(failed("open a keyspace"))?;
        self.keyspaces.write().insert(column, keyspace.clone());
        Ok(keyspace)
    }

    fn now(&self) -> FjallSnapshot {
        FjallSnapshot { store: self.clone(), snapshot: self.database.snapshot() }
    }
}

impl FjallSnapshot {
    fn range(
        &self,
        column: Column,
        range: KeyRange<'_>,
    ) -> Result<Option<fjall::Iter>, StoreError> {
        if is_empty(range) {
            return Ok(None);
        }
        let keyspace = self.store.keyspace(column)?;
        let range = (range.0.map(stored), range.1.map(stored));
        Ok(keyspace.map(|keyspace| self.snapshot.range::<Cow<'_, [u8]>, _>(&keyspace, range)))
    }
}

fn entry(guard: fjall::Guard) -> Result<(Vec<u8>, Vec<u8>), StoreError> {
    let (key, value) = guard.into_inner().map_err(failed("iterate"))?;
    let key = match &*key {
        [0, key @ ..] => key,
        key => key,
    };
    Ok((key.to_vec(), value.to_vec()))
}

/// Returns a key as the engine stores it. It takes no empty key, so that one is a zero byte, and
/// keys that begin with a zero byte get another in front. The order stays.
fn stored(key: &[u8]) -> Cow<'_, [u8]> {
    match key {
        [] | [0, ..] => Cow::Owned([&[0], key].concat()),
        _ => Cow::Borrowed(key),
    }
}

impl KeyValueRead for FjallSnapshot {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(keyspace) = self.store.keyspace(column)? else { return Ok(None) };
        let found = self.snapshot.get(&keyspace, stored(key)).map_err(failed("read"))?;
        Ok(found.map(|value| value.to_vec()))
    }

    fn iterate(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        Ok(Box::new(self.range(column, range)?.into_iter().flatten().map(entry)))
    }

    fn iterate_back(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        Ok(Box::new(self.range(column, range)?.into_iter().flat_map(Iterator::rev).map(entry)))
    }
}

impl KeyValueRead for FjallStore {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.now().get(column, key)
    }

    fn multi_get(
        &self,
        column: Column,
        keys: &[&[u8]],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.now().multi_get(column, keys)
    }

    // The engine's iterators hold what they read from.
    fn iterate(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        Ok(Box::new(self.now().range(column, range)?.into_iter().flatten().map(entry)))
    }

    fn iterate_back(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        let entries = self.now().range(column, range)?;
        Ok(Box::new(entries.into_iter().flat_map(Iterator::rev).map(entry)))
    }
}

impl KeyValueStore for FjallStore {
    type Snapshot = FjallSnapshot;

    fn snapshot(&self) -> Result<FjallSnapshot, StoreError> {
        Ok(self.now())
    }

    fn write(&self, batch: &WriteBatch, durability: Durability) -> Result<(), StoreError> {
        let mut changes = self.database.batch();
        let mut current: Option<(Column, Keyspace)> = None;
        for (column, key, value) in batch.iter() {
            if key.len() > KEY_BYTES_MAX {
                let error = io::Error::other(format!("a key is {} bytes long", key.len()));
                return Err(failed("write")(error));
            }
            let keyspace = match current.take().filter(|(open, _)| *open == column) {
                Some((_, keyspace)) => keyspace,
                None => match self.keyspace(column)? {
                    Some(keyspace) => keyspace,
                    None => self.make_keyspace(column)?,
                },
            };
            match value {
                Some(value) => changes.insert(&keyspace, &*stored(key), value),
                None => changes.remove(&keyspace, &*stored(key)),
            }
            current = Some((column, keyspace));
        }
        match durability {
            // An empty batch is not written, yet what came before it must last.
            Durability::Durable if changes.is_empty() => {
                self.database.persist(PersistMode::SyncAll).map_err(failed("commit"))
            }
            Durability::Durable => {
                changes.durability(Some(PersistMode::SyncAll)).commit().map_err(failed("commit"))
            }
            Durability::Deferred => changes.commit().map_err(failed("commit")),
        }
    }
}

impl StorageEngine for FjallStore {
    fn columns(&self) -> Result<Vec<Column>, StoreError> {
        let names = self.database.list_keyspace_names();
        let mut columns: Vec<_> = names.iter().map(|name| Column::named(name)).collect();
        columns.sort_unstable();
        Ok(columns)
    }

    fn column_bytes(&self, column: Column) -> Result<Option<u64>, StoreError> {
        Ok(self.keyspace(column)?.map(|keyspace| keyspace.disk_space()))
    }

    fn disk_bytes(&self) -> Result<Option<u64>, StoreError> {
        self.database.disk_space().map(Some).map_err(failed("measure the folder"))
    }
}
