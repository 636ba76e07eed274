//! Snapshots: transactions that see one moment.

use std::{collections::BTreeMap, fmt, future::Future, ops::Bound, sync::Arc, vec};

use mbt_trie::{Column, Entries, KeyRange, KeyValueRead, StoreError};
use parking_lot::Mutex;
use tokio_postgres::types::ToSql;

use super::{
    PostgresError,
    connection::{Connection, Lease},
    store::Shared,
    writer::{Owner, owner},
};
use crate::storage::engine::is_empty;

/// Keys asked for by one statement, at most.
const KEYS_MAX: usize = 8_192;

/// Entries of a page at most, and bytes of one after which the next is smaller.
const PAGE: (usize, usize) = (512, 1 << 20);

type Entry = (Vec<u8>, Vec<u8>);

/// The database as it was between two batches. Clones share a transaction.
#[derive(Clone)]
pub struct PostgresSnapshot(Arc<Transaction>);

struct Transaction {
    /// Replaced when its connection is lost and nothing was written since.
    lease: Mutex<Arc<Lease>>,
    seen: Owner,
    shared: Arc<Shared>,
}

impl fmt::Debug for PostgresSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSnapshot").field("seen", &self.0.seen).finish_non_exhaustive()
    }
}

/// Begins a transaction that sees the database as it is now.
async fn begin(shared: &Shared) -> Result<(Lease, Owner), PostgresError> {
    let lease = shared.connections.lease().await?;
    lease.connection.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    // The first statement fixes what the transaction sees.
    let seen = owner(&lease.connection, &shared.sql).await?;
    if seen.generation != shared.generation {
        return Err(PostgresError::TakenOver);
    }
    Ok((lease, seen))
}

/// As [`begin`]; an idle connection may turn out to be lost, then another is made.
async fn begin_again(shared: &Shared) -> Result<(Lease, Owner), PostgresError> {
    match begin(shared).await {
        Err(error) if error.is_connection() => {
            shared.connections.forget_idle();
            begin(shared).await
        }
        result => result,
    }
}

impl PostgresSnapshot {
    pub(super) fn new(shared: &Arc<Shared>) -> Result<Self, PostgresError> {
        let (lease, seen) = shared.bridge.wait({
            let shared = Arc::clone(shared);
            async move { begin_again(&shared).await }
        })?;
        let shared = Arc::clone(shared);
        Ok(Self(Arc::new(Transaction { lease: Mutex::new(Arc::new(lease)), seen, shared })))
    }

    /// Asks something; once more when the connection is lost, if the moment is still the last.
    fn ask<T, F>(
        &self,
        operation: &'static str,
        question: impl Fn(Arc<Lease>) -> F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, PostgresError>> + Send + 'static,
    {
        let bridge = &self.0.shared.bridge;
        let lease = Arc::clone(&self.0.lease.lock());
        let answer = match bridge.wait(question(Arc::clone(&lease))) {
            Err(error) if error.is_connection() => {
                self.revive(&lease).and_then(|lease| bridge.wait(question(lease)))
            }
            answer => answer,
        };
        answer.map_err(PostgresError::during(operation))
    }

    /// Begins the transaction anew on another connection than the one that was lost.
    fn revive(&self, lost: &Arc<Lease>) -> Result<Arc<Lease>, PostgresError> {
        let mut held = self.0.lease.lock();
        if !Arc::ptr_eq(&held, lost) {
            // Somebody else was quicker.
            return Ok(Arc::clone(&held));
        }
        let (lease, seen) = self.0.shared.bridge.wait({
            let shared = Arc::clone(&self.0.shared);
            async move { begin_again(&shared).await }
        })?;
        if seen != self.0.seen {
            return Err(PostgresError::SnapshotLost);
        }
        *held = Arc::new(lease);
        Ok(Arc::clone(&held))
    }

    fn page(
        &self,
        column: Column,
        range: &(Bound<Vec<u8>>, Bound<Vec<u8>>),
        back: bool,
        size: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let sql = self.0.shared.sql.page(column, range, back);
        self.ask("iterate", |lease| {
            let (sql, range) = (sql.clone(), range.clone());
            let size = i64::try_from(size).unwrap_or(i64::MAX);
            async move {
                let (start, end) = (key_of(&range.0), key_of(&range.1));
                let arguments: [&(dyn ToSql + Sync); 3] = [&start, &end, &size];
                entries(&lease.connection, &sql, &arguments).await
            }
        })
    }

    pub(super) fn into_entries<'a>(
        self,
        column: Column,
        range: KeyRange<'_>,
        back: bool,
    ) -> Entries<'a> {
        let more = !is_empty(range) && self.0.shared.has(column);
        let range = (range.0.map(<[u8]>::to_vec), range.1.map(<[u8]>::to_vec));
        Box::new(Pages {
            snapshot: self,
            column,
            range,
            back,
            page: vec![].into_iter(),
            size: 1,
            more,
        })
    }
}

