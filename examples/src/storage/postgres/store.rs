//! The store, and what its snapshots share with it.

use std::{fmt, sync::Arc};

use mbt_trie::{
    Column, Durability, Entries, KeyRange, KeyValueRead, KeyValueStore, StoreError, WriteBatch,
};
use tokio::sync::Mutex;

use super::{
    PostgresError, PostgresSnapshot,
    bridge::Bridge,
    connection::{Connections, config},
    sql::Sql,
    writer::{Access, Tables, Writer},
};
use crate::storage::{DatabaseUrl, StorageEngine};

/// Which database, and how it is used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PostgresSettings {
    /// The database.
    pub url: DatabaseUrl,
    /// The schema in it: one for each node.
    pub schema: String,
    /// Most connections besides the one that writes. Each snapshot holds one.
    pub connections_max: usize,
}

/// A schema of a PostgreSQL database. Clones share it.
#[derive(Clone)]
pub struct PostgresStore(Arc<Shared>);

pub(super) struct Shared {
    pub(super) connections: Arc<Connections>,
    pub(super) sql: Sql,
    pub(super) tables: Tables,
    pub(super) generation: i64,
    writer: Mutex<Writer>,
    // Last: what is above is dropped while its runtime is alive.
    pub(super) bridge: Bridge,
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("schema", &self.0.sql.schema())
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn access(&self) -> Access<'_> {
        Access { config: self.connections.config(), sql: &self.sql, tables: &self.tables }
    }

    /// Returns whether a column has a table.
    pub(super) fn has(&self, column: Column) -> bool {
        self.tables.read().contains_key(&column)
    }
}

impl PostgresStore {
    /// Takes the schema, making it when it is absent.
    ///
    /// # Errors
    /// [`StoreError`] with a [`PostgresError`] in it: the database cannot be reached, or another
    /// node uses the schema.
    pub fn open(settings: &PostgresSettings) -> Result<Self, StoreError> {
        Self::try_open(settings).map_err(PostgresError::during("open the database"))
    }

    fn try_open(settings: &PostgresSettings) -> Result<Self, PostgresError> {
        let config = config(settings)?;
        let sql = Sql::new(&settings.schema)?;
        let bridge = Bridge::new()?;
        let connections = Arc::new(Connections::new(config, settings.connections_max.max(4)));
        let opened = bridge.wait({
            let (connections, sql) = (Arc::clone(&connections), sql.clone());
            async move {
                let tables = Tables::default();
                let access = Access { config: connections.config(), sql: &sql, tables: &tables };
                let writer = Writer::open(&access).await?;
                Ok((writer, tables))
            }
        });
        let (writer, tables) = opened?;
        let generation = writer.owner().generation;
        let writer = Mutex::new(writer);
        Ok(Self(Arc::new(Shared { connections, sql, tables, generation, writer, bridge })))
    }

    fn try_write(&self, batch: &WriteBatch, durability: Durability) -> Result<(), PostgresError> {
        let (shared, batch) = (Arc::clone(&self.0), batch.clone());
        self.0.bridge.wait(async move {
            let mut writer = shared.writer.lock().await;
            writer.write(&shared.access(), &batch, durability).await
        })
    }

    fn measure(&self, sql: &'static str, name: String) -> Result<Option<u64>, StoreError> {
        let shared = Arc::clone(&self.0);
        let bytes = self.0.bridge.wait(async move {
            let lease = shared.connections.lease().await?;
            let row = lease.connection.client.query_one(sql, &[&name]).await?;
            let bytes: Option<i64> = row.get(0);
            shared.connections.give_back(lease).await;
            Ok(bytes)
        });
        let bytes = bytes.map_err(PostgresError::during("measure the database"))?;
        Ok(bytes.and_then(|bytes| u64::try_from(bytes).ok()))
    }
}

impl KeyValueRead for PostgresStore {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.snapshot()?.get(column, key)
    }

    fn multi_get(
        &self,
        column: Column,
        keys: &[&[u8]],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.snapshot()?.multi_get(column, keys)
    }

    fn iterate(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        Ok(self.snapshot()?.into_entries(column, range, false))
    }

    fn iterate_back(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        Ok(self.snapshot()?.into_entries(column, range, true))
    }
}

impl KeyValueStore for PostgresStore {
    type Snapshot = PostgresSnapshot;

    fn snapshot(&self) -> Result<PostgresSnapshot, StoreError> {
        PostgresSnapshot::new(&self.0).map_err(PostgresError::during("take a snapshot"))
    }

    fn write(&self, batch: &WriteBatch, durability: Durability) -> Result<(), StoreError> {
        self.try_write(batch, durability).map_err(PostgresError::during("write"))
    }
}

impl StorageEngine for PostgresStore {
    fn columns(&self) -> Result<Vec<Column>, StoreError> {
        Ok(self.0.tables.read().keys().copied().collect())
    }

    fn column_bytes(&self, column: Column) -> Result<Option<u64>, StoreError> {
        if !self.0.has(column) {
            return Ok(None);
        }
        self.measure(
            "SELECT pg_total_relation_size($1::text::regclass)",
            self.0.sql.table(column.0),
        )
    }

    fn disk_bytes(&self) -> Result<Option<u64>, StoreError> {
        let sql = "SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c \
                   JOIN pg_namespace n ON n.oid = c.relnamespace \
                   WHERE n.nspname = $1 AND c.relkind = 'r'";
        self.measure(sql, self.0.sql.schema().to_owned())
    }
}
