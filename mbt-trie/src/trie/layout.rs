//! Ethereum's trie for `trie-db`: Keccak-256, extension nodes, RLP.

use alloc::vec::Vec;
use core::borrow::Borrow;

use hash_db::Hasher;
use hash256_std_hasher::Hash256StdHasher;
use mbt_account::EMPTY_ROOT;
use mbt_crypto::{H256, keccak256};
use trie_db::{
    ChildReference, NodeCodec, TrieLayout, TrieRoot,
    node::{NibbleSlicePlan, NodeHandlePlan, NodePlan, Value, ValuePlan},
    trie_visit,
};

use super::memory::MemoryTrie;
use super::node::{Node, NodeError, append_bytes, append_header, item};

/// Keccak-256 for `trie-db`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct KeccakHasher;

impl Hasher for KeccakHasher {
    type Out = [u8; 32];
    type StdHasher = Hash256StdHasher;
    const LENGTH: usize = 32;

    fn hash(bytes: &[u8]) -> [u8; 32] {
        keccak256(bytes).0
    }
}

/// Ethereum's trie for `trie-db`. Its databases must answer for the empty root: the null node is
/// `0x80`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct EthereumLayout;

impl TrieLayout for EthereumLayout {
    const USE_EXTENSION: bool = true;
    const ALLOW_EMPTY: bool = false;
    const MAX_INLINE_VALUE: Option<u32> = None;

    type Hash = KeccakHasher;
    type Codec = RlpNodeCodec;
}

/// Ethereum's encoding of nodes for `trie-db`. Decoding is strict.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RlpNodeCodec;

const EMPTY_NODE: &[u8] = &[0x80];

impl NodeCodec for RlpNodeCodec {
    type Error = NodeError;
    type HashOut = [u8; 32];

    fn hashed_null_node() -> [u8; 32] {
        EMPTY_ROOT.0
    }

    fn decode_plan(data: &[u8]) -> Result<NodePlan, NodeError> {
        if data == EMPTY_NODE {
            return Ok(NodePlan::Empty);
        }
        let node = Node::decode(data)?;
        let mut items = Items { data, at: item(data, 0).0 };
        let path = |range: core::ops::Range<usize>| {
            let odd = data.get(range.start).is_some_and(|first| first & 0x10 != 0);
            if odd {
                NibbleSlicePlan::new(range, 1)
            } else {
                NibbleSlicePlan::new(range.start + 1..range.end, 0)
            }
        };
        Ok(match node {
            Node::Leaf { .. } => NodePlan::Leaf {
                partial: path(items.payload()),
                value: ValuePlan::Inline(items.payload()),
            },
            Node::Extension { .. } => NodePlan::Extension {
                partial: path(items.payload()),
                child: items.child().ok_or(NodeError::Child)?,
            },
            Node::Branch(_) => {
                let children = core::array::from_fn(|_| items.child());
                let value = items.payload();
                let value = (!value.is_empty()).then_some(ValuePlan::Inline(value));
                NodePlan::Branch { value, children }
            }
        })
    }

    fn is_empty_node(data: &[u8]) -> bool {
        data == EMPTY_NODE
    }

    fn empty_node() -> &'static [u8] {
        EMPTY_NODE
    }

    fn leaf_node(partial: impl Iterator<Item = u8>, number_nibble: usize, value: Value) -> Vec<u8> {
        let (Value::Inline(value) | Value::Node(value)) = value;
        let mut payload = Vec::with_capacity(value.len() + 44);
        append_bytes(&mut payload, &packed(partial, number_nibble, 0x20));
        append_bytes(&mut payload, value);
        list(&payload)
    }

    fn extension_node(
        partial: impl Iterator<Item = u8>,
        number_nibble: usize,
        child: ChildReference<[u8; 32]>,
    ) -> Vec<u8> {
        let mut payload = Vec::with_capacity(70);
        append_bytes(&mut payload, &packed(partial, number_nibble, 0));
        append_child(&mut payload, &child);
        list(&payload)
    }

    fn branch_node(
        children: impl Iterator<Item = impl Borrow<Option<ChildReference<[u8; 32]>>>>,
        value: Option<Value>,
    ) -> Vec<u8> {
        let mut payload = Vec::with_capacity(17 * 33);
        for child in children {
            match child.borrow() {
                Some(child) => append_child(&mut payload, child),
                None => payload.push(0x80),
            }
        }
        match value {
            Some(Value::Inline(value) | Value::Node(value)) => append_bytes(&mut payload, value),
            None => payload.push(0x80),
        }
        list(&payload)
    }

    /// Is not called for a layout with extension nodes; then what it stands for is an extension
    /// above a branch, which has no encoding in one node.
    fn branch_node_nibbled(
        _partial: impl Iterator<Item = u8>,
        _number_nibble: usize,
        children: impl Iterator<Item = impl Borrow<Option<ChildReference<[u8; 32]>>>>,
        value: Option<Value>,
    ) -> Vec<u8> {
        Self::branch_node(children, value)
    }
}

/// Walks the items of a list that was checked before.
struct Items<'a> {
    data: &'a [u8],
    at: usize,
}

impl Items<'_> {
    fn payload(&mut self) -> core::ops::Range<usize> {
        let (start, end) = item(self.data, self.at);
        self.at = end;
        start..end
    }

    fn child(&mut self) -> Option<NodeHandlePlan> {
        let whole = self.at;
        let payload = self.payload();
        match self.data.get(whole) {
            Some(0xc0..) => Some(NodeHandlePlan::Inline(whole..payload.end)),
            _ if payload.is_empty() => None,
            _ => Some(NodeHandlePlan::Hash(payload)),
        }
    }
}

/// Packs a path that comes as bytes; of an odd one the first byte is a lone half byte.
fn packed(mut partial: impl Iterator<Item = u8>, number_nibble: usize, flag: u8) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(number_nibble / 2 + 1);
    if number_nibble % 2 == 1 {
        bytes.push(flag | 0x10 | partial.next().unwrap_or(0));
    } else {
        bytes.push(flag);
    }
    bytes.extend(partial);
    bytes
}

fn append_child(payload: &mut Vec<u8>, child: &ChildReference<[u8; 32]>) {
    match child {
        ChildReference::Hash(hash) => append_bytes(payload, hash),
        ChildReference::Inline(bytes, length) => {
            payload.extend_from_slice(bytes.get(..*length).unwrap_or_default());
        }
    }
}

fn list(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(payload.len() + 3);
    append_header(&mut bytes, 0xc0, payload.len());
    bytes.extend_from_slice(payload);
    bytes
}

/// Returns the root of the trie of entries that come by ascending key, each key once.
pub fn sorted_root<K: AsRef<[u8]> + Ord, V: AsRef<[u8]>>(
    entries: impl IntoIterator<Item = (K, V)>,
) -> H256 {
    let mut visitor = TrieRoot::<EthereumLayout>::default();
    trie_visit::<EthereumLayout, _, _, _, _>(entries, &mut visitor);
    visitor.root.map_or(EMPTY_ROOT, H256)
}

/// Returns the root of the trie of a list: each item under the RLP of its index. A header's roots
/// of transactions and receipts are such.
///
/// ```
/// let root = mbt_trie::ordered_root(core::iter::empty());
/// assert_eq!(root, mbt_account::EMPTY_ROOT);
/// ```
pub fn ordered_root(items: impl IntoIterator<Item = Vec<u8>>) -> H256 {
    MemoryTrie::of_list(items).root()
}
