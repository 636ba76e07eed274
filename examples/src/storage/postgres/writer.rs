//! The one session that writes.

use std::{collections::BTreeMap, time::Duration};

use mbt_trie::{Column, Durability, WriteBatch};
use parking_lot::RwLock;
use tokio_postgres::{Config, types::ToSql};

use super::{PostgresError, connection::Connection, sql::Sql};

/// Entries and bytes of one statement, at most.
const CHUNK: (usize, usize) = (4_096, 4 << 20);

/// Longest wait for the lock: the server may not have noticed yet that the last holder is gone.
const LOCK_TRIES: u32 = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// How often the end of a commit is asked for that was not seen.
const DOUBT_TRIES: u32 = 3;

/// Who writes, and how often it did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Owner {
    pub(super) generation: i64,
    pub(super) batches: i64,
}

/// The session that holds the lock.
#[derive(Debug)]
pub(super) struct Writer {
    connection: Option<Connection>,
    owner: Owner,
    /// A batch that was reported as failed was applied after all.
    diverged: bool,
}

/// The columns whose tables are there.
pub(super) type Tables = RwLock<BTreeMap<Column, ()>>;

/// What all calls share.
pub(super) struct Access<'a> {
    pub(super) config: &'a Config,
    pub(super) sql: &'a Sql,
    pub(super) tables: &'a Tables,
}

impl Writer {
    /// Takes the schema, making it when it is absent.
    pub(super) async fn open(access: &Access<'_>) -> Result<Self, PostgresError> {
        let connection = locked(access).await?;
        connection.run(&access.sql.setup()).await?;
        let row = connection.client.query_one(access.sql.take_over().as_str(), &[]).await?;
        let owner = Owner { generation: row.get(0), batches: row.get(1) };
        let names = connection
            .client
            .query(
                "SELECT tablename::text FROM pg_tables WHERE schemaname = $1",
                &[&access.sql.schema()],
            )
            .await?;
        let names = names.iter().map(|row| row.get::<_, String>(0));
        let columns = names.filter(|name| name != super::sql::OWNER);
        access.tables.write().extend(columns.map(|name| (Column::named(&name), ())));
        let fsync: String = connection.client.query_one("SHOW fsync", &[]).await?.get(0);
        if fsync != "on" {
            tracing::warn!(
                "the database runs with fsync = {fsync}: a crash of its machine loses blocks"
            );
        }
        Ok(Self { connection: Some(connection), owner, diverged: false })
    }

    pub(super) const fn owner(&self) -> Owner {
        self.owner
    }

    /// Applies a batch in one transaction.
    pub(super) async fn write(
        &mut self,
        access: &Access<'_>,
        batch: &WriteBatch,
        durability: Durability,
    ) -> Result<(), PostgresError> {
        self.connect(access).await?;
        let Some(connection) = &self.connection else { return Err(PostgresError::Stopped) };
        let next = self.owner.batches.saturating_add(1);
        match changes(connection, access, batch, durability, next).await {
            Ok(made) => match connection.run("COMMIT").await {
                Ok(()) => {
                    self.owner.batches = next;
                    access.tables.write().extend(made.into_iter().map(|column| (column, ())));
                    Ok(())
                }
                Err(error) if error.is_connection() => {
                    self.connection = None;
                    self.settle(access, next, made, error).await
                }
                // The server answered: it has rolled back.
                Err(error) => Err(error),
            },
            Err(error) => {
                if connection.run("ROLLBACK").await.is_err() {
                    self.connection = None;
                }
                Err(error)
            }
        }
    }

    /// Finds out whether a commit whose end was not seen was made.
    async fn settle(
        &mut self,
        access: &Access<'_>,
        next: i64,
        made: Vec<Column>,
        error: PostgresError,
    ) -> Result<(), PostgresError> {
        for _ in 0..DOUBT_TRIES {
            let Ok(connection) = locked(access).await else { continue };
            let Ok(owner) = owner(&connection, access.sql).await else { continue };
            if owner.generation != self.owner.generation {
                return Err(PostgresError::TakenOver);
            }
            self.connection = Some(connection);
            if owner.batches == next {
                self.owner = owner;
                access.tables.write().extend(made.into_iter().map(|column| (column, ())));
                return Ok(());
            }
            return Err(error);
        }
        Err(error)
    }

    /// Connects again when the connection is lost, and checks that nothing happened meanwhile.
    async fn connect(&mut self, access: &Access<'_>) -> Result<(), PostgresError> {
        if self.diverged {
            return Err(PostgresError::Diverged);
        }
        if self.connection.as_ref().is_some_and(|connection| !connection.is_closed()) {
            return Ok(());
        }
        self.connection = None;
        let connection = locked(access).await?;
        let found = owner(&connection, access.sql).await?;
        if found.generation != self.owner.generation {
            return Err(PostgresError::TakenOver);
        }
        if found.batches != self.owner.batches {
            self.diverged = true;
            return Err(PostgresError::Diverged);
        }
        self.connection = Some(connection);
        Ok(())
    }
}

