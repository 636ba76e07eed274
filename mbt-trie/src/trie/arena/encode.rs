//! Encodings made in the heap, from keys and values or from other nodes' encodings.

use alloc::vec::Vec;
use core::{mem, ops::Range};

use super::{Arena, Block, Index, Kind, Slot};
use crate::trie::{
    nibbles::{HexPath, nibble},
    node::{append_bytes, append_header, item},
};

/// Bytes of a child's hash in a branch.
const HASH_ITEM: usize = 33;
const EMPTY_ITEM: u8 = 0x80;

/// What stands behind the path in a leaf or extension.
pub(super) enum Tail<'a> {
    /// A leaf's value.
    Value(&'a [u8]),
    /// The last item of another node.
    ItemOf(Index),
    /// An item with its header.
    Item(&'a [u8]),
    /// A reference that is not known yet.
    Pending,
}

/// The value in a branch.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    None,
    New(&'a [u8]),
    /// That of a leaf or branch.
    Of(Index),
}

/// Where the parts of a branch come from.
#[derive(Clone, Copy, Default)]
pub(super) struct Ways {
    /// The branch that children come from whose references are known.
    pub(super) template: Index,
    pub(super) children: [Index; 16],
    pub(super) mask: u16,
    /// Children whose references are not known yet.
    pub(super) pending: u16,
}

/// Writes into the heap, also from the heap.
struct Writer<'a> {
    data: &'a mut [u8],
    at: usize,
}

