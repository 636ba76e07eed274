//! The Merkle mountain range over a header's ancestors.

use mbt_crypto::{H256, keccak256};
use mbt_trie::StoreError;

use crate::{SealedHeader, table};

/// The peaks of a range that ends in one block.
#[derive(Clone, Debug, Default)]
pub(crate) struct Range {
    peaks: Vec<(u32, H256)>,
}

impl Range {
    /// A node that should be stored is not.
    pub(crate) const MISSING: StoreError =
        StoreError::Corrupt { column: table::ANCESTORS, what: "a node is missing" };

    pub(crate) fn root(&self) -> H256 {
        if self.peaks.is_empty() {
            return H256::zero();
        }
        keccak256(self.peaks.iter().flat_map(|p| p.1.0).collect::<Vec<u8>>())
    }

    pub(crate) fn append(&mut self, last: &SealedHeader) -> Vec<(u32, Vec<u8>)> {
        let mut node = (0, keccak256(last.id.as_bytes()));
        let mut out = vec![(0, node.1.0.to_vec())];
        while let Some(p) = self.peaks.pop() {
            if p.0 != node.0 {
                self.peaks.push(p);
                break;
            }
            node = (node.0 + 1, keccak256([p.1.0, node.1.0].concat()));
            out.push((node.0, node.1.0.to_vec()));
        }
        self.peaks.push(node);
        out
    }

    pub(crate) fn restore(
        last: u64,
        node: impl Fn(u64, u32) -> Result<Option<Vec<u8>>, StoreError>,
    ) -> Result<Self, StoreError> {
        let leaves = last + 1;
        let (mut peaks, mut end) = (Vec::new(), 0);
        for level in (0..64).rev() {
            if leaves >> level & 1 == 1 {
                end += 1 << level;
                let bytes = node(end - 1, level)?.ok_or(Self::MISSING)?;
                peaks.push((level, H256(bytes.try_into().map_err(|_| Self::MISSING)?)));
            }
        }
        Ok(Self { peaks })
    }
}
