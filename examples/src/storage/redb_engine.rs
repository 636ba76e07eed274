//! The default engine: one file, a table for each column.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use mbt_trie::{
    Column, Durability, Entries, KeyRange, KeyValueRead, KeyValueStore, StoreError, WriteBatch,
};
use parking_lot::RwLock;
use redb::{
    Database, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTableMetadata,
    TableDefinition, TableError, TableHandle,
};

use super::engine::{StorageEngine, failed, is_empty};

type Bytes = &'static [u8];
type Table = Option<Arc<ReadOnlyTable<Bytes, Bytes>>>;

const fn definition(column: Column) -> TableDefinition<'static, Bytes, Bytes> {
    TableDefinition::new(column.0)
}

/// A file of the redb engine. Clones share it.
#[derive(Clone)]
pub struct RedbStore {
    database: Arc<Database>,
    /// What was committed last. Reads need no transaction of their own.
    latest: Arc<ArcSwap<Opened>>,
    /// The file, if it is one.
    path: Option<PathBuf>,
}

/// The file as it was after one commit. Cheap to clone.
#[derive(Clone)]
pub struct RedbSnapshot(Arc<Opened>);

struct Opened {
    transaction: ReadTransaction,
    tables: RwLock<BTreeMap<Column, Table>>,
}

impl fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbStore").finish_non_exhaustive()
    }
}

impl fmt::Debug for RedbSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbSnapshot").finish_non_exhaustive()
    }
}

impl RedbStore {
    /// Opens the file at `path`, making it when it is absent. `cache_bytes` bounds the pages kept
    /// in memory.
    ///
    /// # Errors
    /// [`StoreError`]: it cannot be read, or is not such a file.
    pub fn open(path: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        let database = builder(cache_bytes).create(path).map_err(failed("open the file"))?;
        Self::new(database, Some(path.to_owned()))
    }

    /// As [`RedbStore::open`], over something else than a file.
    ///
    /// # Errors
    /// As [`RedbStore::open`].
    pub fn with_backend(
        backend: impl redb::StorageBackend,
        cache_bytes: usize,
    ) -> Result<Self, StoreError> {
        let database = builder(cache_bytes).create_with_backend(backend);
        Self::new(database.map_err(failed("open the file"))?, None)
    }

    fn new(database: Database, path: Option<PathBuf>) -> Result<Self, StoreError> {
        let latest = Arc::new(ArcSwap::from_pointee(Opened::new(&database)?));
        Ok(Self { database: Arc::new(database), latest, path })
    }
}

fn builder(cache_bytes: usize) -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(cache_bytes);
    builder
}

impl StorageEngine for RedbStore {
    fn columns(&self) -> Result<Vec<Column>, StoreError> {
        let opened = self.latest.load_full();
        let names = opened.transaction.list_tables().map_err(failed("list tables"))?;
        Ok(names.map(|name| Column::named(name.name())).collect())
    }

    fn column_bytes(&self, column: Column) -> Result<Option<u64>, StoreError> {
        let Some(table) = self.latest.load().table(column)? else { return Ok(None) };
        let stats = table.stats().map_err(failed("measure a table"))?;
        let pages = stats.leaf_pages().saturating_add(stats.branch_pages());
        let whole = stats.stored_bytes().saturating_add(stats.metadata_bytes());
        Ok((pages > 0).then(|| whole.saturating_add(stats.fragmented_bytes())))
    }

    fn disk_bytes(&self) -> Result<Option<u64>, StoreError> {
        let Some(path) = &self.path else { return Ok(None) };
        let file = fs::metadata(path).map_err(failed("measure the file"))?;
        Ok(Some(file.len()))
    }
}

impl Opened {
    fn new(database: &Database) -> Result<Self, StoreError> {
        let transaction = database.begin_read().map_err(failed("begin to read"))?;
        Ok(Self { transaction, tables: RwLock::default() })
    }