impl Writer<'_> {
    fn put(&mut self, byte: u8) {
        self.data[self.at] = byte;
        self.at += 1;
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.data[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    fn copy(&mut self, from: Range<usize>) {
        let len = from.len();
        self.data.copy_within(from, self.at);
        self.at += len;
    }

    fn header(&mut self, kind: u8, len: usize) {
        match u8::try_from(len) {
            Ok(short) if short < 56 => self.put(kind + short),
            _ => {
                let size = header_size(len) - 1;
                self.put(kind + 55 + u8::try_from(size).unwrap_or(8));
                self.bytes(&len.to_be_bytes()[size_of::<usize>() - size..]);
            }
        }
    }

    fn string(&mut self, bytes: &[u8]) {
        if !matches!(bytes, [0..0x80]) {
            self.header(0x80, bytes.len());
        }
        self.bytes(bytes);
    }

    fn pending(&mut self) {
        self.put(0xa0);
        self.bytes(&[0; 32]);
    }
}

/// Bytes of the header of an item of `len` bytes.
const fn header_size(len: usize) -> usize {
    if len < 56 { 1 } else { 1 + (usize::BITS - len.leading_zeros()).div_ceil(8) as usize }
}

fn string_size(bytes: &[u8]) -> usize {
    if matches!(bytes, [0..0x80]) { 1 } else { header_size(bytes.len()) + bytes.len() }
}

impl Arena {
    /// Returns where an item of a branch lies in its encoding; the last is the value.
    pub(super) fn branch_item(&self, node: Index, n: usize) -> Range<usize> {
        let slot = self.slot(node);
        let bytes = self.heap.get(slot.block);
        let mut at = item(bytes, 0).0;
        if slot.wide {
            let below = (slot.mask & mask_below(n)).count_ones() as usize;
            at += n + below * (HASH_ITEM - 1);
        } else {
            for _ in 0..n {
                at = item(bytes, at).1;
            }
        }
        at..item(bytes, at).1
    }

    /// Returns where the path and the item behind it lie in a leaf's or extension's encoding.
    pub(super) fn short_items(&self, node: Index) -> (Range<usize>, Range<usize>) {
        let bytes = self.encoding(node);
        let (start, end) = item(bytes, item(bytes, 0).0);
        (start..end, end..bytes.len())
    }

    /// Returns where the last item of a node lies: its value, or an extension's child.
    fn last_item(&self, node: Index) -> Range<usize> {
        match self.kind(node) {
            Kind::Branch => self.branch_item(node, 16),
            _ => self.short_items(node).1,
        }
    }

    /// Appends the path of a leaf or extension to the arena's, from its half byte `skip` on.
    pub(super) fn extend_path(&mut self, node: Index, skip: usize) {
        let mut path = mem::take(&mut self.path);
        path.extend(self.short_path(node).iter().skip(skip));
        self.path = path;
    }

    /// Returns the path of a leaf or extension.
    pub(super) fn short_path(&self, node: Index) -> HexPath<'_> {
        HexPath::trusted(&self.encoding(node)[self.short_items(node).0])
    }

    /// Returns the path of a leaf or extension, whether it is a leaf, and the item behind its path.
    pub(crate) fn short_parts(&self, node: Index) -> (HexPath<'_>, bool, &[u8]) {
        let tail = self.short_items(node).1;
        (self.short_path(node), self.kind(node) == Kind::Leaf, &self.encoding(node)[tail])
    }

    /// Returns a leaf's value.
    pub(super) fn leaf_value(&self, node: Index) -> &[u8] {
        let (_, value) = self.short_items(node);
        let bytes = self.encoding(node);
        let (start, end) = item(bytes, value.start);
        &bytes[start..end]
    }

    /// Returns a branch's value, empty when there is none.
    pub(super) fn branch_value(&self, node: Index) -> &[u8] {
        let bytes = self.encoding(node);
        let (start, end) = item(bytes, self.branch_item(node, 16).start);
        &bytes[start..end]
    }

    /// Where the bytes of a node's item lie in the heap.
    fn in_heap(&self, node: Index, range: Range<usize>) -> Range<usize> {
        self.slot(node).block.part(range.start, range.end)
    }

    /// Makes the leaf of a key below `depth`.
    pub(super) fn make_leaf(
        &mut self,
        depth: usize,
        key: &[u8],
        value: &[u8],
        version: u32,
    ) -> Index {
        let path_bytes = key.len() - depth / 2 + 1 - depth % 2;
        let path_size = if path_bytes == 1 { 1 } else { header_size(path_bytes) + path_bytes };
        let payload = path_size + string_size(value);
        let block = self.heap.alloc(header_size(payload) + payload);
        let mut writer = self.writer(block);
        writer.header(0xc0, payload);
        if path_bytes > 1 {
            writer.header(0x80, path_bytes);
        }
        let odd = depth % 2 == 1;
        writer.put(if odd { 0x30 | nibble(key, depth) } else { 0x20 });
        writer.bytes(&key[depth.div_ceil(2)..]);
        writer.string(value);
        self.insert(Slot { kind: Kind::Leaf, ..short_slot(block, version) })
    }

    /// Makes a leaf or extension with the path that `self.path` holds.
    pub(super) fn make_short(&mut self, kind: Kind, tail: &Tail<'_>, version: u32) -> Index {
        let leaf = kind == Kind::Leaf;
        let path = mem::take(&mut self.path);
        let path_bytes = path.len() / 2 + 1;
        let path_size = if path_bytes == 1 { 1 } else { header_size(path_bytes) + path_bytes };
        let (tail_size, from) = match tail {
            Tail::Value(value) => (string_size(value), 0..0),
            Tail::ItemOf(node) => {
                let from = self.in_heap(*node, self.last_item(*node));
                (from.len(), from)
            }
            Tail::Item(item) => (item.len(), 0..0),
            Tail::Pending => (HASH_ITEM, 0..0),
        };
        let payload = path_size + tail_size;
        let block = self.heap.alloc(header_size(payload) + payload);
        let mut writer = self.writer(block);
        writer.header(0xc0, payload);
        if path_bytes > 1 {
            writer.header(0x80, path_bytes);
        }
        let flag = if leaf { 0x20 } else { 0 };
        let (first, rest) = match path.split_first() {
            Some((nibble, rest)) if path.len() % 2 == 1 => (flag | 0x10 | nibble, rest),
            _ => (flag, path.as_slice()),
        };
        writer.put(first);
        rest.chunks_exact(2).for_each(|pair| writer.put((pair[0] << 4) | pair[1]));
        match tail {
            Tail::Value(value) => writer.string(value),
            Tail::ItemOf(_) => writer.copy(from),
            Tail::Item(item) => writer.bytes(item),
            Tail::Pending => writer.pending(),
        }
        self.path = path;
        let pending = u16::from(matches!(tail, Tail::Pending));
        self.insert(Slot { kind, pending, ..short_slot(block, version) })
    }

    /// Makes a branch of two ways or more. What is pending is written in later.
    pub(super) fn make_branch(&mut self, ways: &Ways, value: Value<'_>, version: u32) -> Index {
        let Ways { template, children, mask, pending } = *ways;
        let link = self.insert_fork(children);
        let kept_value = matches!(value, Value::Of(node) if node == template);
        let same = template != super::NONE && self.slot(template).wide && kept_value;
        if same && self.slot(template).mask == mask {
            let from = self.slot(template).block;
            let block = self.heap.alloc(from.len());
            self.writer(block).copy(from.part(0, from.len()));
            return self.insert(Slot {
                block,
                link,
                version,
                note: 0,
                mask,
                pending,
                kind: Kind::Branch,
                wide: true,
            });
        }
        let (mut items, mut payload, mut wide): ([Range<usize>; 16], _, _) =
            (Default::default(), 0, true);
        for (n, from) in items.iter_mut().enumerate() {
            let bit = 1 << n;
            payload += if mask & bit == 0 {
                1
            } else if pending & bit != 0 {
                HASH_ITEM
            } else {
                *from = self.in_heap(template, self.branch_item(template, n));
                wide &= from.len() == HASH_ITEM;
                from.len()
            };
        }
        let value_item = match value {
            Value::None | Value::New(_) => 0..0,
            Value::Of(node) => self.in_heap(node, self.last_item(node)),
        };
        payload += match value {
            Value::None => 1,
            Value::New(value) => string_size(value),
            Value::Of(_) => value_item.len(),
        };
        let block = self.heap.alloc(header_size(payload) + payload);
        let mut writer = self.writer(block);
        writer.header(0xc0, payload);
        for (n, from) in items.into_iter().enumerate() {
            let bit = 1 << n;
            if mask & bit == 0 {
                writer.put(EMPTY_ITEM);
            } else if pending & bit != 0 {
                writer.pending();
            } else {
                writer.copy(from);
            }
        }
        match value {
            Value::None => writer.put(EMPTY_ITEM),
            Value::New(value) => writer.string(value),
            Value::Of(_) => writer.copy(value_item),
        }
        let kind = Kind::Branch;
        self.insert(Slot { block, link, version, note: 0, mask, pending, kind, wide })
    }

    /// Writes the references of children that were made by this commit into their parent.
    pub(super) fn fill(&mut self, node: Index) {
        let slot = *self.slot(node);
        if slot.pending == 0 {
            return;
        }
        if slot.kind == Kind::Extension {
            self.fill_extension(node);
        } else {
            let mut pending = slot.pending;
            let mut inline = !slot.wide;
            while pending != 0 && !inline {
                let n = pending.trailing_zeros() as usize;
                pending &= pending - 1;
                let child = self.forks[slot.link as usize][n];
                let reference = &self.references[self.slot(child).note as usize];
                inline = !reference.is_hash();
                if !inline {
                    let start = self.in_heap(node, self.branch_item(node, n)).start;
                    self.heap.bytes_mut()[start + 1..start + HASH_ITEM]
                        .copy_from_slice(reference.bytes());
                }
            }
            if inline {
                self.refill_branch(node);
            }
        }
        self.slot_mut(node).pending = 0;
    }

    fn fill_extension(&mut self, node: Index) {
        let slot = *self.slot(node);
        let reference = &self.references[self.slot(slot.link).note as usize];
        let len = slot.block.len();
        if reference.is_hash() {
            let range = slot.block.part(len - 32, len);
            self.heap.bytes_mut()[range].copy_from_slice(reference.bytes());
            return;
        }
        let (path, _) = self.short_items(node);
        let mut payload = mem::take(&mut self.bytes);
        payload.clear();
        append_bytes(&mut payload, &self.encoding(node)[path]);
        payload.extend_from_slice(reference.bytes());
        self.rewrite(node, payload);
    }

    /// Encodes a branch anew, some of whose children stand in it with all their bytes.
    fn refill_branch(&mut self, node: Index) {
        let slot = *self.slot(node);
        let mut payload = mem::take(&mut self.bytes);
        payload.clear();
        let mut wide = true;
        for n in 0..17 {
            if n < 16 && slot.pending & (1 << n) != 0 {
                let child = self.forks[slot.link as usize][n];
                let reference = &self.references[self.slot(child).note as usize];
                if reference.is_hash() {
                    payload.push(0xa0);
                }
                payload.extend_from_slice(reference.bytes());
                wide &= reference.is_hash();
            } else {
                let item = self.branch_item(node, n);
                wide &= n == 16 || matches!(item.len(), 1 | HASH_ITEM);
                payload.extend_from_slice(&self.encoding(node)[item]);
            }
        }
        self.rewrite(node, payload);
        self.slot_mut(node).wide = wide;
    }

    fn rewrite(&mut self, node: Index, payload: Vec<u8>) {
        let mut header = Vec::with_capacity(9 + payload.len());
        append_header(&mut header, 0xc0, payload.len());
        header.extend_from_slice(&payload);
        let block = self.heap.replace(self.slot(node).block, &header);
        self.slot_mut(node).block = block;
        self.bytes = payload;
    }

    fn writer(&mut self, block: Block) -> Writer<'_> {
        Writer { at: block.part(0, 0).start, data: self.heap.bytes_mut() }
    }
}

const fn short_slot(block: Block, version: u32) -> Slot {
    Slot {
        block,
        link: super::NONE,
        version,
        note: 0,
        mask: 0,
        pending: 0,
        kind: Kind::Leaf,
        wide: false,
    }
}

/// The ways before the `n`-th.
const fn mask_below(n: usize) -> u16 {
    if n >= 16 { u16::MAX } else { (1 << n) - 1 }
}
