//! A Merkle mountain range over block ids, whose nodes say how much work and what span of heights,
//! times and targets lie below them (SPEC 5, after ZIP-221).
//!
//! The leaves fill perfect binary trees, the peaks, largest first. The peaks are joined from the
//! right, so that the last join says everything of the whole range; the root is the hash of that
//! node's encoding and the number of leaves.

use alloc::vec::Vec;

use mbt_account::codec::{Decode, DecodeError, Reader};
use mbt_crypto::{H256, Keccak256, U256};
use rlp::{Encodable, RlpStream};

/// Starts what an inner node's hash covers.
const NODE_DOMAIN: &[u8] = b"MBT-MMR-NODE-1";
/// Starts what a root covers.
const ROOT_DOMAIN: &[u8] = b"MBT-MMR-ROOT-1";
/// Levels that nodes can have: leaves are counted in 64 bits.
const LEVELS_MAX: usize = 64;

/// A node: a block, or everything of a span of blocks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MmrNode {
    /// A leaf's block id; of an inner node the hash of the two below it.
    pub hash: H256,
    /// Sum of the blocks' nominal work.
    pub work: U256,
    /// Number of the first block.
    pub first_height: u64,
    /// Number of the last block.
    pub last_height: u64,
    /// Timestamp of the first block.
    pub first_time: u64,
    /// Timestamp of the last block.
    pub last_time: u64,
    /// Nominal target of the first block.
    pub first_target: U256,
    /// Nominal target of the last block.
    pub last_target: U256,
}

/// Why a range cannot be made, or an inclusion is not proved.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MmrError {
    /// Two spans that are not next to each other.
    #[error("height {found} follows {last}")]
    NotNext {
        /// The last height on the left.
        last: u64,
        /// The first height on the right.
        found: u64,
    },
    /// The sum of work exceeds 256 bits, or the number of leaves 64 bits.
    #[error("sum of work or count of leaves overflows")]
    Overflow,
    /// The leaf lies behind the end of the range.
    #[error("leaf {index} is not among {count}")]
    NoSuchLeaf {
        /// The leaf's place.
        index: u64,
        /// Leaves in the range.
        count: u64,
    },
    /// The source has no such node.
    #[error("node {index} of level {level} is missing")]
    MissingNode {
        /// Its level; leaves have 0.
        level: u32,
        /// Its place on the level.
        index: u64,
    },
    /// A leaf that spans more than one block, or a node of a span that its place does not have.
    #[error("node spans {found} blocks, its place {expected}")]
    WrongSpan {
        /// Blocks below its place.
        expected: u64,
        /// Blocks that it says it spans.
        found: u64,
    },
    /// The proof has another number of nodes than the leaf's place asks for.
    #[error("proof has {found} nodes, expected {expected}")]
    WrongLength {
        /// Nodes between leaf and root.
        expected: usize,
        /// Nodes given.
        found: usize,
    },
    /// The proof is of another range.
    #[error("proof leads to root {found:#x}, not {expected:#x}")]
    WrongRoot {
        /// The root asked for.
        expected: H256,
        /// The root of leaf and proof.
        found: H256,
    },
}

impl MmrNode {
    /// Makes a leaf: a block's id and its own figures.
    #[must_use]
    pub const fn leaf(id: H256, work: U256, height: u64, time: u64, target: U256) -> Self {
        Self {
            hash: id,
            work,
            first_height: height,
            last_height: height,
            first_time: time,
            last_time: time,
            first_target: target,
            last_target: target,
        }
    }

    /// Joins two neighbouring spans.
    ///
    /// # Errors
    /// [`MmrError::NotNext`] and [`MmrError::Overflow`].
    pub fn join(&self, right: &Self) -> Result<Self, MmrError> {
        if self.last_height.checked_add(1) != Some(right.first_height) {
            return Err(MmrError::NotNext { last: self.last_height, found: right.first_height });
        }
        let mut hasher = Keccak256::new();
        hasher.update(NODE_DOMAIN);
        hasher.update(rlp::encode(self));
        hasher.update(rlp::encode(right));
        Ok(Self {
            hash: hasher.finalize(),
            work: self.work.checked_add(right.work).ok_or(MmrError::Overflow)?,
            first_height: self.first_height,
            last_height: right.last_height,
            first_time: self.first_time,
            last_time: right.last_time,
            first_target: self.first_target,
            last_target: right.last_target,
        })
    }

