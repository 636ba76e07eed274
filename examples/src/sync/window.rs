//! The blocks that are missing next, in order, and how far each has come.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mbt_account::EMPTY_ROOT;
use mbt_consensus::{Block, BlockId, Header};

use super::event::{Millis, RequestId};

/// Most ids of imported blocks remembered, so that an older answer does not bring them back.
const IMPORTED_MAX: usize = 4_096;

/// How far a block has come.
#[derive(Clone, Debug)]
pub(super) enum Stage {
    /// Nobody was asked.
    Missing,
    /// A peer was asked.
    Asked {
        /// The last request.
        request: RequestId,
        /// When.
        since: Millis,
    },
    /// The body is being checked.
    Preparing {
        /// Its bytes.
        bytes: usize,
    },
    /// It can be imported in its turn.
    Ready {
        /// Its body's bytes.
        bytes: usize,
        /// The block.
        block: Box<Block>,
    },
    /// It was given to the chain.
    Importing,
}

/// A block that is missing.
#[derive(Clone, Debug)]
pub(super) struct Slot<P> {
    pub(super) id: BlockId,
    pub(super) header: Header,
    pub(super) stage: Stage,
    /// Peers that did not have it, or sent another body. At most one entry a peer.
    pub(super) refused: BTreeSet<P>,
}

/// The blocks that are missing next, by number: they lie on one chain of headers.
#[derive(Clone, Debug)]
pub(super) struct Window<P> {
    slots: BTreeMap<u64, Slot<P>>,
    imported: BTreeSet<BlockId>,
    imported_order: VecDeque<BlockId>,
    /// Bytes of bodies in the slots.
    pub(super) held_bytes: usize,
}

impl<P> Default for Window<P> {
    fn default() -> Self {
        Self {
            slots: BTreeMap::new(),
            imported: BTreeSet::new(),
            imported_order: VecDeque::new(),
            held_bytes: 0,
        }
    }
}

impl<P: Copy + Ord> Window<P> {
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn importing(&self) -> usize {
        self.slots.values().take_while(|slot| matches!(slot.stage, Stage::Importing)).count()
    }

    /// Takes the chain's word on which blocks are missing. What is held of them already stays.
    pub(super) fn merge(&mut self, wanted: Vec<(BlockId, Header)>) {
        let mut kept = BTreeMap::new();
        for (id, header) in wanted {
            if self.imported.contains(&id) {
                continue;
            }
            let slot = match self.slots.remove(&header.number) {
                Some(slot) if slot.id == id => slot,
                Some(other) => {
                    self.discount(&other.stage);
                    Slot::new(id, header)
                }
                None => Slot::new(id, header),
            };
            kept.insert(slot.header.number, slot);
        }
        for (number, slot) in std::mem::take(&mut self.slots) {
            if matches!(slot.stage, Stage::Importing) {
                kept.entry(number).or_insert(slot);
            } else {
                self.discount(&slot.stage);
            }
        }
        self.slots = kept;
    }

    pub(super) fn slot(&mut self, number: u64, id: &BlockId) -> Option<&mut Slot<P>> {
        self.slots.get_mut(&number).filter(|slot| slot.id == *id)
    }

    /// Moves a block on, keeping count of the bytes held.
    pub(super) fn set(&mut self, number: u64, id: &BlockId, stage: Stage) -> Option<Stage> {
        let slot = self.slots.get_mut(&number).filter(|slot| slot.id == *id)?;
        let before = std::mem::replace(&mut slot.stage, stage);
        let added = bytes_of(&slot.stage);
        self.held_bytes = self.held_bytes.saturating_sub(bytes_of(&before)).saturating_add(added);
        Some(before)
    }

    /// Puts the blocks of a request that ended back among the missing.
    pub(super) fn release(&mut self, ended: RequestId) {
        for slot in self.slots.values_mut() {
            if matches!(slot.stage, Stage::Asked { request, .. } if request == ended) {
                slot.stage = Stage::Missing;
            }
        }
    }