fn key_of(bound: &Bound<Vec<u8>>) -> Option<&[u8]> {
    match bound {
        Bound::Unbounded => None,
        Bound::Included(key) | Bound::Excluded(key) => Some(key),
    }
}

async fn entries(
    connection: &Connection,
    sql: &str,
    arguments: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Entry>, PostgresError> {
    let statement = connection.statement(sql).await?;
    let rows = connection.client.query(&statement, arguments).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

impl Drop for Transaction {
    fn drop(&mut self) {
        let (connections, lease) =
            (Arc::clone(&self.shared.connections), Arc::clone(&self.lease.lock()));
        if let Ok(runtime) = self.shared.bridge.handle() {
            // A question that is still being answered keeps the connection; then it is closed.
            runtime.spawn(async move {
                if let Some(lease) = Arc::into_inner(lease) {
                    connections.give_back(lease).await;
                }
            });
        }
    }
}

impl KeyValueRead for PostgresSnapshot {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if !self.0.shared.has(column) {
            return Ok(None);
        }
        let sql = self.0.shared.sql.get(column);
        self.ask("read", |lease| {
            let (sql, key) = (sql.clone(), key.to_vec());
            async move {
                let statement = lease.connection.statement(&sql).await?;
                let row = lease.connection.client.query_opt(&statement, &[&key]).await?;
                Ok(row.map(|row| row.get(0)))
            }
        })
    }

    fn multi_get(
        &self,
        column: Column,
        keys: &[&[u8]],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let mut found = BTreeMap::new();
        if self.0.shared.has(column) {
            let sql = self.0.shared.sql.multi_get(column);
            for chunk in keys.chunks(KEYS_MAX) {
                found.extend(self.ask("read", |lease| {
                    let sql = sql.clone();
                    let chunk: Vec<Vec<u8>> = chunk.iter().map(|key| key.to_vec()).collect();
                    async move { entries(&lease.connection, &sql, &[&chunk]).await }
                })?);
            }
        }
        Ok(keys.iter().map(|key| found.get(*key).cloned()).collect())
    }

    fn iterate(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        Ok(self.clone().into_entries(column, range, false))
    }

    fn iterate_back(&self, column: Column, range: KeyRange<'_>) -> Result<Entries<'_>, StoreError> {
        Ok(self.clone().into_entries(column, range, true))
    }
}

/// Walks a column page by page, each behind the last key of the one before.
struct Pages {
    snapshot: PostgresSnapshot,
    column: Column,
    /// What is left behind the page.
    range: (Bound<Vec<u8>>, Bound<Vec<u8>>),
    back: bool,
    page: vec::IntoIter<Entry>,
    size: usize,
    more: bool,
}

impl Pages {
    fn turn(&mut self) -> Result<(), StoreError> {
        let page = self.snapshot.page(self.column, &self.range, self.back, self.size)?;
        self.more = page.len() == self.size;
        let bytes: usize = page.iter().map(|(key, value)| key.len() + value.len()).sum();
        self.size = match bytes > PAGE.1 {
            true => (self.size / 2).max(1),
            false => PAGE.0.min(self.size.saturating_mul(4)),
        };
        if let Some((key, _)) = page.last() {
            let end = if self.back { &mut self.range.1 } else { &mut self.range.0 };
            *end = Bound::Excluded(key.clone());
        }
        self.page = page.into_iter();
        Ok(())
    }
}

impl Iterator for Pages {
    type Item = Result<Entry, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.len() == 0
            && self.more
            && let Err(error) = self.turn()
        {
            self.more = false;
            return Some(Err(error));
        }
        self.page.next().map(Ok)
    }
}