    /// Checks that the node spans as many blocks as lie below its place.
    fn check_span(&self, expected: u64) -> Result<(), MmrError> {
        let found = self.last_height.saturating_sub(self.first_height).saturating_add(1);
        if self.last_height >= self.first_height && found == expected {
            Ok(())
        } else {
            Err(MmrError::WrongSpan { expected, found })
        }
    }
}

impl Encodable for MmrNode {
    fn rlp_append(&self, stream: &mut RlpStream) {
        stream.begin_list(8).append(&self.hash).append(&self.work);
        stream.append(&self.first_height).append(&self.last_height);
        stream.append(&self.first_time).append(&self.last_time);
        stream.append(&self.first_target).append(&self.last_target);
    }
}

impl Decode for MmrNode {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = reader.list()?;
        let node = Self {
            hash: fields.hash()?,
            work: fields.u256()?,
            first_height: fields.u64()?,
            last_height: fields.u64()?,
            first_time: fields.u64()?,
            last_time: fields.u64()?,
            first_target: fields.u256()?,
            last_target: fields.u256()?,
        };
        fields.finish()?;
        if node.first_height > node.last_height {
            return Err(DecodeError::OutOfRange("last_height"));
        }
        Ok(node)
    }
}

/// Accumulates blocks. Only the peaks are held: one node per bit set in the count.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct MerkleMountainRange {
    count: u64,
    /// The largest first.
    peaks: Vec<MmrNode>,
}

impl MerkleMountainRange {
    /// Makes a range without blocks.
    #[must_use]
    pub const fn new() -> Self {
        Self { count: 0, peaks: Vec::new() }
    }

    /// Makes the range of `count` blocks from its nodes. The source is asked for each peak by level
    /// and place on the level; the last leaf below a node is [`MerkleMountainRange::last_leaf`].
    ///
    /// # Errors
    /// The source's, and [`MmrError`] when a node is missing or belongs elsewhere.
    pub fn restore<E: From<MmrError>>(
        count: u64,
        mut node: impl FnMut(u32, u64) -> Result<Option<MmrNode>, E>,
    ) -> Result<Self, E> {
        let mut range = Self { count, peaks: Vec::new() };
        for (level, index) in peaks(count) {
            let peak = fetch(&mut node, level, index)?;
            if let Some(last) = range.peaks.last()
                && last.last_height.checked_add(1) != Some(peak.first_height)
            {
                let (last, found) = (last.last_height, peak.first_height);
                return Err(MmrError::NotNext { last, found }.into());
            }
            range.peaks.push(peak);
        }
        Ok(range)
    }

    /// Returns the number of blocks.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Returns the peaks, the largest first.
    #[must_use]
    pub fn peaks(&self) -> &[MmrNode] {
        &self.peaks
    }

    /// Appends a block and returns the nodes that end in it, by level: the leaf itself, then each
    /// inner node that it completes.
    ///
    /// # Errors
    /// [`MmrError`]: the range is as before.
    pub fn append(&mut self, leaf: MmrNode) -> Result<Vec<MmrNode>, MmrError> {
        leaf.check_span(1)?;
        let count = self.count.checked_add(1).ok_or(MmrError::Overflow)?;
        let completed = usize::try_from(count.trailing_zeros()).unwrap_or(LEVELS_MAX);
        if let Some(last) = self.peaks.last()
            && last.last_height.checked_add(1) != Some(leaf.first_height)
        {
            let (last, found) = (last.last_height, leaf.first_height);
            return Err(MmrError::NotNext { last, found });
        }
        let mut nodes = Vec::with_capacity(completed + 1);
        let mut top = leaf;
        nodes.push(top);
        for left in self.peaks.iter().rev().take(completed) {
            top = left.join(&top)?;
            nodes.push(top);
        }
        self.whole_with(&top, completed)?;
        self.peaks.truncate(self.peaks.len().saturating_sub(completed));
        self.peaks.push(top);
        self.count = count;
        Ok(nodes)
    }