    fn table(&self, column: Column) -> Result<Table, StoreError> {
        if let Some(table) = self.tables.read().get(&column) {
            return Ok(table.clone());
        }
        let table = match self.transaction.open_table(definition(column)) {
            Ok(table) => Some(Arc::new(table)),
            Err(TableError::TableDoesNotExist(_)) => None,
            Err(error) => return Err(failed("open a table")(error)),
        };
        self.tables.write().insert(column, table.clone());
        Ok(table)
    }

    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(table) = self.table(column)? else { return Ok(None) };
        let found = table.get(key).map_err(failed("read"))?;
        Ok(found.map(|value| value.value().to_vec()))
    }

    fn multi_get(
        &self,
        column: Column,
        keys: &[&[u8]],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let Some(table) = self.table(column)? else { return Ok(vec![None; keys.len()]) };
        let read = |key: &&[u8]| {
            let found = table.get(*key).map_err(failed("read"))?;
            Ok(found.map(|value| value.value().to_vec()))
        };
        keys.iter().map(read).collect()
    }

    fn range(
        &self,
        column: Column,
        range: KeyRange<'_>,
    ) -> Result<Option<redb::Range<'static, Bytes, Bytes>>, StoreError> {
        // The engine refuses ranges that end before they begin; they are empty.
        if is_empty(range) {
            return Ok(None);
        }
        let Some(table) = self.table(column)? else { return Ok(None) };
        table.range::<&[u8]>(range).map(Some).map_err(failed("iterate"))
    }
}

type Item = Result<
    (redb::AccessGuard<'static, Bytes>, redb::AccessGuard<'static, Bytes>),
    redb::StorageError,
>;

fn entry(item: Item) -> Result<(Vec<u8>, Vec<u8>), StoreError> {
    let (key, value) = item.map_err(failed("iterate"))?;
    Ok((key.value().to_vec(), value.value().to_vec()))
}

impl KeyValueRead for RedbSnapshot {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(column, key)
    }

    fn multi_get(
        &self,
        column: Column,
        keys: &[&[u8]],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.0.multi_get(column, keys)
    }

    fn iterate(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        Ok(Box::new(self.0.range(column, range)?.into_iter().flatten().map(entry)))
    }

    fn iterate_back(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        Ok(Box::new(self.0.range(column, range)?.into_iter().flat_map(Iterator::rev).map(entry)))
    }
}

impl KeyValueRead for RedbStore {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.latest.load().get(column, key)
    }

    fn multi_get(
        &self,
        column: Column,
        keys: &[&[u8]],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.latest.load().multi_get(column, keys)
    }

    fn iterate(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        let range = self.latest.load().range(column, range)?;
        Ok(Box::new(range.into_iter().flatten().map(entry)))
    }

    fn iterate_back(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        let range = self.latest.load().range(column, range)?;
        Ok(Box::new(range.into_iter().flat_map(Iterator::rev).map(entry)))
    }
}

impl KeyValueStore for RedbStore {
    type Snapshot = RedbSnapshot;

    fn snapshot(&self) -> Result<RedbSnapshot, StoreError> {
        Ok(RedbSnapshot(self.latest.load_full()))
    }

    fn write(&self, batch: &WriteBatch, durability: Durability) -> Result<(), StoreError> {
        let mut transaction = self.database.begin_write().map_err(failed("begin to write"))?;
        // Without it, the first start after a crash walks the whole file.
        transaction.set_quick_repair(true);
        transaction
            .set_durability(match durability {
                Durability::Deferred => redb::Durability::None,
                Durability::Durable => redb::Durability::Immediate,
            })
            .map_err(failed("begin to write"))?;
        let mut changes = batch.iter().peekable();
        while let Some((column, ..)) = changes.peek().copied() {
            let mut table =
                transaction.open_table(definition(column)).map_err(failed("open a table"))?;
            while let Some((_, key, value)) = changes.next_if(|(next, ..)| *next == column) {
                match value {
                    Some(value) => table.insert(key, value).map_err(failed("write"))?,
                    None => table.remove(key).map_err(failed("write"))?,
                };
            }
        }
        transaction.commit().map_err(failed("commit"))?;
        self.latest.store(Arc::new(Opened::new(&self.database)?));
        Ok(())
    }
}
