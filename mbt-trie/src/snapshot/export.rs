//! A state written.

use alloc::{collections::BTreeSet, collections::btree_set, vec::Vec};

use mbt_account::{EMPTY_CODE_HASH, EMPTY_ROOT, PublicAccount};
use mbt_crypto::{Address, H256, U256};
use rlp::RlpStream;

use super::format::{
    ACCOUNTS, CHUNK_BYTES, CODES, END, Entry, HEAD, Seal, SnapshotCounts, SnapshotHead, encode_end,
    encode_head,
};
use crate::{KeyValueRead, Latest, StateError, StateView};

/// Bytes that an account and a slot take, about.
const ACCOUNT_BYTES: usize = 128;
const SLOT_BYTES: usize = 68;

/// Accounts and slots that are read ahead.
const AHEAD: usize = 256;

/// Writes the state that is stored as a snapshot, chunk after chunk: an iterator over the pieces of
/// the file. Memory is bounded by a chunk and by the hashes of all codes, 32 bytes each.
#[derive(Debug)]
pub struct SnapshotExport<R> {
    latest: Latest<R>,
    seal: Seal,
    counts: SnapshotCounts,
    step: Step,
}

#[derive(Debug)]
enum Step {
    Head(Vec<u8>),
    Codes(btree_set::IntoIter<H256>),
    /// Where to go on: an account, and a slot of it once it is under way.
    Accounts(Address, Option<H256>),
    End,
    Done,
}

impl<R: KeyValueRead> SnapshotExport<R> {
    /// Begins to write the state that `read` holds, which must not change: a snapshot of the store.
    pub fn new(read: R, head: &SnapshotHead) -> Self {
        let step = Step::Head(encode_head(head));
        Self {
            latest: Latest::new(read),
            seal: Seal::NONE,
            counts: SnapshotCounts::default(),
            step,
        }
    }

    /// Returns what was written so far.
    pub const fn counts(&self) -> SnapshotCounts {
        self.counts
    }

    /// Returns the hashes of the codes that accounts have.
    fn codes(&self) -> Result<BTreeSet<H256>, StateError> {
        let mut codes = BTreeSet::new();
        for entry in self.latest.accounts(&Address::ZERO)? {
            codes.insert(entry?.1.code_hash);
        }
        codes.remove(&EMPTY_CODE_HASH);
        Ok(codes)
    }

    fn step(&mut self) -> Result<Option<Vec<u8>>, StateError> {
        match core::mem::replace(&mut self.step, Step::Done) {
            Step::Head(payload) => {
                self.step = Step::Codes(self.codes()?.into_iter());
                Ok(Some(self.seal.close(HEAD, &payload)))
            }
            Step::Codes(mut hashes) => {
                let mut stream = RlpStream::new();
                stream.begin_unbounded_list();
                let mut any = false;
                while stream.len() < CHUNK_BYTES
                    && let Some(hash) = hashes.next()
                {
                    stream.append(&self.latest.code(&hash)?.as_ref());
                    self.counts.codes = self.counts.codes.saturating_add(1);
                    any = true;
                }
                if !any {
                    self.step = Step::Accounts(Address::ZERO, None);
                    return self.step();
                }
                stream.finalize_unbounded_list();
                self.step = Step::Codes(hashes);
                Ok(Some(self.seal.close(CODES, &stream.out())))
            }
            Step::Accounts(from, slot) => {
                let (entries, next) = self.accounts(from, slot)?;
                self.step = next.map_or(Step::End, |(address, slot)| Step::Accounts(address, slot));
                if entries.is_empty() {
                    return self.step();
                }
                let mut stream = RlpStream::new_list(entries.len());
                entries.iter().for_each(|entry| entry.append(&mut stream));
                Ok(Some(self.seal.close(ACCOUNTS, &stream.out())))
            }
            Step::End => Ok(Some(self.seal.close(END, &encode_end(self.counts)))),
            Step::Done => Ok(None),
        }
    }

    /// Reads the accounts of one chunk, and where the next begins.
    #[expect(clippy::type_complexity, reason = "entries, and where to go on")]
    fn accounts(
        &mut self,
        mut from: Address,
        mut slot: Option<H256>,
    ) -> Result<(Vec<Entry>, Option<(Address, Option<H256>)>), StateError> {
        let (mut entries, mut bytes) = (Vec::new(), 0);
        loop {
            let ahead = self.latest.accounts(&from)?.take(AHEAD);
            let ahead = ahead.collect::<Result<Vec<(Address, PublicAccount)>, _>>()?;
            let more = ahead.len() == AHEAD;
            for (address, account) in ahead {
                if bytes >= CHUNK_BYTES {
                    return Ok((entries, Some((address, None))));
                }
                let begun = slot.take();
                if begun.is_none() {
                    self.counts.accounts = self.counts.accounts.saturating_add(1);
                }
                let (slots, next) = self.slots(&address, &account, begun, &mut bytes)?;
                entries.push(Entry { address, account, slots });
                if next.is_some() {
                    return Ok((entries, Some((address, next))));
                }
                match after(address) {
                    Some(next) => from = next,
                    None => return Ok((entries, None)),
                }
            }
            if !more {
                return Ok((entries, None));
            }
        }
    }

    /// Reads slots of an account until the chunk is full, and where to go on then.
    #[expect(clippy::type_complexity, reason = "slots, and where to go on")]
    fn slots(
        &mut self,
        address: &Address,
        account: &PublicAccount,
        begun: Option<H256>,
        bytes: &mut usize,
    ) -> Result<(Vec<(H256, U256)>, Option<H256>), StateError> {
        *bytes += ACCOUNT_BYTES;
        let mut slots = Vec::new();
        if account.storage_root == EMPTY_ROOT {
            return Ok((slots, None));
        }
        for entry in self.latest.slots(address, &begun.unwrap_or_default())? {
            let (slot, value) = entry?;
            if *bytes >= CHUNK_BYTES && !slots.is_empty() {
                return Ok((slots, Some(slot)));
            }
            *bytes += SLOT_BYTES;
            slots.push((slot, value));
            self.counts.slots = self.counts.slots.saturating_add(1);
        }
        Ok((slots, None))
    }
}

/// Returns the next address, if there is one.
fn after(address: Address) -> Option<Address> {
    let mut bytes = address.0;
    for byte in bytes.iter_mut().rev() {
        let (next, carry) = byte.overflowing_add(1);
        *byte = next;
        if !carry {
            return Some(Address(bytes));
        }
    }
    None
}

impl<R: KeyValueRead> Iterator for SnapshotExport<R> {
    type Item = Result<Vec<u8>, StateError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}
