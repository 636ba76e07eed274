//! Paths of half bytes, and their packed forms.

use alloc::vec::Vec;
use core::fmt;

/// Returns a half byte of a key.
pub(crate) fn nibble(key: &[u8], at: usize) -> u8 {
    let byte = key[at / 2];
    if at.is_multiple_of(2) { byte >> 4 } else { byte & 15 }
}

/// Returns how many half bytes two keys share.
pub(crate) fn shared(a: &[u8], b: &[u8]) -> usize {
    let whole = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let half = a.get(whole).zip(b.get(whole)).is_some_and(|(a, b)| a >> 4 == b >> 4);
    2 * whole + usize::from(half)
}

/// The place of a node in a trie: the half bytes that all keys below it start with.
#[derive(Clone, Copy)]
pub struct NodePath<'a> {
    key: &'a [u8],
    len: usize,
    /// Stands for the key's own half byte at the end of the path.
    last: Option<u8>,
}

impl<'a> NodePath<'a> {
    /// The root's.
    pub(crate) const ROOT: Self = NodePath { key: &[], len: 0, last: None };

    /// The first `len` half bytes of a key.
    pub(crate) const fn of(key: &'a [u8], len: usize) -> Self {
        Self { key, len, last: None }
    }

    /// The first `len - 1` half bytes of a key, and then `last`.
    pub(crate) const fn ending(key: &'a [u8], len: usize, last: u8) -> Self {
        Self { key, len, last: Some(last) }
    }

    /// Returns the number of half bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Tells whether this is the root's place.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Visits the half bytes from the root down.
    pub fn nibbles(&self) -> impl Iterator<Item = u8> + 'a {
        let Self { key, len, last } = *self;
        let own = len.saturating_sub(usize::from(last.is_some()));
        (0..own).map(|at| nibble(key, at)).chain(last)
    }

    /// Appends the half bytes, two to a byte; an odd last one is the upper half of its byte.
    pub fn append_packed(&self, out: &mut Vec<u8>) {
        let own = self.len.saturating_sub(usize::from(self.last.is_some()));
        out.extend_from_slice(&self.key[..own / 2]);
        let mut odd = (!own.is_multiple_of(2)).then(|| nibble(self.key, own - 1) << 4);
        if let Some(last) = self.last {
            match odd.take() {
                Some(upper) => out.push(upper | last),
                None => odd = Some(last << 4),
            }
        }
        out.extend(odd);
    }
}

impl fmt::Display for NodePath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.nibbles().try_for_each(|nibble| write!(f, "{nibble:x}"))
    }
}

impl fmt::Debug for NodePath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodePath({self})")
    }
}

/// A path in Ethereum's hex-prefix form (yellow paper, appendix C), without its flag.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct HexPath<'a>(&'a [u8]);

impl<'a> HexPath<'a> {
    /// Reads the form: the path, and whether it is a leaf's. `None` unless it is the only one of
    /// its path.
    pub(crate) fn decode(bytes: &'a [u8]) -> Option<(Self, bool)> {
        let first = *bytes.first()?;
        let proper = first & 0x10 != 0 || first & 15 == 0;
        (proper && first < 0x40).then_some((Self(bytes), first & 0x20 != 0))
    }

    /// Takes what was decoded before.
    pub(crate) const fn trusted(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    const fn is_odd(self) -> bool {
        self.0[0] & 0x10 != 0
    }

    pub(crate) const fn len(self) -> usize {
        2 * (self.0.len() - 1) + self.is_odd() as usize
    }

    pub(crate) fn at(self, at: usize) -> u8 {
        // The flag takes two half bytes, or one when the path is odd.
        nibble(self.0, at + 2 - usize::from(self.is_odd()))
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = u8> + 'a {
        (0..self.len()).map(move |at| self.at(at))
    }

    /// Returns how much of the path, from its half byte `skip` on, a key shares from `depth` on.
    pub(crate) fn shared(self, skip: usize, key: &[u8], depth: usize) -> usize {
        let start = skip + 2 - usize::from(self.is_odd());
        let most = (2 * self.0.len() - start).min((2 * key.len()).saturating_sub(depth));
        if most == 0 || nibble(self.0, start) != nibble(key, depth) {
            return 0;
        }
        // A leaf's path ends with its key, so that both lie alike in their bytes.
        if start % 2 == depth % 2 {
            let odd = start % 2;
            return odd + shared(&self.0[start.div_ceil(2)..], &key[depth.div_ceil(2)..]);
        }
        (0..most).take_while(|at| nibble(self.0, start + at) == nibble(key, depth + at)).count()
    }
}

/// Appends the hex-prefix form of a path.
pub(crate) fn append_hex_prefix(out: &mut Vec<u8>, path: &[u8], leaf: bool) {
    let flag = if leaf { 0x20 } else { 0 };
    let (first, rest) = match path.split_first() {
        Some((nibble, rest)) if path.len() % 2 == 1 => (flag | 0x10 | nibble, rest),
        _ => (flag, path),
    };
    out.push(first);
    out.extend(rest.chunks_exact(2).map(|pair| (pair[0] << 4) | pair[1]));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nibbles(bytes: &[u8]) -> Vec<u8> {
        bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect()
    }

    fn hex_prefix(path: &[u8], leaf: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        append_hex_prefix(&mut bytes, path, leaf);
        bytes
    }

    proptest! {
        #[test]
        fn hex_prefix_is_undone(path in proptest::collection::vec(0_u8..16, 0..70), leaf: bool) {
            let bytes = hex_prefix(&path, leaf);
            let (decoded, is_leaf) = HexPath::decode(&bytes).unwrap();
            prop_assert_eq!((decoded.iter().collect::<Vec<_>>(), is_leaf), (path, leaf));
        }

        #[test]
        fn a_path_has_one_hex_prefix(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Some((path, leaf)) = HexPath::decode(&bytes) {
                prop_assert_eq!(hex_prefix(&path.iter().collect::<Vec<_>>(), leaf), bytes);
            }
        }

        #[test]
        fn what_a_path_shares_with_a_key_is_counted(
            path in proptest::collection::vec(0_u8..3, 0..9),
            key in proptest::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(16)], 0..6),
            skip in 0_usize..9,
            depth in 0_usize..12,
        ) {
            let (skip, depth) = (skip.min(path.len()), depth.min(2 * key.len()));
            let halves = nibbles(&key);
            let slow = path[skip..].iter().zip(&halves[depth..]).take_while(|(a, b)| a == b);
            let bytes = hex_prefix(&path, true);
            prop_assert_eq!(HexPath::trusted(&bytes).shared(skip, &key, depth), slow.count());
        }

        #[test]
        fn a_place_packs_as_its_half_bytes(
            key in proptest::collection::vec(any::<u8>(), 0..5),
            len in 0_usize..10,
            last in proptest::option::of(0_u8..16),
        ) {
            let len = len.min(2 * key.len());
            let path = match last {
                Some(last) => NodePath::ending(&key, len + 1, last),
                None => NodePath::of(&key, len),
            };
            let mut slow = nibbles(&key)[..len].to_vec();
            slow.extend(last);
            prop_assert_eq!(path.nibbles().collect::<Vec<_>>(), slow.clone());
            prop_assert_eq!(path.len(), slow.len());
            let mut packed = Vec::new();
            path.append_packed(&mut packed);
            let pair = |pair: &[u8]| (pair[0] << 4) | pair.get(1).copied().unwrap_or(0);
            prop_assert_eq!(packed, slow.chunks(2).map(pair).collect::<Vec<_>>());
        }
    }
}
