//! The engines, each with places to keep stores in.

use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use mbt_examples::config::Engine;
use mbt_examples::storage::{
    DatabaseUrl, FjallStore, Location, PostgresSettings, PostgresStore, RedbStore,
};
use tempfile::TempDir;

pub(crate) const ENGINES: [Engine; 4] =
    [Engine::Memory, Engine::Redb, Engine::Fjall, Engine::PostgreSql];

pub(crate) const CACHE: usize = 1 << 20;

/// Returns the address of a database to test with.
pub(crate) fn database() -> Option<String> {
    std::env::var("MBT_POSTGRESQL_URL").ok().filter(|url| !url.is_empty())
}

/// Where one store is, until it is dropped.
pub(crate) struct Place {
    engine: Engine,
    folder: TempDir,
    schema: String,
}

impl Place {
    pub(crate) fn new(engine: Engine) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let schema = format!("mbt_test_{}_{count}", std::process::id());
        Self { engine, folder: tempfile::tempdir().unwrap(), schema }
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub(crate) fn schema(&self) -> &str {
        &self.schema
    }

    pub(crate) fn location(&self) -> Location {
        location(self.engine, self.folder.path(), &self.schema)
    }
}

pub(crate) fn location(engine: Engine, folder: &std::path::Path, schema: &str) -> Location {
    match engine {
        Engine::Memory => Location::Memory,
        Engine::Redb => Location::Redb { file: folder.join("chain.redb"), cache_bytes: CACHE },
        Engine::Fjall => Location::Fjall { folder: folder.join("chain.fjall"), cache_bytes: CACHE },
        Engine::PostgreSql => Location::PostgreSql(PostgresSettings {
            url: DatabaseUrl::new(database().unwrap()),
            schema: schema.to_owned(),
            connections_max: 16,
        }),
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.engine == Engine::PostgreSql {
            sql(&format!("DROP SCHEMA IF EXISTS {} CASCADE", self.schema));
        }
    }
}

/// Runs a statement in the database.
pub(crate) fn sql(text: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, messages) =
            tokio_postgres::connect(&database().unwrap(), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(messages);
        client.batch_execute(text).await.unwrap();
    });
}

pub(crate) fn redb(location: &Location) -> RedbStore {
    let Location::Redb { file, cache_bytes } = location else { panic!("{location}") };
    RedbStore::open(file, *cache_bytes).unwrap()
}

pub(crate) fn fjall(location: &Location) -> FjallStore {
    let Location::Fjall { folder, cache_bytes } = location else { panic!("{location}") };
    FjallStore::open(folder, *cache_bytes).unwrap()
}

pub(crate) fn postgresql(location: &Location) -> PostgresStore {
    let Location::PostgreSql(settings) = location else { panic!("{location}") };
    PostgresStore::open(settings).unwrap()
}
