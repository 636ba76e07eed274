//! Paths of half bytes, and their two packed forms.

use alloc::vec::Vec;

/// Half bytes, one to a byte.
pub(crate) type Nibbles = Vec<u8>;

/// Splits bytes into half bytes.
pub(crate) fn nibbles(bytes: &[u8]) -> Nibbles {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect()
}

/// Returns the length of the common start.
pub(crate) fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Packs a path as a store's key: its length, then two half bytes to a byte. No key of a path is
/// the start of another's.
pub(crate) fn append_packed(key: &mut Vec<u8>, path: &[u8]) {
    key.push(u8::try_from(path.len()).unwrap_or(u8::MAX));
    key.extend(path.chunks(2).map(|pair| (pair[0] << 4) | pair.get(1).copied().unwrap_or(0)));
}

/// Packs a path as Ethereum's hex-prefix (yellow paper, appendix C).
pub(crate) fn hex_prefix(path: &[u8], leaf: bool) -> Vec<u8> {
    let flag = if leaf { 0x20 } else { 0 };
    let (first, rest) = match path.split_first() {
        Some((nibble, rest)) if path.len() % 2 == 1 => (flag | 0x10 | nibble, rest),
        _ => (flag, path),
    };
    let mut bytes = Vec::with_capacity(1 + rest.len() / 2);
    bytes.push(first);
    bytes.extend(rest.chunks_exact(2).map(|pair| (pair[0] << 4) | pair[1]));
    bytes
}

/// Unpacks a hex-prefix: the path, and whether it is a leaf's. `None` unless it is the only one of
/// its path.
pub(crate) fn from_hex_prefix(bytes: &[u8]) -> Option<(Nibbles, bool)> {
    let (first, rest) = bytes.split_first()?;
    let leaf = match first >> 4 {
        0 | 1 => false,
        2 | 3 => true,
        _ => return None,
    };
    let mut path = Vec::with_capacity(1 + 2 * rest.len());
    if first & 0x10 != 0 {
        path.push(first & 15);
    } else if first & 15 != 0 {
        return None;
    }
    path.extend(rest.iter().flat_map(|byte| [byte >> 4, byte & 15]));
    Some((path, leaf))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn hex_prefix_is_undone(path in proptest::collection::vec(0_u8..16, 0..70), leaf: bool) {
            prop_assert_eq!(from_hex_prefix(&hex_prefix(&path, leaf)), Some((path, leaf)));
        }

        #[test]
        fn a_path_has_one_hex_prefix(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Some((path, leaf)) = from_hex_prefix(&bytes) {
                prop_assert_eq!(hex_prefix(&path, leaf), bytes);
            }
        }
    }
}
