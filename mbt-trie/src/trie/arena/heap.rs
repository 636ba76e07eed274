//! Byte strings of many lengths in one piece of memory.

use alloc::vec::Vec;
use core::ops::Range;

/// Blocks start at multiples of this, so that 32 bits address 64 GiB.
const UNIT: usize = 16;
/// Up to so many units a block is as long as it has to be, above that a power of two.
const EXACT_UNITS: usize = 64;

/// A heap of byte blocks. Freed blocks are used again for others of their size class.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heap {
    data: Vec<u8>,
    /// First bytes that were never used.
    end: usize,
    /// Freed blocks by size class.
    free: Vec<Vec<u32>>,
    used: usize,
}

/// Where a block lies in a [`Heap`], and how many of its bytes are meant.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Block {
    unit: u32,
    len: u32,
}

impl Block {
    pub(crate) const fn len(self) -> usize {
        self.len as usize
    }

    const fn start(self) -> usize {
        self.unit as usize * UNIT
    }

    /// Returns where a part of the block lies.
    pub(crate) const fn part(self, from: usize, to: usize) -> Range<usize> {
        self.start() + from..self.start() + to
    }
}

/// Returns a length's size class and units.
fn class(len: usize) -> (usize, usize) {
    let units = len.div_ceil(UNIT).max(1);
    if units <= EXACT_UNITS {
        (units, units)
    } else {
        let units = units.next_power_of_two();
        (EXACT_UNITS + units.ilog2() as usize, units)
    }
}

fn narrow(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

impl Heap {
    /// Takes a block of `len` bytes with whatever they hold.
    pub(crate) fn alloc(&mut self, len: usize) -> Block {
        let (class, units) = class(len);
        self.used += units * UNIT;
        if let Some(unit) = self.free.get_mut(class).and_then(Vec::pop) {
            return Block { unit, len: narrow(len) };
        }
        let start = self.end;
        self.end += units * UNIT;
        if self.end > self.data.len() {
            // By eighths, as a large heap is moved cheaply and should not be half empty.
            let grown = self.end + (self.data.len() / 8).max(4096);
            self.data.reserve_exact(grown - self.data.len());
            self.data.resize(grown, 0);
        }
        Block { unit: narrow(start / UNIT), len: narrow(len) }
    }

    /// Gives back a block.
    pub(crate) fn free(&mut self, block: Block) {
        let (class, units) = class(block.len());
        self.used -= units * UNIT;
        if self.free.len() <= class {
            self.free.resize(class + 1, Vec::new());
        }
        self.free[class].push(block.unit);
    }

    /// Takes a block for a copy of `bytes`.
    pub(crate) fn store(&mut self, bytes: &[u8]) -> Block {
        let block = self.alloc(bytes.len());
        self.get_mut(block).copy_from_slice(bytes);
        block
    }

    pub(crate) fn get(&self, block: Block) -> &[u8] {
        &self.data[block.part(0, block.len())]
    }

    pub(crate) fn get_mut(&mut self, block: Block) -> &mut [u8] {
        &mut self.data[block.part(0, block.len())]
    }

    /// Returns all bytes, in which [`Block::part`] finds a block's.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.data
    }

    /// Puts other bytes in a block's place, which may move it.
    pub(crate) fn replace(&mut self, block: Block, bytes: &[u8]) -> Block {
        if class(block.len()) == class(bytes.len()) {
            let block = Block { len: narrow(bytes.len()), ..block };
            self.get_mut(block).copy_from_slice(bytes);
            return block;
        }
        self.free(block);
        self.store(bytes)
    }

    /// Forgets all blocks and keeps their room.
    pub(crate) fn clear(&mut self) {
        self.end = 0;
        self.used = 0;
        self.free.iter_mut().for_each(Vec::clear);
    }

    /// Returns the bytes that blocks take.
    pub(crate) const fn used(&self) -> usize {
        self.used
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_hold_their_bytes_and_are_used_again() {
        let mut heap = Heap::default();
        let lengths = [0, 1, 15, 16, 17, 1024, 1025, 5000, 100_000];
        let blocks: Vec<_> =
            lengths.iter().zip(1..).map(|(len, byte)| heap.store(&vec![byte; *len])).collect();
        for ((block, len), byte) in blocks.iter().zip(lengths).zip(1..) {
            assert_eq!(heap.get(*block), vec![byte; len]);
        }
        let end = heap.end;
        for block in blocks {
            heap.free(block);
        }
        assert_eq!(heap.used(), 0);
        for len in lengths {
            heap.alloc(len);
        }
        assert_eq!(heap.end, end, "a freed block was not used again");
    }
}
