//! What a chain needs to go on from its head without the blocks before it: the headers that rules
//! look back at, and the peaks of the range over all ancestors.

use std::{collections::BTreeSet, sync::Arc};

use mbt_account::codec::{Decode, DecodeError, Reader};
use mbt_crypto::U256;
use mbt_trie::{KeyValueRead, StoreError, WriteBatch};
use rlp::RlpStream;

use crate::{
    BlockId, ChainSnapshot, Header, SealedHeader,
    chain::HISTORY_IN_MEMORY_MAX,
    rules::{ancestors::Range, seal::nominal_work},
    table,
};

/// Most headers and peaks that are read.
const ITEMS_MAX: usize = 32_768;

/// The end of a chain, for a node that begins there: recent headers and those that the range over
/// the ancestors needs, lowest first. Whoever hands it over is trusted that it is the chain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StartingPoint {
    headers: Vec<SealedHeader>,
    /// Level and encoding of a node of the range, with the number of the last block below it.
    peaks: Vec<(u64, u32, Vec<u8>)>,
}

/// Why a starting point is refused.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// It cannot be decoded.
    #[error("starting point is malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// Headers that are missing or do not follow one another.
    #[error("starting point: header {number} does not fit: {what}")]
    Header {
        /// The header's number.
        number: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// The ancestors are not those that the head commits to.
    #[error("starting point: the ancestors of block {number} have another root")]
    Ancestors {
        /// The head's number.
        number: u64,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

const GAP: StoreError =
    StoreError::Corrupt { column: table::CANONICAL, what: "the executed chain has a gap" };

/// Peaks of the range over the blocks up to `last`: the last block below each, and its level.
fn peaks_up_to(last: u64) -> Vec<(u64, u32)> {
    let count = last.saturating_add(1);
    let mut start = 0_u64;
    let levels = (0..64_u32).rev().filter(|level| count >> level & 1 == 1);
    let peak = |level: u32| {
        start = start.saturating_add(1 << level);
        (start.saturating_sub(1), level)
    };
    levels.map(peak).collect()
}

impl<R: KeyValueRead> ChainSnapshot<R> {
    /// Returns what another node needs to begin at this head.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn starting_point(&self) -> Result<StartingPoint, StoreError> {
        let head = self.head().number;
        let mut numbers: BTreeSet<u64> =
            (head.saturating_sub(HISTORY_IN_MEMORY_MAX)..=head).collect();
        numbers.insert(0);
        let peaks = peaks_up_to(head);
        numbers.extend(peaks.iter().map(|(last, _)| *last));
        let header = |number| self.header_at(number)?.ok_or(GAP);
        let node = |(last, level): (u64, u32)| {
            let id = self.id_at(last)?.ok_or(GAP)?;
            let node =
                self.store().get(table::ANCESTORS, &table::ancestor_key(last, &id, level))?;
            Ok((last, level, node.ok_or(Range::MISSING)?))
        };
        Ok(StartingPoint {
            headers: numbers.into_iter().map(header).collect::<Result<_, StoreError>>()?,
            peaks: peaks.into_iter().map(node).collect::<Result<_, StoreError>>()?,
        })
    }
}

impl StartingPoint {
    /// Returns the head.
    ///
    /// # Errors
    /// [`StartError::Header`]: there is none.
    pub fn head(&self) -> Result<&SealedHeader, StartError> {
        self.headers.last().ok_or(StartError::Header { number: 0, what: "there is none" })
    }

    /// Returns the id of the genesis block.
    ///
    /// # Errors
    /// [`StartError::Header`]: it is missing.
    pub fn genesis_id(&self) -> Result<BlockId, StartError> {
        self.id_at(0)
    }

    /// Encodes it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new_list(2);
        stream.begin_list(self.headers.len());
        for header in &self.headers {
            stream.begin_list(2).append(&header.total_work).append(&*header.header);
        }
        stream.begin_list(self.peaks.len());
        for (last, level, node) in &self.peaks {
            stream.begin_list(3).append(last).append(&u64::from(*level)).append(node);
        }
        stream.out().to_vec()
    }

    /// Decodes it, and checks that everything in it fits together.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, StartError> {
        let mut reader = Reader::new(bytes);
        let mut fields = reader.list()?;
        let headers = fields.list_of("headers", ITEMS_MAX, |item| {
            let mut fields = item.list()?;
            let total_work: U256 = fields.u256()?;
            let header = Header::read(&mut fields)?;
            fields.finish()?;
            Ok(SealedHeader { id: header.id(), header: Arc::new(header), total_work })
        })?;
        let peaks = fields.list_of("peaks", ITEMS_MAX, |item| {
            let mut fields = item.list()?;
            let (last, level, node) = (fields.u64()?, fields.u64()?, fields.bytes()?.to_vec());
            fields.finish()?;
            let level = u32::try_from(level).map_err(|_| DecodeError::OutOfRange("level"))?;
            Ok((last, level, node))
        })?;
        fields.finish()?;
        reader.finish()?;
        let start = Self { headers, peaks };
        start.check()?;
        Ok(start)
    }

    fn check(&self) -> Result<(), StartError> {
        let refused = |number, what| Err(StartError::Header { number, what });
        let head = self.head()?;
        let mut last: Option<&SealedHeader> = None;
        for header in &self.headers {
            let number = header.number;
            match last {
                None if number != 0 => return refused(number, "the first is not genesis"),
                Some(last) if number <= last.number => {
                    return refused(number, "it is out of order");
                }
                Some(last) if number == last.number.saturating_add(1) => {
                    if header.parent_hash != last.id {
                        return refused(number, "its parent is another");
                    }
                    let work = last.total_work.checked_add(nominal_work(header.target));
                    if work != Some(header.total_work) {
                        return refused(number, "its total work is another");
                    }
                }
                _ => {}
            }
            last = Some(header);
        }
        let from = head.number.saturating_sub(HISTORY_IN_MEMORY_MAX);
        let recent = self.headers.iter().filter(|header| header.number >= from).count() as u64;
        if recent != head.number.saturating_sub(from).saturating_add(1) {
            return refused(head.number, "headers before it are missing");
        }
        // The peaks are right when they join to what a later header would commit to; the head
        // itself commits to the range before it, of which they hold all but the last leaf.
        let node = |number: u64, level: u32| {
            let at = |peak: &&(u64, u32, Vec<u8>)| (peak.0, peak.1) == (number, level);
            Ok(self.peaks.iter().find(at).map(|(_, _, node)| node.clone()))
        };
        let range = Range::restore(head.number, node)?;
        match range.ends_in(head) {
            true => Ok(()),
            false => Err(StartError::Ancestors { number: head.number }),
        }
    }

    /// Returns the entries of a chain that begins here, to be written to an empty store.
    ///
    /// # Errors
    /// [`StartError::Header`].
    pub fn entries(&self) -> Result<WriteBatch, StartError> {
        let mut batch = WriteBatch::new();
        for header in &self.headers {
            table::put_header(&mut batch, header);
            table::put_canonical(&mut batch, header.number, &header.id);
        }
        for (last, level, node) in &self.peaks {
            let id = self.id_at(*last)?;
            batch.put(table::ANCESTORS, table::ancestor_key(*last, &id, *level), node.clone());
        }
        table::put_genesis(&mut batch, &self.id_at(0)?);
        table::put_start(&mut batch, &self.head()?.id, self.head()?.number);
        Ok(batch)
    }

    fn id_at(&self, number: u64) -> Result<BlockId, StartError> {
        let found = self.headers.iter().find(|header| header.number == number);
        let what = "it is missing";
        found.map(|header| header.id).ok_or(StartError::Header { number, what })
    }
}

#[cfg(test)]
mod tests {
    use mbt_trie::MerkleMountainRange;

    use super::*;

    #[test]
    fn peaks_lie_next_to_each_other_and_cover_all() {
        assert_eq!(peaks_up_to(0), [(0, 0)]);
        assert_eq!(peaks_up_to(6), [(3, 2), (5, 1), (6, 0)]);
        assert_eq!(peaks_up_to(7), [(7, 3)]);
        for last in 0..200 {
            for (number, level) in peaks_up_to(last) {
                let index = ((number + 1) >> level) - 1;
                assert_eq!(MerkleMountainRange::last_leaf(level, index), Some(number));
            }
        }
    }
}
