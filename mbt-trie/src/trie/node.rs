//! Nodes of a hexary Merkle-Patricia trie and their one encoding (yellow paper, appendix D).

use alloc::vec::Vec;

use mbt_account::codec::{DecodeError, Reader};

use super::nibbles::HexPath;

/// A node, read where it lies.
#[derive(Clone, Debug, Eq, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "is looked at and dropped, never kept")]
pub(crate) enum Node<'a> {
    /// The end of a key.
    Leaf { path: HexPath<'a>, value: &'a [u8] },
    /// Half bytes that all keys below share. Below it is a branch.
    Extension { path: HexPath<'a>, child: Child<'a> },
    /// A fork, and the value of the key that ends here.
    Branch(Branch<'a>),
}

/// A fork by the next half byte.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Branch<'a> {
    pub(crate) children: [Option<Child<'a>>; 16],
    /// Empty when no key ends here.
    pub(crate) value: &'a [u8],
}

/// What a node says of the one below.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Child<'a> {
    /// Its hash: it is stored at its own path.
    Hash(&'a [u8; 32]),
    /// Its encoding, which is shorter than a hash.
    Inline(&'a [u8]),
}

/// Why bytes are not a node.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// It is no strict RLP.
    #[error("not strict RLP: {0}")]
    Rlp(#[from] DecodeError),
    /// A list of other than 2 or 17 items.
    #[error("a node has 2 or 17 items, found {0}")]
    Items(usize),
    /// A path in another form than the hex-prefix that it would be written with.
    #[error("path is not a proper hex-prefix")]
    Path,
    /// An extension that shares nothing, or a fork of fewer than two ways: such a node is never
    /// written.
    #[error("node could be left out")]
    NotMinimal,
    /// A value of no bytes: that is no value.
    #[error("value is empty")]
    EmptyValue,
    /// A child that is neither a hash nor a node of less than 32 bytes, or none where there must
    /// be one, or not a branch below an extension.
    #[error("reference to a child is malformed")]
    Child,
}

impl<'a> Node<'a> {
    /// Reads a node; every accepted node encodes to the same bytes.
    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Self, NodeError> {
        let mut outer = Reader::new(bytes);
        let mut items = outer.list()?;
        outer.finish()?;
        let first = items.clone();
        items.raw()?;
        items.raw()?;
        if items.is_empty() {
            Self::decode_short(first)
        } else {
            Branch::decode(&bytes[item(bytes, 0).0..])
        }
    }

    fn decode_short(mut items: Reader<'a>) -> Result<Self, NodeError> {
        let (path, leaf) = HexPath::decode(items.bytes()?).ok_or(NodeError::Path)?;
        if leaf {
            let value = items.bytes()?;
            return if value.is_empty() {
                Err(NodeError::EmptyValue)
            } else {
                Ok(Self::Leaf { path, value })
            };
        }
        if path.len() == 0 {
            return Err(NodeError::NotMinimal);
        }
        match Child::decode(items.raw()?)?.ok_or(NodeError::Child)? {
            Child::Inline(raw) if !matches!(Self::decode(raw)?, Self::Branch(_)) => {
                Err(NodeError::Child)
            }
            child => Ok(Self::Extension { path, child }),
        }
    }
}

impl<'a> Branch<'a> {
    fn decode(items: &'a [u8]) -> Result<Node<'a>, NodeError> {
        match Self::read(items) {
            Ok(branch) => Ok(Node::Branch(branch)),
            Err(error) => match count(Reader::new(items))? {
                17 => Err(error),
                others => Err(NodeError::Items(others)),
            },
        }
    }

    fn read(mut items: &'a [u8]) -> Result<Self, NodeError> {
        let (mut branch, mut ways) = (Self::default(), 0);
        for child in &mut branch.children {
            if let [0x80, rest @ ..] = items {
                items = rest;
                continue;
            }
            ways += 1;
            if let [0xa0, rest @ ..] = items
                && let Some((hash, rest)) = rest.split_first_chunk()
            {
                *child = Some(Child::Hash(hash));
                items = rest;
            } else {
                let raw = Reader::new(items).raw()?;
                *child = Child::decode(raw)?;
                items = &items[raw.len()..];
            }
        }
        let mut last = Reader::new(items);
        branch.value = last.bytes()?;
        last.finish()?;
        ways += usize::from(!branch.value.is_empty());
        if ways < 2 { Err(NodeError::NotMinimal) } else { Ok(branch) }
    }
}

fn count(mut items: Reader<'_>) -> Result<usize, NodeError> {
    let mut count = 0;
    while !items.is_empty() {
        items.raw()?;
        count += 1;
    }
    Ok(count)
}

impl<'a> Child<'a> {
    fn decode(raw: &'a [u8]) -> Result<Option<Self>, NodeError> {
        match raw {
            [0x80] => Ok(None),
            [0xa0, hash @ ..] => {
                hash.try_into().map(|hash| Some(Self::Hash(hash))).map_err(|_| NodeError::Child)
            }
            [0xc0..=0xff, ..] if raw.len() < 32 => {
                Node::decode(raw)?;
                Ok(Some(Self::Inline(raw)))
            }
            _ => Err(NodeError::Child),
        }
    }
}

/// Appends the RLP of a string.
pub(crate) fn append_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    match bytes {
        [byte] if *byte < 0x80 => out.push(*byte),
        _ => {
            append_header(out, 0x80, bytes.len());
            out.extend_from_slice(bytes);
        }
    }
}

/// Appends the header of an RLP item: 0x80 begins strings, 0xc0 lists.
pub(crate) fn append_header(out: &mut Vec<u8>, kind: u8, length: usize) {
    match u8::try_from(length) {
        Ok(short) if short < 56 => out.push(kind + short),
        _ => {
            let bytes = length.to_be_bytes();
            let skip = bytes.iter().take_while(|byte| **byte == 0).count();
            let significant = &bytes[skip..];
            out.push(kind + 55 + u8::try_from(significant.len()).unwrap_or(8));
            out.extend_from_slice(significant);
        }
    }
}

/// Returns where the payload of the well-formed item at `at` starts and ends.
#[inline]
pub(crate) fn item(data: &[u8], at: usize) -> (usize, usize) {
    let long = |first: u8, base: u8| {
        let size = usize::from(first - base);
        let length = data.get(at + 1..at + 1 + size).unwrap_or_default();
        let length = length.iter().fold(0, |sum: usize, byte| (sum << 8) | usize::from(*byte));
        (at + 1 + size, at + 1 + size + length)
    };
    match data.get(at).copied() {
        None => (at, at),
        Some(0..0x80) => (at, at + 1),
        Some(first @ 0x80..0xb8) => (at + 1, at + 1 + usize::from(first - 0x80)),
        Some(first @ 0xb8..0xc0) => long(first, 0xb7),
        Some(first @ 0xc0..0xf8) => (at + 1, at + 1 + usize::from(first - 0xc0)),
        Some(first @ 0xf8..) => long(first, 0xf7),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::trie::nibbles::append_hex_prefix;

    /// Encodes a node anew from what was read of it.
    fn encode(node: &Node<'_>) -> Vec<u8> {
        let mut payload = Vec::new();
        let short = |payload: &mut Vec<u8>, path: HexPath<'_>, leaf| {
            let mut prefix = Vec::new();
            append_hex_prefix(&mut prefix, &path.iter().collect::<Vec<_>>(), leaf);
            append_bytes(payload, &prefix);
        };
        let reference = |payload: &mut Vec<u8>, child: &Child<'_>| match child {
            Child::Hash(hash) => append_bytes(payload, *hash),
            Child::Inline(raw) => payload.extend(encode(&Node::decode(raw).unwrap())),
        };
        match node {
            Node::Leaf { path, value } => {
                short(&mut payload, *path, true);
                append_bytes(&mut payload, value);
            }
            Node::Extension { path, child } => {
                short(&mut payload, *path, false);
                reference(&mut payload, child);
            }
            Node::Branch(branch) => {
                for child in &branch.children {
                    match child {
                        Some(child) => reference(&mut payload, child),
                        None => payload.push(0x80),
                    }
                }
                append_bytes(&mut payload, branch.value);
            }
        }
        let mut bytes = Vec::new();
        append_header(&mut bytes, 0xc0, payload.len());
        bytes.extend(payload);
        bytes
    }

    fn mutated() -> impl Strategy<Value = Vec<u8>> {
        let path = [0x31, 0x23];
        let leaf = Node::Leaf { path: HexPath::trusted(&path), value: &[9; 3] };
        let leaf_bytes = encode(&leaf);
        let mut branch = Branch::default();
        branch.children[3] = Some(Child::Inline(&leaf_bytes));
        branch.children[9] = Some(Child::Hash(&[7; 32]));
        let extension =
            Node::Extension { path: HexPath::trusted(&[0x15]), child: Child::Hash(&[8; 32]) };
        let seeds = [&leaf, &Node::Branch(branch), &extension].map(encode);
        (0..seeds.len(), any::<prop::sample::Index>(), any::<u8>()).prop_map(
            move |(n, at, byte)| {
                let mut bytes = seeds[n].clone();
                let at = at.index(bytes.len());
                bytes[at] = byte;
                bytes
            },
        )
    }

    proptest! {
        #[test]
        fn what_decodes_encodes_to_the_same_bytes(
            bytes in prop_oneof![mutated(), prop::collection::vec(any::<u8>(), 0..80)],
        ) {
            if let Ok(node) = Node::decode(&bytes) {
                prop_assert_eq!(encode(&node), bytes);
            }
        }
    }

    #[test]
    fn nodes_that_are_never_written_are_refused() {
        let only_way = {
            let mut bytes = vec![0xc0 + 17];
            bytes.extend([0x80; 17]);
            bytes
        };
        for (bytes, error) in [
            (vec![0x80], NodeError::Rlp(DecodeError::UnexpectedString)),
            (vec![0xc2, 0x20, 0x80], NodeError::EmptyValue),
            (vec![0xc2, 0x00, 0x01], NodeError::NotMinimal),
            (vec![0xc2, 0x11, 0x80], NodeError::Child),
            (vec![0xc4, 0x11, 0xc2, 0x20, 0x01], NodeError::Child),
            (vec![0xc2, 0x01, 0x01], NodeError::Path),
            (vec![0xc2, 0x40, 0x01], NodeError::Path),
            (vec![0xc3, 0x20, 0x01, 0x01], NodeError::Items(3)),
            (vec![0xc3, 0x80, 0x80, 0x80], NodeError::Items(3)),
            (only_way, NodeError::NotMinimal),
            (vec![0xc2, 0x20, 0x01, 0x00], NodeError::Rlp(DecodeError::TrailingBytes(1))),
        ] {
            assert_eq!(Node::decode(&bytes), Err(error), "{bytes:02x?}");
        }
    }
}