    /// Returns the next block to import, if its turn came.
    pub(super) fn pop_ready(&mut self) -> Option<(BlockId, Box<Block>)> {
        let (number, id) = self
            .slots
            .iter()
            .find(|(_, slot)| !matches!(slot.stage, Stage::Importing))
            .map(|(number, slot)| (*number, slot.id))?;
        if !matches!(self.slots.get(&number)?.stage, Stage::Ready { .. }) {
            return None;
        }
        match self.set(number, &id, Stage::Importing)? {
            Stage::Ready { block, .. } => Some((id, block)),
            _ => None,
        }
    }

    pub(super) fn imported(&mut self, number: u64, id: BlockId) {
        if self.slot(number, &id).is_some() {
            self.slots.remove(&number);
        }
        if self.imported.insert(id) {
            self.imported_order.push_back(id);
        }
        if self.imported_order.len() > IMPORTED_MAX
            && let Some(oldest) = self.imported_order.pop_front()
        {
            self.imported.remove(&oldest);
        }
    }

    /// Forgets all blocks; the chain will name them again.
    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.held_bytes = 0;
    }

    /// Returns the first missing block from `number` on.
    pub(super) fn first_missing(&self, number: u64) -> Option<(u64, &Slot<P>)> {
        let mut slots = self.slots.range(number..);
        slots.find(|(_, slot)| matches!(slot.stage, Stage::Missing)).map(|(n, slot)| (*n, slot))
    }

    /// Returns the run of missing blocks from `number` on.
    pub(super) fn missing_run(&self, number: u64, max: usize) -> Vec<(u64, BlockId)> {
        let mut run = Vec::new();
        for (number, slot) in self.slots.range(number..) {
            match slot.stage {
                Stage::Missing => run.push((*number, slot.id)),
                // Empty blocks are ready at once and lie between the others.
                Stage::Ready { bytes: 0, .. } => {}
                _ => break,
            }
            if run.len() == max {
                break;
            }
        }
        run
    }

    /// Returns the block that all others wait for, when a peer was asked for it.
    pub(super) fn blocking(&self) -> Option<(u64, BlockId, Millis)> {
        let waiting =
            |slot: &&Slot<P>| !matches!(slot.stage, Stage::Importing | Stage::Ready { .. });
        let slot = self.slots.values().find(waiting)?;
        match slot.stage {
            Stage::Asked { since, .. } => Some((slot.header.number, slot.id, since)),
            _ => None,
        }
    }

    /// Tells whether the block that all others wait for is `number`.
    pub(super) fn is_front(&self, number: u64) -> bool {
        let waiting =
            |slot: &&Slot<P>| !matches!(slot.stage, Stage::Importing | Stage::Ready { .. });
        self.slots.values().find(waiting).is_some_and(|slot| slot.header.number == number)
    }

    /// Lets peers be asked again for what they did not have.
    pub(super) fn forgive(&mut self) {
        for slot in self.slots.values_mut() {
            slot.refused.clear();
        }
    }

    fn discount(&mut self, stage: &Stage) {
        self.held_bytes = self.held_bytes.saturating_sub(bytes_of(stage));
    }
}

impl<P> Slot<P> {
    fn new(id: BlockId, header: Header) -> Self {
        // Nothing has to be asked for an empty body: the header says that it is empty.
        let stage = if header.transactions_root == EMPTY_ROOT {
            let block = Block { header: header.clone(), transactions: Vec::new() };
            Stage::Ready { bytes: 0, block: Box::new(block) }
        } else {
            Stage::Missing
        };
        Self { id, header, stage, refused: BTreeSet::new() }
    }
}

const fn bytes_of(stage: &Stage) -> usize {
    match stage {
        Stage::Preparing { bytes } | Stage::Ready { bytes, .. } => *bytes,
        Stage::Missing | Stage::Asked { .. } | Stage::Importing => 0,
    }
}
