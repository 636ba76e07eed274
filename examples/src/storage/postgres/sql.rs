//! The texts of statements.

use std::ops::Bound;

use mbt_trie::Column;

use super::PostgresError;

/// Longest name of a table; the server would cut a longer one off.
const NAME_BYTES_MAX: usize = 63;

/// The table that says who writes.
pub(super) const OWNER: &str = "_owner";

/// Quotes a name.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Tells whether a schema's or column's name can be used.
pub(super) fn check_name(name: &str) -> Result<(), PostgresError> {
    let usable = (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.contains('\0');
    if usable && name != OWNER {
        Ok(())
    } else {
        Err(PostgresError::Name { name: name.to_owned() })
    }
}

/// Statements over the tables of one schema.
#[derive(Clone, Debug)]
pub(super) struct Sql {
    schema: String,
}

impl Sql {
    pub(super) fn new(schema: &str) -> Result<Self, PostgresError> {
        check_name(schema)?;
        Ok(Self { schema: schema.to_owned() })
    }

    pub(super) fn schema(&self) -> &str {
        &self.schema
    }

    pub(super) fn table(&self, name: &str) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(name))
    }

    pub(super) fn setup(&self) -> String {
        format!(
            "CREATE SCHEMA IF NOT EXISTS {schema}; \
             CREATE TABLE IF NOT EXISTS {owner} (\
                single boolean PRIMARY KEY DEFAULT true CHECK (single), \
                generation bigint NOT NULL, batches bigint NOT NULL); \
             INSERT INTO {owner} (generation, batches) VALUES (0, 0) ON CONFLICT DO NOTHING",
            schema = quoted(&self.schema),
            owner = self.table(OWNER),
        )
    }

    pub(super) fn owner(&self) -> String {
        format!("SELECT generation, batches FROM {}", self.table(OWNER))
    }

    pub(super) fn take_over(&self) -> String {
        let owner = self.table(OWNER);
        format!("UPDATE {owner} SET generation = generation + 1 RETURNING generation, batches")
    }

    pub(super) fn count_batch(&self) -> String {
        format!("UPDATE {} SET batches = $1", self.table(OWNER))
    }

    pub(super) fn make_table(&self, column: Column) -> String {
        let table = self.table(column.0);
        format!("CREATE TABLE IF NOT EXISTS {table} (key bytea PRIMARY KEY, value bytea NOT NULL)")
    }

    pub(super) fn put(&self, column: Column) -> String {
        format!(
            "INSERT INTO {} (key, value) SELECT * FROM unnest($1::bytea[], $2::bytea[]) \
             ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value",
            self.table(column.0)
        )
    }

    pub(super) fn delete(&self, column: Column) -> String {
        format!("DELETE FROM {} WHERE key = ANY($1::bytea[])", self.table(column.0))
    }

    pub(super) fn get(&self, column: Column) -> String {
        format!("SELECT value FROM {} WHERE key = $1", self.table(column.0))
    }

    pub(super) fn multi_get(&self, column: Column) -> String {
        format!("SELECT key, value FROM {} WHERE key = ANY($1::bytea[])", self.table(column.0))
    }

    /// Selects a page: $1 is the lower bound, $2 the upper one, $3 how many.
    pub(super) fn page<T>(
        &self,
        column: Column,
        range: &(Bound<T>, Bound<T>),
        back: bool,
    ) -> String {
        let lower = match range.0 {
            Bound::Unbounded => "$1::bytea IS NULL",
            Bound::Included(_) => "key >= $1",
            Bound::Excluded(_) => "key > $1",
        };
        let upper = match range.1 {
            Bound::Unbounded => "$2::bytea IS NULL",
            Bound::Included(_) => "key <= $2",
            Bound::Excluded(_) => "key < $2",
        };
        let order = if back { "DESC" } else { "ASC" };
        let table = self.table(column.0);
        format!(
            "SELECT key, value FROM {table} WHERE {lower} AND {upper} ORDER BY key {order} LIMIT $3"
        )
    }
}
