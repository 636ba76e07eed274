//! Ordered iteration over entries with changes on top.

use alloc::{boxed::Box, vec::Vec};
use core::{cmp::Ordering, iter::Peekable};

use super::{Direction, Entries, StoreError};

/// Walks `base` and the changes in `overlay` as one. A change hides the base's entry of its key.
/// Both must already run in `direction` over the same range.
pub(super) fn merge<'a>(
    base: Entries<'a>,
    overlay: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + 'a,
    direction: Direction,
) -> Entries<'a> {
    Box::new(Merge { base: base.peekable(), overlay: overlay.peekable(), direction })
}

struct Merge<'a, O: Iterator> {
    base: Peekable<Entries<'a>>,
    overlay: Peekable<O>,
    direction: Direction,
}

impl<'a, O: Iterator<Item = (&'a [u8], Option<&'a [u8]>)>> Merge<'a, O> {
    /// Compares the heads of both sides in the order of the walk; an error counts as first.
    fn compare(&mut self) -> Option<Ordering> {
        match (self.base.peek(), self.overlay.peek()) {
            (None, None) => None,
            (Some(_), None) | (Some(Err(_)), _) => Some(Ordering::Less),
            (None, Some(_)) => Some(Ordering::Greater),
            (Some(Ok((base, _))), Some((overlay, _))) => {
                let order = base.as_slice().cmp(overlay);
                Some(match self.direction {
                    Direction::Ascending => order,
                    Direction::Descending => order.reverse(),
                })
            }
        }
    }
}

impl<'a, O: Iterator<Item = (&'a [u8], Option<&'a [u8]>)>> Iterator for Merge<'a, O> {
    type Item = Result<(Vec<u8>, Vec<u8>), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.compare()? {
                Ordering::Less => return self.base.next(),
                Ordering::Equal => drop(self.base.next()),
                Ordering::Greater => {}
            }
            if let (key, Some(value)) = self.overlay.next()? {
                return Some(Ok((key.to_vec(), value.to_vec())));
            }
        }
    }
}
