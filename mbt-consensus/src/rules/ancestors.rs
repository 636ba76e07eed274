//! The Merkle mountain range over a header's ancestors.

use mbt_account::codec::Decode;
use mbt_crypto::H256;
use mbt_trie::{MerkleMountainRange, MmrError, MmrNode, StoreError};

use crate::{SealedHeader, rules::seal::nominal_work, table};

/// The range over a chain's blocks up to one of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Range(MerkleMountainRange);

const fn corrupt(what: &'static str) -> StoreError {
    StoreError::Corrupt { column: table::ANCESTORS, what }
}

impl Range {
    /// A node that should be stored is not.
    pub(crate) const MISSING: StoreError = corrupt("a node is missing");

    /// Returns what the header behind the range commits to.
    pub(crate) fn root(&self) -> Result<H256, StoreError> {
        self.0.root().map_err(|_| corrupt("the peaks do not join"))
    }

    /// Appends a block and returns the nodes that end in it: the leaf, then level by level.
    pub(crate) fn append(&mut self, block: &SealedHeader) -> Result<Vec<Vec<u8>>, StoreError> {
        let work = nominal_work(block.target);
        let leaf = MmrNode::leaf(block.id.0, work, block.number, block.timestamp, block.target);
        let nodes = self.0.append(leaf).map_err(|_| corrupt("a block does not follow"))?;
        Ok(nodes.iter().map(|node| rlp::encode(node).to_vec()).collect())
    }

    /// Tells whether the last block of the range is this one.
    pub(crate) fn ends_in(&self, block: &SealedHeader) -> bool {
        let Some(last) = self.0.peaks().last() else { return false };
        last.last_height == block.number
            && last.last_time == block.timestamp
            && last.last_target == block.target
            && (last.first_height != block.number || last.hash == block.id.0)
    }

    /// Reads the range up to block `last`. The source is asked for nodes by the number of the last
    /// block below them and their level.
    pub(crate) fn restore(
        last: u64,
        node: impl Fn(u64, u32) -> Result<Option<Vec<u8>>, StoreError>,
    ) -> Result<Self, StoreError> {
        let range = MerkleMountainRange::restore(last.saturating_add(1), |level, index| {
            let number = MerkleMountainRange::last_leaf(level, index).ok_or(Self::MISSING)?;
            let Some(bytes) = node(number, level)? else { return Ok(None) };
            let node = MmrNode::decode(&bytes).map_err(|_| corrupt("a node cannot be decoded"))?;
            Ok::<_, RestoreError>(Some(node))
        });
        range.map(Self).map_err(|RestoreError(error)| error)
    }
}

/// What a source says, or what the range says of the source.
struct RestoreError(StoreError);

impl From<StoreError> for RestoreError {
    fn from(error: StoreError) -> Self {
        Self(error)
    }
}

impl From<MmrError> for RestoreError {
    fn from(error: MmrError) -> Self {
        Self(match error {
            MmrError::MissingNode { .. } => Range::MISSING,
            _ => corrupt("nodes do not lie next to each other"),
        })
    }
}
