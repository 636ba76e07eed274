//! A store copied into one of another engine.

use std::collections::BTreeMap;

use mbt_crypto::{H256, Keccak256};
use mbt_trie::{Column, Durability, KeyValueRead, KeyValueStore, StoreError, WriteBatch};

use super::{
    Progress, StorageEngine, Store,
    work::{self, ALL, Batches},
};

/// What a target says while it is copied into.
const WORK: &str = "a migration";

/// Why a store was not copied. The source is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// One of the stores failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The target holds something that no copy began.
    #[error("the target holds data already")]
    NotEmpty,
    /// The source is not whole itself.
    #[error("the source holds {what} that was not finished")]
    Unfinished {
        /// What was begun.
        what: String,
    },
    /// What was read back is not what was written.
    #[error(
        "column {column} was copied wrongly: {written} entries with hash {expected:#x} were written, {found} with hash {hash:#x} read back"
    )]
    Mismatch {
        /// The column.
        column: &'static str,
        /// Entries written.
        written: u64,
        /// Their hash.
        expected: H256,
        /// Entries read back.
        found: u64,
        /// Their hash.
        hash: H256,
    },
}

/// The content of a column, to be compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ColumnDigest {
    /// Its entries.
    pub entries: u64,
    /// Hash of all keys and values in order.
    pub hash: H256,
}

/// Hashes the entries of a column as they come.
struct Digest {
    entries: u64,
    hasher: Keccak256,
}

impl Digest {
    fn new() -> Self {
        Self { entries: 0, hasher: Keccak256::new() }
    }

    fn add(&mut self, key: &[u8], value: &[u8]) {
        self.entries = self.entries.saturating_add(1);
        for part in [key, value] {
            self.hasher.update((part.len() as u64).to_be_bytes());
            self.hasher.update(part);
        }
    }

    fn finish(self) -> ColumnDigest {
        ColumnDigest { entries: self.entries, hash: self.hasher.finalize() }
    }
}

/// Copies every column of `source` into `target`, in batches of bounded size, and reads everything
/// back. A copy that was interrupted begins again; until it is done no node takes the target for a
/// chain. Returns what was copied, by column.
///
/// # Errors
/// [`CopyError`].
pub fn copy(source: &Store, target: &Store) -> Result<BTreeMap<Column, ColumnDigest>, CopyError> {
    if let Some(what) = work::unfinished(source)? {
        return Err(CopyError::Unfinished { what });
    }
    match work::unfinished(target)? {
        Some(what) if what == WORK => work::clear(target)?,
        _ if work::is_empty(target)? => work::begin(target, WORK)?,
        _ => return Err(CopyError::NotEmpty),
    }
    let columns = source.columns()?.into_iter().filter(|column| !work::is_own(*column));
    let source = source.snapshot()?;
    let mut copied = BTreeMap::new();
    for column in columns {
        let mut progress = Progress::new(format!("copying {}", column.0), "entries", None);
        let mut writer = Batches::new(target);
        let mut digest = Digest::new();
        for entry in source.iterate(column, ALL)? {
            let (key, value) = entry?;
            digest.add(&key, &value);
            writer.put(column, key, value)?;
            progress.add(1);
        }
        writer.flush()?;
        copied.insert(column, digest.finish());
    }
    target.write(&WriteBatch::new(), Durability::Durable)?;
    for (column, expected) in &copied {
        let found = digest(target, *column)?;
        if found != *expected {
            return Err(CopyError::Mismatch {
                column: column.0,
                written: expected.entries,
                expected: expected.hash,
                found: found.entries,
                hash: found.hash,
            });
        }
    }
    let mut batch = WriteBatch::new();
    work::end(&mut batch);
    target.write(&batch, Durability::Durable)?;
    Ok(copied)
}

fn digest(read: &impl KeyValueRead, column: Column) -> Result<ColumnDigest, StoreError> {
    let mut progress = Progress::new(format!("checking {}", column.0), "entries", None);
    let mut digest = Digest::new();
    for entry in read.iterate(column, ALL)? {
        let (key, value) = entry?;
        digest.add(&key, &value);
        progress.add(1);
    }
    Ok(digest.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled() -> Store {
        let store = Store::memory();
        let mut batch = WriteBatch::new();
        for n in 0..3_000_u32 {
            batch.put(Column("a"), n.to_be_bytes(), vec![7; 2_000]);
            batch.put(Column("b"), n.to_le_bytes(), n.to_be_bytes());
        }
        store.write(&batch, Durability::Durable).unwrap();
        store
    }

    #[test]
    fn a_copy_holds_the_same_and_is_not_made_twice() {
        let (source, target) = (filled(), Store::memory());
        let copied = copy(&source, &target).unwrap();
        assert_eq!(copied.values().map(|digest| digest.entries).collect::<Vec<_>>(), [3_000; 2]);
        for column in [Column("a"), Column("b")] {
            assert_eq!(digest(&source, column).unwrap(), digest(&target, column).unwrap());
        }
        assert_eq!(work::unfinished(&target).unwrap(), None);
        assert!(matches!(copy(&source, &target), Err(CopyError::NotEmpty)));
    }

    #[test]
    fn an_interrupted_copy_begins_again_and_is_no_source() {
        let (source, target) = (filled(), Store::memory());
        work::begin(&target, WORK).unwrap();
        let mut batch = WriteBatch::new();
        batch.put(Column("a"), *b"left over", *b"1");
        target.write(&batch, Durability::Durable).unwrap();
        assert!(matches!(copy(&target, &Store::memory()), Err(CopyError::Unfinished { .. })));
        copy(&source, &target).unwrap();
        assert_eq!(target.get(Column("a"), b"left over").unwrap(), None);
    }
}