/// Connects and takes the lock of the schema.
async fn locked(access: &Access<'_>) -> Result<Connection, PostgresError> {
    let connection = Connection::open(access.config).await?;
    let name = format!("mbt {}", access.sql.schema());
    for _ in 0..LOCK_TRIES {
        let row = connection
            .client
            .query_one("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", &[&name])
            .await?;
        if row.get(0) {
            return Ok(connection);
        }
        tokio::time::sleep(LOCK_PAUSE).await;
    }
    Err(PostgresError::InUse { schema: access.sql.schema().to_owned() })
}

/// Reads who writes.
pub(super) async fn owner(connection: &Connection, sql: &Sql) -> Result<Owner, PostgresError> {
    let statement = connection.statement(&sql.owner()).await?;
    let row = connection.client.query_one(&statement, &[]).await?;
    Ok(Owner { generation: row.get(0), batches: row.get(1) })
}

/// Changes of one column.
type ColumnChanges<'a> = (Vec<(&'a [u8], &'a [u8])>, Vec<&'a [u8]>);

/// Makes a batch's changes in a transaction that is left open. Returns the tables made.
async fn changes(
    connection: &Connection,
    access: &Access<'_>,
    batch: &WriteBatch,
    durability: Durability,
    next: i64,
) -> Result<Vec<Column>, PostgresError> {
    let mut columns: BTreeMap<Column, ColumnChanges<'_>> = BTreeMap::new();
    for (column, key, value) in batch.iter() {
        let (puts, deletes) = columns.entry(column).or_default();
        match value {
            Some(value) => puts.push((key, value)),
            None => deletes.push(key),
        }
    }
    let commit = match durability {
        Durability::Durable => "on",
        Durability::Deferred => "off",
    };
    connection.run(&format!("BEGIN; SET LOCAL synchronous_commit = {commit}")).await?;
    let missing = |column: &Column| !access.tables.read().contains_key(column);
    let made: Vec<Column> = columns.keys().copied().filter(missing).collect();
    for column in &made {
        super::sql::check_name(column.0)?;
        connection.run(&access.sql.make_table(*column)).await?;
    }
    for (column, (puts, deletes)) in columns {
        if !puts.is_empty() {
            let statement = connection.statement(&access.sql.put(column)).await?;
            for chunk in chunks(&puts, |(key, value)| key.len() + value.len()) {
                let keys: Vec<&[u8]> = chunk.iter().map(|(key, _)| *key).collect();
                let values: Vec<&[u8]> = chunk.iter().map(|(_, value)| *value).collect();
                let arguments: [&(dyn ToSql + Sync); 2] = [&keys, &values];
                connection.client.execute(&statement, &arguments).await?;
            }
        }
        if !deletes.is_empty() {
            let statement = connection.statement(&access.sql.delete(column)).await?;
            for chunk in chunks(&deletes, |key| key.len()) {
                connection.client.execute(&statement, &[&chunk]).await?;
            }
        }
    }
    let statement = connection.statement(&access.sql.count_batch()).await?;
    connection.client.execute(&statement, &[&next]).await?;
    Ok(made)
}

/// Cuts a list into pieces that make statements of bounded size.
fn chunks<T>(mut rest: &[T], bytes: impl Fn(&T) -> usize) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let mut sum = 0_usize;
        let fits = |item: &&T| {
            sum = sum.saturating_add(bytes(*item));
            sum <= CHUNK.1
        };
        let count = rest.iter().take(CHUNK.0).take_while(fits).count().max(1).min(rest.len());
        let (chunk, others) = rest.split_at(count);
        rest = others;
        (!chunk.is_empty()).then_some(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_bounded_and_lose_nothing() {
        let sizes = [1, CHUNK.1 * 2, 3, CHUNK.1, CHUNK.1, 5];
        let cut: Vec<Vec<usize>> = chunks(&sizes, |size| *size).map(<[usize]>::to_vec).collect();
        assert_eq!(cut.concat(), sizes);
        assert!(cut.iter().all(|chunk| chunk.len() == 1 || chunk.iter().sum::<usize>() <= CHUNK.1));
        let many = vec![0; CHUNK.0 * 2 + 1];
        assert_eq!(
            chunks(&many, |_| 1).map(<[i32]>::len).collect::<Vec<_>>(),
            [CHUNK.0, CHUNK.0, 1]
        );
    }
}