    /// Joins the peaks that stay with the new last one, which refuses what could have no root.
    fn whole_with(&self, last: &MmrNode, completed: usize) -> Result<MmrNode, MmrError> {
        self.peaks.iter().rev().skip(completed).try_fold(*last, |right, left| left.join(&right))
    }

    /// Returns the node of the whole range; none of an empty one.
    ///
    /// # Errors
    /// [`MmrError`], which a range made by [`MerkleMountainRange::append`] has not.
    pub fn whole(&self) -> Result<Option<MmrNode>, MmrError> {
        match self.peaks.split_last() {
            None => Ok(None),
            Some((last, rest)) => {
                rest.iter().rev().try_fold(*last, |right, left| left.join(&right)).map(Some)
            }
        }
    }

    /// Returns the root, which commits to all blocks, their order, number, work, heights, times
    /// and targets.
    ///
    /// # Errors
    /// As [`MerkleMountainRange::whole`].
    pub fn root(&self) -> Result<H256, MmrError> {
        Ok(root_of(self.count, self.whole()?.as_ref()))
    }

    /// Returns the place of the last leaf below a node.
    #[must_use]
    pub fn last_leaf(level: u32, index: u64) -> Option<u64> {
        index.checked_add(1)?.checked_mul(1_u64.checked_shl(level)?)?.checked_sub(1)
    }
}

fn root_of(count: u64, whole: Option<&MmrNode>) -> H256 {
    let mut hasher = Keccak256::new();
    hasher.update(ROOT_DOMAIN);
    hasher.update(count.to_be_bytes());
    if let Some(whole) = whole {
        hasher.update(rlp::encode(whole));
    }
    hasher.finalize()
}

/// Visits level and place of each peak of a range of `count` leaves, the largest first.
fn peaks(count: u64) -> impl DoubleEndedIterator<Item = (u32, u64)> {
    let is_set = move |level: &u32| (count >> level) & 1 == 1;
    (0..64).rev().filter(is_set).map(move |level| (level, (count >> level).saturating_sub(1)))
}

fn fetch<E: From<MmrError>>(
    node: &mut impl FnMut(u32, u64) -> Result<Option<MmrNode>, E>,
    level: u32,
    index: u64,
) -> Result<MmrNode, E> {
    let node = node(level, index)?.ok_or(MmrError::MissingNode { level, index })?;
    node.check_span(1 << level)?;
    Ok(node)
}

/// Proves that a block stands at a place of a range.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AncestorProof {
    /// Leaves in the range.
    pub count: u64,
    /// The leaf's place.
    pub index: u64,
    /// The leaf.
    pub leaf: MmrNode,
    /// From the leaf up: its neighbours to the peak above it, then the peaks to its right joined,
    /// if there are any, then the peaks to its left, the next first.
    pub nodes: Vec<MmrNode>,
}

/// A step from a leaf up to the root.
enum Step {
    /// The node at this place stands to the left.
    Left(u32, u64),
    /// The node at this place stands to the right.
    Right(u32, u64),
    /// The peaks behind this many leaves, joined, stand to the right.
    RightPeaks(u64),
}

/// Returns the steps from a leaf to the root; `None` when there is no such leaf.
fn steps(count: u64, index: u64) -> Option<Vec<Step>> {
    let peaks: Vec<_> = peaks(count).collect();
    let end = |&(level, place): &(u32, u64)| MerkleMountainRange::last_leaf(level, place);
    let own = peaks.iter().position(|peak| end(peak).is_some_and(|last| index <= last))?;
    let (peak_level, _) = *peaks.get(own)?;
    let mut steps = Vec::new();
    for level in 0..peak_level {
        let place = index >> level;
        steps.push(if place & 1 == 1 {
            Step::Left(level, place - 1)
        } else {
            Step::Right(level, place + 1)
        });
    }
    if own + 1 < peaks.len() {
        steps.push(Step::RightPeaks(end(peaks.get(own)?)? + 1));
    }
    steps.extend(peaks.iter().take(own).rev().map(|(level, place)| Step::Left(*level, *place)));
    Some(steps)
}

