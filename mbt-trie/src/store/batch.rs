//! Changes that are written together.

use alloc::{collections::BTreeMap, vec::Vec};

use super::{Column, KeyRange, is_empty_range};

/// Changes of one column.
type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Changes that are applied all or none. Later changes of a key replace earlier ones.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct WriteBatch(BTreeMap<Column, Changes>);

impl WriteBatch {
    /// Makes an empty batch.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Sets a key.
    pub fn put(&mut self, column: Column, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.0.entry(column).or_default().insert(key.into(), Some(value.into()));
    }

    /// Removes a key; one that is absent stays absent.
    pub fn delete(&mut self, column: Column, key: impl Into<Vec<u8>>) {
        self.0.entry(column).or_default().insert(key.into(), None);
    }

    /// Tells whether nothing is changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the number of keys changed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    /// Visits the changes by column and key: a value is set, `None` is removed.
    pub fn iter(&self) -> impl Iterator<Item = (Column, &[u8], Option<&[u8]>)> {
        self.0.iter().flat_map(|(column, changes)| {
            changes.iter().map(|(key, value)| (*column, key.as_slice(), value.as_deref()))
        })
    }

    /// Returns what happens to a key: set or removed; `None` when it is left alone.
    #[must_use]
    pub fn change(&self, column: Column, key: &[u8]) -> Option<Option<&[u8]>> {
        self.0.get(&column)?.get(key).map(Option::as_deref)
    }

    /// Makes the changes of `later` after these.
    pub fn extend(&mut self, later: Self) {
        for (column, changes) in later.0 {
            self.0.entry(column).or_default().extend(changes);
        }
    }

    /// Visits the changes of a range of keys.
    pub(super) fn range<'a>(
        &'a self,
        column: Column,
        range: KeyRange<'_>,
    ) -> impl DoubleEndedIterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        let changes = self.0.get(&column).filter(|_| !is_empty_range(&range));
        changes
            .map(|changes| changes.range::<[u8], _>(range))
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.as_slice(), value.as_deref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Column = Column("a");

    #[test]
    fn the_last_change_of_a_key_counts() {
        let (mut batch, mut later) = (WriteBatch::new(), WriteBatch::new());
        batch.put(A, *b"k", *b"1");
        later.delete(A, *b"k");
        batch.extend(later);
        assert_eq!(batch.change(A, b"k"), Some(None));
        assert_eq!(batch.len(), 1);
    }
}
