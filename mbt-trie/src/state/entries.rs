//! The entries of a table in order, now or as they were.

use alloc::{boxed::Box, vec::Vec};
use core::ops::Bound;

use super::table::{Table, history_key};
use crate::{Entries, KeyRange, KeyValueRead, StoreError};

/// Visits the entries of a table as they were after block `number`, by ascending key. Holds one
/// entry at a time.
pub(super) fn past_entries<'a, R: KeyValueRead>(
    read: &'a R,
    table: Table,
    number: u64,
    range: KeyRange<'_>,
) -> Result<Entries<'a>, StoreError> {
    let end = range.1.map(<[u8]>::to_vec);
    let present = read.iterate(table.column(), range)?;
    let mut past = Past { read, table, number, end, present, next: None, replaced: None };
    past.next = past.present.next().transpose()?;
    // The history of a key begins with the key, and no key is the start of another.
    past.replaced = past.replaced_from(range.0.map(<[u8]>::to_vec))?;
    let mut failed = false;
    Ok(Box::new(core::iter::from_fn(move || {
        if failed {
            return None;
        }
        let entry = past.entry();
        failed = entry.is_err();
        entry.transpose()
    })))
}

type Entry = (Vec<u8>, Vec<u8>);

struct Past<'a, R> {
    read: &'a R,
    table: Table,
    number: u64,
    end: Bound<Vec<u8>>,
    present: Entries<'a>,
    /// The next present entry.
    next: Option<Entry>,
    /// The next key that a block after `number` replaced, and what that block replaced.
    replaced: Option<Entry>,
}

impl<R: KeyValueRead> Past<'_, R> {
    /// Returns the next entry. What was replaced stands for what is present.
    fn entry(&mut self) -> Result<Option<Entry>, StoreError> {
        loop {
            let replaced_is_next = match (&self.next, &self.replaced) {
                (_, None) => false,
                (None, Some(_)) => true,
                (Some((key, _)), Some((replaced, _))) => replaced <= key,
            };
            if !replaced_is_next {
                let next = self.present.next().transpose()?;
                return Ok(core::mem::replace(&mut self.next, next));
            }
            let Some((key, value)) = self.replaced.take() else { return Ok(None) };
            if self.next.as_ref().is_some_and(|(next, _)| *next == key) {
                self.next = self.present.next().transpose()?;
            }
            let after = Bound::Excluded(history_key(&key, u64::MAX));
            self.replaced = self.replaced_from(after)?;
            if !value.is_empty() {
                return Ok(Some((key, value)));
            }
        }
    }

    /// Looks for the first key in the history from `start` on that was replaced after `number`.
    fn replaced_from(&self, mut start: Bound<Vec<u8>>) -> Result<Option<Entry>, StoreError> {
        loop {
            let range = (start.as_ref().map(Vec::as_slice), self.end.as_ref().map(Vec::as_slice));
            let Some(entry) = self.read.iterate(self.table.history(), range)?.next() else {
                return Ok(None);
            };
            let (mut key, value) = entry?;
            let Some((at, number)) = key
                .split_last_chunk::<8>()
                .map(|(_, number)| (key.len().saturating_sub(8), u64::from_be_bytes(*number)))
            else {
                return Err(self.table.corrupt_past(&key, "a key is malformed"));
            };
            key.truncate(at);
            if number > self.number {
                return Ok(Some((key, value)));
            }
            start = Bound::Included(history_key(&key, self.number.saturating_add(1)));
        }
    }
}
