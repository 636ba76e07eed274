//! Ordered iteration that owns what it reads from.

use alloc::{boxed::Box, vec, vec::Vec};
use core::ops::Bound;

use super::{Column, Direction, Entries, KeyRange, KeyValueRead, StoreError};

/// Most entries read ahead. The first page is one entry, as many callers want no more, and each
/// next twice the last.
const PAGE_MAX: usize = 128;

/// Walks a snapshot that nobody else holds, a page at a time.
pub(super) fn walk<'a, R: KeyValueRead + 'a>(
    read: R,
    column: Column,
    range: KeyRange<'_>,
    direction: Direction,
) -> Result<Entries<'a>, StoreError> {
    let range = (range.0.map(<[u8]>::to_vec), range.1.map(<[u8]>::to_vec));
    let mut walk =
        Walk { read, column, range, direction, page: vec![].into_iter(), size: 1, more: true };
    walk.turn()?;
    Ok(Box::new(walk))
}

struct Walk<R> {
    read: R,
    column: Column,
    /// What is left behind the page.
    range: (Bound<Vec<u8>>, Bound<Vec<u8>>),
    direction: Direction,
    page: vec::IntoIter<(Vec<u8>, Vec<u8>)>,
    size: usize,
    more: bool,
}

impl<R: KeyValueRead> Walk<R> {
    fn turn(&mut self) -> Result<(), StoreError> {
        let range =
            (self.range.0.as_ref().map(Vec::as_slice), self.range.1.as_ref().map(Vec::as_slice));
        let entries = match self.direction {
            Direction::Ascending => self.read.iterate(self.column, range)?,
            Direction::Descending => self.read.iterate_back(self.column, range)?,
        };
        let page = entries.take(self.size).collect::<Result<Vec<_>, _>>()?;
        self.more = page.len() == self.size;
        self.size = PAGE_MAX.min(self.size.saturating_mul(2));
        if let Some((key, _)) = page.last() {
            let end = match self.direction {
                Direction::Ascending => &mut self.range.0,
                Direction::Descending => &mut self.range.1,
            };
            *end = Bound::Excluded(key.clone());
        }
        self.page = page.into_iter();
        Ok(())
    }
}

impl<R: KeyValueRead> Iterator for Walk<R> {
    type Item = Result<(Vec<u8>, Vec<u8>), StoreError>;

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
