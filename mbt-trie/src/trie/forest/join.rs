//! Roots put together from what the arenas made.

use alloc::vec::Vec;

use mbt_account::EMPTY_ROOT;
use mbt_crypto::{H256, keccak256, keccak256_many};

use super::{ARENAS, Batch, Committed, Forest, Stump, Top, narrow, top::Shape};
use crate::trie::{
    arena::{Index, Job, Kind, NONE, NodeRead, Reference},
    nibbles::{NodePath, append_hex_prefix},
    node::{Child, append_bytes, append_header},
};

/// The root of a trie before and after.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) old: Top,
    pub(super) new: Top,
}

/// A node below a root that was not changed, and joins its root or parts from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extra {
    pub(super) trie: usize,
    pub(super) nibble: u8,
    pub(super) node: Index,
    pub(super) joins: bool,
}

/// One trie's root in the making.
struct Join<'a, 'b, K> {
    trie: usize,
    batch: &'b Batch<'a, K>,
    old: &'b Top,
    shape: Shape<'b>,
    stumps: &'b [Option<Stump>; ARENAS],
    links: [Index; ARENAS],
}

impl<K: Copy + Ord + Sync> Forest<K> {
    /// Puts the roots of all batches together and hashes them.
    pub(super) fn join_all<R: NodeRead>(
        &mut self,
        read: &R,
        batches: &[Batch<'_, K>],
        tops: Vec<Top>,
        stumps: &[[Option<Stump>; ARENAS]],
        committed: &mut Committed<'_>,
    ) -> Result<(), R::Error> {
        let version = self.version();
        for (trie, (old, stumps)) in tops.into_iter().zip(stumps).enumerate() {
            let batch = &batches[trie];
            let shape = old.shape();
            let shape = shape
                .ok_or_else(|| read.corrupt(trie, NodePath::ROOT, "a root node is malformed"))?;
            let join = Join { trie, batch, shape, stumps, links: old.links, old: &old };
            let new = self.join(read, join, version, &mut committed.extras)?;
            committed.joined.push(Joined { new: new.unwrap_or_else(|| old.clone()), old });
        }
        let joined = &mut committed.joined;
        let mut hashes = alloc::vec![H256::zero(); joined.len()];
        keccak256_many(joined.iter().map(|joined| joined.new.root.as_slice()), |n, hash| {
            hashes[n] = hash;
        });
        for ((Joined { new, .. }, hash), batch) in joined.iter_mut().zip(hashes).zip(batches) {
            new.hash = if new.root.is_empty() { EMPTY_ROOT } else { hash };
            if let Some(version) = self.versions.last_mut()
                && new.version == version.id
            {
                version.tops.insert(batch.name, new.clone());
            }
        }
        Ok(())
    }

    /// Puts a root together; `None` when nothing is changed. Its hash is left open.
    fn join<R: NodeRead>(
        &mut self,
        read: &R,
        mut join: Join<'_, '_, K>,
        version: u32,
        extras: &mut Vec<Extra>,
    ) -> Result<Option<Top>, R::Error> {
        let own = join.batch.changes.first().filter(|change| change.ends_at(0));
        let value = own.map_or(join.shape.value, |change| change.value);
        let (mut mask, mut changed) = (join.shape.mask, value != join.shape.value);
        for (nibble, stump) in join.stumps.iter().enumerate() {
            let Some(Stump { old, new }) = *stump else { continue };
            join.links[nibble] = new;
            changed |= old != new;
            mask = mask & !(1 << nibble) | u16::from(new != NONE) << nibble;
        }
        if !changed {
            return Ok(None);
        }
        let mut payload = Vec::with_capacity(17 * 33 + value.len());
        let forked = match (mask.count_ones(), value.is_empty()) {
            (0, true) => return Ok(Some(Top::empty(version))),
            (0, false) => {
                append_bytes(&mut payload, &[0x20]);
                append_bytes(&mut payload, value);
                false
            }
            (1, true) => {
                let nibble = narrow(mask.trailing_zeros() as usize);
                self.append_lengthened(read, &mut join, nibble, extras, &mut payload)?;
                false
            }
            _ => {
                for nibble in 0..16 {
                    if mask & (1 << nibble) == 0 {
                        payload.push(0x80);
                    } else {
                        self.append_reference(read, &mut join, nibble, extras, &mut payload)?;
                    }
                }
                append_bytes(&mut payload, value);
                true
            }
        };
        let mut root = Vec::with_capacity(payload.len() + 3);
        append_header(&mut root, 0xc0, payload.len());
        root.append(&mut payload);
        let Join { links, .. } = join;
        Ok(Some(Top { links, root, hash: EMPTY_ROOT, forked, version }))
    }

    /// Appends the items of a root that is no branch: what stands below the half byte, with that
    /// half byte in front.
    fn append_lengthened<R: NodeRead>(
        &mut self,
        read: &R,
        join: &mut Join<'_, '_, K>,
        nibble: u8,
        extras: &mut Vec<Extra>,
        payload: &mut Vec<u8>,
    ) -> Result<(), R::Error> {
        let node = self.stump(read, join, nibble)?;
        let arena = &self.arenas[usize::from(nibble)];
        let mut prefix = Vec::with_capacity(33);
        if arena.kind(node) == Kind::Branch {
            append_hex_prefix(&mut prefix, &[nibble], false);
            append_bytes(payload, &prefix);
            return self.append_reference(read, join, nibble, extras, payload);
        }
        let (path, leaf, tail) = arena.short_parts(node);
        let path: Vec<u8> = core::iter::once(nibble).chain(path.iter()).collect();
        append_hex_prefix(&mut prefix, &path, leaf);
        append_bytes(payload, &prefix);
        payload.extend_from_slice(tail);
        let kept = join.stumps[usize::from(nibble)].is_none_or(|stump| stump.old == stump.new);
        if kept && join.old.forked {
            extras.push(Extra { trie: join.trie, nibble, node, joins: true });
        }
        Ok(())
    }

    /// Appends how what stands below a half byte is written into the root.
    fn append_reference<R: NodeRead>(
        &mut self,
        read: &R,
        join: &mut Join<'_, '_, K>,
        nibble: u8,
        extras: &mut Vec<Extra>,
        payload: &mut Vec<u8>,
    ) -> Result<(), R::Error> {
        let at = usize::from(nibble);
        let changed = join.stumps[at].filter(|stump| stump.old != stump.new);
        let reference = match (changed, join.shape.children[at]) {
            (Some(Stump { new, .. }), _) => *self.arenas[at].reference(new),
            (None, Some(Child::Hash(hash))) => Reference::hash(H256(*hash)),
            (None, Some(Child::Inline(bytes))) => Reference::inline(bytes),
            (None, None) => {
                let node = self.stump(read, join, nibble)?;
                let arena = &self.arenas[at];
                if arena.kind(node) != Kind::Branch {
                    extras.push(Extra { trie: join.trie, nibble, node, joins: false });
                }
                let encoding = arena.encoding(node);
                if encoding.len() < 32 {
                    Reference::inline(encoding)
                } else {
                    Reference::hash(keccak256(encoding))
                }
            }
        };
        if reference.is_hash() {
            payload.push(0xa0);
        }
        payload.extend_from_slice(reference.bytes());
        Ok(())
    }

    /// Returns what stands below a half byte, which is not nothing.
    fn stump<R: NodeRead>(
        &mut self,
        read: &R,
        join: &mut Join<'_, '_, K>,
        nibble: u8,
    ) -> Result<Index, R::Error> {
        let at = usize::from(nibble);
        if join.links[at] == NONE {
            let job = Job { trie: join.trie, changes: join.batch.changes };
            let Top { root, version, .. } = join.old;
            let arena = &mut self.arenas[at];
            let node = arena.enter(read, (0, &job), root, nibble, *version)?;
            arena.check_loaded(read, &[job])?;
            join.links[at] = node;
            self.keep_stump(&join.batch.name, at, node);
        }
        Ok(join.links[at])
    }
}
