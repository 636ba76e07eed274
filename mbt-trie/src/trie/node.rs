//! Nodes of a hexary Merkle-Patricia trie and their one encoding (yellow paper, appendix D).

use alloc::{boxed::Box, vec::Vec};

use mbt_account::codec::{DecodeError, Reader};
use mbt_crypto::{H256, keccak256};

use super::nibbles::{Nibbles, from_hex_prefix, hex_prefix};

/// A node, with the nodes below it where they are at hand.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Node {
    /// The end of a key.
    Leaf { path: Nibbles, value: Vec<u8> },
    /// Half bytes that all keys below share. Below it is a branch.
    Extension { path: Nibbles, child: Child },
    /// A fork, and the value of the key that ends here.
    Branch(Box<Branch>),
}

/// A fork by the next half byte.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Branch {
    pub(crate) children: [Option<Child>; 16],
    pub(crate) value: Option<Vec<u8>>,
}

/// What a node says of the one below.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Child {
    /// Its hash: it is stored at its own path.
    Hash(H256),
    /// The node: it came inside its parent, or was read or made just now.
    Node(Box<Node>),
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

impl Node {
    /// Decodes a node; every accepted node encodes to the same bytes.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, NodeError> {
        let mut outer = Reader::new(bytes);
        let items = outer.list()?;
        outer.finish()?;
        let mut count = 0;
        let mut rest = items.clone();
        while !rest.is_empty() {
            rest.raw()?;
            count += 1;
        }
        match count {
            2 => Self::decode_short(items),
            17 => Self::decode_branch(items),
            _ => Err(NodeError::Items(count)),
        }
    }

    fn decode_short(mut items: Reader<'_>) -> Result<Self, NodeError> {
        let (path, leaf) = from_hex_prefix(items.bytes()?).ok_or(NodeError::Path)?;
        if leaf {
            let value = items.bytes()?.to_vec();
            return if value.is_empty() {
                Err(NodeError::EmptyValue)
            } else {
                Ok(Self::Leaf { path, value })
            };
        }
        if path.is_empty() {
            return Err(NodeError::NotMinimal);
        }
        let child = Child::decode(items.raw()?)?.ok_or(NodeError::Child)?;
        match &child {
            Child::Node(node) if !matches!(**node, Self::Branch(_)) => Err(NodeError::Child),
            _ => Ok(Self::Extension { path, child }),
        }
    }

    fn decode_branch(mut items: Reader<'_>) -> Result<Self, NodeError> {
        let mut branch = Box::<Branch>::default();
        for child in &mut branch.children {
            *child = Child::decode(items.raw()?)?;
        }
        let value = items.bytes()?;
        branch.value = (!value.is_empty()).then(|| value.to_vec());
        if branch.ways() < 2 { Err(NodeError::NotMinimal) } else { Ok(Self::Branch(branch)) }
    }

    /// Encodes the node. `reference` is asked how each child that is at hand is written into it.
    pub(crate) fn encode(&self, mut reference: impl FnMut(&[u8], &Self) -> Reference) -> Vec<u8> {
        let mut payload = Vec::with_capacity(match self {
            Self::Branch(_) => 17 * 33,
            Self::Extension { .. } => 70,
            Self::Leaf { value, .. } => value.len() + 44,
        });
        match self {
            Self::Leaf { path, value } => {
                append_bytes(&mut payload, &hex_prefix(path, true));
                append_bytes(&mut payload, value);
            }
            Self::Extension { path, child } => {
                append_bytes(&mut payload, &hex_prefix(path, false));
                child.append(&mut payload, |node| reference(path, node));
            }
            Self::Branch(branch) => {
                for (nibble, child) in (0..).zip(&branch.children) {
                    match child {
                        Some(child) => {
                            child.append(&mut payload, |node| reference(&[nibble], node));
                        }
                        None => payload.push(0x80),
                    }
                }
                append_bytes(&mut payload, branch.value.as_deref().unwrap_or_default());
            }
        }
        let mut bytes = Vec::with_capacity(payload.len() + 3);
        append_header(&mut bytes, 0xc0, payload.len());
        bytes.append(&mut payload);
        bytes
    }
}

impl Branch {
    /// Counts the ways that lead on from here.
    pub(crate) fn ways(&self) -> usize {
        self.children.iter().flatten().count() + usize::from(self.value.is_some())
    }
}

impl Child {
    fn decode(raw: &[u8]) -> Result<Option<Self>, NodeError> {
        match raw {
            [0x80] => Ok(None),
            [0xa0, hash @ ..] if hash.len() == 32 => Ok(Some(Self::Hash(H256::from_slice(hash)))),
            [0xc0..=0xff, ..] if raw.len() < 32 => Ok(Some(Self::Node(Node::decode(raw)?.into()))),
            _ => Err(NodeError::Child),
        }
    }

    fn append(&self, payload: &mut Vec<u8>, reference: impl FnOnce(&Node) -> Reference) {
        match self {
            Self::Hash(hash) => append_bytes(payload, &hash.0),
            Self::Node(node) => match reference(node) {
                Reference::Hash(hash) => append_bytes(payload, &hash.0),
                Reference::Inline(bytes) => payload.extend(bytes),
            },
        }
    }
}

/// How a node is written into its parent.
pub(crate) enum Reference {
    Hash(H256),
    Inline(Vec<u8>),
}

impl Reference {
    /// Nodes of less than 32 bytes stand in their parent, others by their hash.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        if bytes.len() < 32 { Self::Inline(bytes.to_vec()) } else { Self::Hash(keccak256(bytes)) }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encode(node: &Node) -> Vec<u8> {
        node.encode(|_, child| Reference::of(&encode(child)))
    }

    fn mutated() -> impl Strategy<Value = Vec<u8>> {
        let leaf = Node::Leaf { path: vec![1, 2, 3], value: vec![9; 3] };
        let mut branch = Box::<Branch>::default();
        branch.children[3] = Some(Child::Node(leaf.clone().into()));
        branch.children[9] = Some(Child::Hash(H256([7; 32])));
        let branch = Node::Branch(branch);
        let short = Node::Extension { path: vec![5], child: Child::Hash(H256([8; 32])) };
        let seeds = [leaf, branch, short].map(|node| encode(&node));
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
            (only_way, NodeError::NotMinimal),
            (vec![0xc2, 0x20, 0x01, 0x00], NodeError::Rlp(DecodeError::TrailingBytes(1))),
        ] {
            assert_eq!(Node::decode(&bytes), Err(error), "{bytes:02x?}");
        }
    }
}