impl AncestorProof {
    /// Proves the leaf at `index` of a range of `count` leaves, whose nodes the source returns by
    /// level and place on the level.
    ///
    /// # Errors
    /// The source's, and [`MmrError`] when there is no such leaf, or a node is missing.
    pub fn new<E: From<MmrError>>(
        count: u64,
        index: u64,
        mut node: impl FnMut(u32, u64) -> Result<Option<MmrNode>, E>,
    ) -> Result<Self, E> {
        let steps = steps(count, index).ok_or(MmrError::NoSuchLeaf { index, count })?;
        let leaf = fetch(&mut node, 0, index)?;
        let mut nodes = Vec::with_capacity(steps.len());
        for step in steps {
            nodes.push(match step {
                Step::Left(level, place) | Step::Right(level, place) => {
                    fetch(&mut node, level, place)?
                }
                Step::RightPeaks(behind) => right_peaks(count, behind, &mut node)?,
            });
        }
        Ok(Self { count, index, leaf, nodes })
    }

    /// Verifies that the range of `root` has `count` leaves, and `leaf` at `index`. Returns the
    /// node of the whole range, for its sum of work.
    ///
    /// # Errors
    /// [`MmrError`]. A proof that was accepted is the only one.
    pub fn verify(&self, root: H256) -> Result<MmrNode, MmrError> {
        let missing = MmrError::NoSuchLeaf { index: self.index, count: self.count };
        let steps = steps(self.count, self.index).ok_or(missing)?;
        let (expected, found) = (steps.len(), self.nodes.len());
        if expected != found {
            return Err(MmrError::WrongLength { expected, found });
        }
        self.leaf.check_span(1)?;
        let mut whole = self.leaf;
        for (step, node) in steps.iter().zip(&self.nodes) {
            match step {
                Step::Left(level, _) => {
                    node.check_span(1 << level)?;
                    whole = node.join(&whole)?;
                }
                Step::Right(level, _) => {
                    node.check_span(1 << level)?;
                    whole = whole.join(node)?;
                }
                Step::RightPeaks(behind) => {
                    node.check_span(self.count.saturating_sub(*behind))?;
                    whole = whole.join(node)?;
                }
            }
        }
        match root_of(self.count, Some(&whole)) {
            found if found == root => Ok(whole),
            found => Err(MmrError::WrongRoot { expected: root, found }),
        }
    }
}

/// Joins the peaks behind so many leaves, from the right.
fn right_peaks<E: From<MmrError>>(
    count: u64,
    behind: u64,
    node: &mut impl FnMut(u32, u64) -> Result<Option<MmrNode>, E>,
) -> Result<MmrNode, E> {
    let mut joined: Option<MmrNode> = None;
    for (level, place) in peaks(count).rev() {
        if place << level < behind {
            break;
        }
        let peak = fetch(node, level, place)?;
        joined = Some(match joined {
            None => peak,
            Some(right) => peak.join(&right)?,
        });
    }
    joined.ok_or_else(|| MmrError::NoSuchLeaf { index: behind, count }.into())
}

impl Encodable for AncestorProof {
    fn rlp_append(&self, stream: &mut RlpStream) {
        stream.begin_list(4).append(&self.count).append(&self.index).append(&self.leaf);
        stream.append_list(&self.nodes);
    }
}

impl Decode for AncestorProof {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = reader.list()?;
        let proof = Self {
            count: fields.u64()?,
            index: fields.u64()?,
            leaf: MmrNode::read(&mut fields)?,
            nodes: fields.list_of("nodes", 2 * LEVELS_MAX, MmrNode::read)?,
        };
        fields.finish()?;
        Ok(proof)
    }
}
