//! A state read back.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};

use mbt_account::EMPTY_CODE_HASH;
use mbt_crypto::{Address, H256, keccak256};

use super::format::{
    ACCOUNTS, CODES, END, Entry, HASH_BYTES, HEAD, SNAPSHOT_PREFIX_BYTES, Seal, SnapshotCounts,
    SnapshotError, SnapshotHead, decode_accounts, decode_codes, decode_end, decode_head,
};
use crate::{
    AccountDiff, History, KeyValueRead, Latest, ResidentState, Stage, StateDiff, StateView,
    WriteBatch, state::forget_head,
};

/// Reads a snapshot, chunk after chunk, into an empty store. The tries are built anew: of what the
/// snapshot says only flat accounts, slots and codes are taken, and each hash is checked.
///
/// Each chunk is one batch; until the last is written the store says that it holds no block's
/// state, so an import that is interrupted has to begin again in an empty store.
#[derive(Debug)]
pub struct SnapshotImport {
    state: ResidentState,
    chunk: u64,
    seal: Seal,
    counts: SnapshotCounts,
    head: Option<SnapshotHead>,
    last_code: Option<H256>,
    /// Codes that no account had yet.
    spare: BTreeSet<H256>,
    codes: BTreeSet<H256>,
    /// The last account, whose slots may go on in the next chunk, without them.
    open: Option<Entry>,
    last_slot: Option<H256>,
    done: bool,
}

impl Default for SnapshotImport {
    fn default() -> Self {
        Self::new()
    }
}

impl SnapshotImport {
    /// Begins to read.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: ResidentState::new(History::Blocks(0)),
            chunk: 0,
            seal: Seal::NONE,
            counts: SnapshotCounts { accounts: 0, slots: 0, codes: 0 },
            head: None,
            last_code: None,
            spare: BTreeSet::new(),
            codes: BTreeSet::new(),
            open: None,
            last_slot: None,
            done: false,
        }
    }

    /// Returns the number of chunks read.
    #[must_use]
    pub const fn chunks(&self) -> u64 {
        self.chunk
    }

    /// Returns what the snapshot is of, once its first chunk is read.
    #[must_use]
    pub const fn head(&self) -> Option<&SnapshotHead> {
        self.head.as_ref()
    }

    /// Returns what was read so far.
    #[must_use]
    pub const fn counts(&self) -> SnapshotCounts {
        self.counts
    }

    /// Ends the import: whether the last chunk was the snapshot's end.
    ///
    /// # Errors
    /// [`SnapshotError::Truncated`].
    pub fn finish(self) -> Result<SnapshotCounts, SnapshotError> {
        match self.done {
            true => Ok(self.counts),
            false => Err(SnapshotError::Truncated { chunk: self.chunk.saturating_sub(1) }),
        }
    }

    /// Reads a chunk, prefix and all, and returns what is to be written for it before the next.
    ///
    /// # Errors
    /// [`SnapshotError`]. The import is over.
    pub fn chunk(
        &mut self,
        read: &impl KeyValueRead,
        bytes: &[u8],
    ) -> Result<WriteBatch, SnapshotError> {
        let chunk = self.chunk;
        let damaged = SnapshotError::Damaged { chunk };
        let (prefix, rest) =
            bytes.split_at_checked(SNAPSHOT_PREFIX_BYTES).ok_or(damaged.clone())?;
        let payload = rest.len().checked_sub(HASH_BYTES).and_then(|end| rest.split_at_checked(end));
        let (payload, hash) = payload.ok_or(damaged.clone())?;
        let (kind, length) = match prefix {
            [a, b, c, d, kind] => (*kind, u32::from_be_bytes([*a, *b, *c, *d])),
            _ => return Err(damaged),
        };
        if chunk == 0 && kind != HEAD {
            return Err(SnapshotError::Unknown);
        }
        if payload.len() != length as usize || self.seal.next(kind, payload).0 != *hash {
            return Err(damaged);
        }
        let out_of_order = |what| SnapshotError::OutOfOrder { chunk, what };
        let malformed = |reason| SnapshotError::Malformed { chunk, reason };
        let mut stage = Stage::new(read);
        match (kind, self.done) {
            (HEAD, false) if chunk == 0 => {
                let head = decode_head(payload).map_err(malformed)?;
                self.head = Some(head.ok_or(SnapshotError::Unknown)?);
            }
            (CODES, false) if self.counts.accounts == 0 => {
                self.take_codes(&mut stage, decode_codes(payload).map_err(malformed)?)?;
            }
            (ACCOUNTS, false) => {
                self.take_accounts(&mut stage, decode_accounts(payload).map_err(malformed)?)?;
            }
            (END, false) => self.end(&mut stage, decode_end(payload).map_err(malformed)?)?,
            _ => return Err(out_of_order("a chunk of its kind does not follow here")),
        }
        self.chunk = chunk.saturating_add(1);
        Ok(stage.into_batch())
    }

    fn number(&self) -> u64 {
        self.head.as_ref().map_or(0, |head| head.number)
    }

    /// Adds to the state without saying which block's it is.
    fn commit<R: KeyValueRead>(
        &mut self,
        stage: &mut Stage<'_, R>,
        diff: &StateDiff,
    ) -> Result<(), SnapshotError> {
        self.state.commit(stage, self.number(), diff)?;
        forget_head(stage.batch_mut());
        Ok(())
    }

    fn take_codes<R: KeyValueRead>(
        &mut self,
        stage: &mut Stage<'_, R>,
        codes: Vec<Arc<[u8]>>,
    ) -> Result<(), SnapshotError> {
        let mut diff = StateDiff::default();
        for code in codes {
            let hash = keccak256(&code);
            if self.last_code.is_some_and(|last| last >= hash) {
                return Err(SnapshotError::OutOfOrder { chunk: self.chunk, what: "codes" });
            }
            self.last_code = Some(hash);
            self.spare.insert(hash);
            self.codes.insert(hash);
            self.counts.codes = self.counts.codes.saturating_add(1);
            diff.codes.insert(hash, code);
        }
        self.commit(stage, &diff)
    }

    fn take_accounts<R: KeyValueRead>(
        &mut self,
        stage: &mut Stage<'_, R>,
        entries: Vec<Entry>,
    ) -> Result<(), SnapshotError> {
        let out_of_order = |what| SnapshotError::OutOfOrder { chunk: self.chunk, what };
        let mut diff = StateDiff::default();
        let mut complete = Vec::new();
        for (place, mut entry) in entries.into_iter().enumerate() {
            let slots = core::mem::take(&mut entry.slots);
            let open = self.open.take();
            match &open {
                // The last account of the chunk before goes on.
                Some(open) if place == 0 && *open == entry => {}
                Some(open) if open.address >= entry.address => {
                    return Err(out_of_order("accounts"));
                }
                _ => {
                    complete.extend(open);
                    self.last_slot = None;
                    self.counts.accounts = self.counts.accounts.saturating_add(1);
                    let hash = entry.account.code_hash;
                    if hash != EMPTY_CODE_HASH && !self.codes.contains(&hash) {
                        let address = entry.address;
                        return Err(SnapshotError::MissingCode { address, hash });
                    }
                    self.spare.remove(&hash);
                }
            }
            for (slot, _) in &slots {
                if self.last_slot.is_some_and(|last| last >= *slot) {
                    return Err(out_of_order("slots"));
                }
                self.last_slot = Some(*slot);
                self.counts.slots = self.counts.slots.saturating_add(1);
            }
            let change = AccountDiff {
                account: Some(entry.account.clone()),
                storage_cleared: false,
                storage: slots.into_iter().collect::<BTreeMap<_, _>>(),
            };
            diff.accounts.insert(entry.address, change);
            self.open = Some(entry);
        }
        self.commit(stage, &diff)?;
        complete.iter().try_for_each(|entry| check_storage(stage, entry))
    }

    fn end<R: KeyValueRead>(
        &mut self,
        stage: &mut Stage<'_, R>,
        expected: SnapshotCounts,
    ) -> Result<(), SnapshotError> {
        if let Some(open) = self.open.take() {
            check_storage(stage, &open)?;
        }
        if let Some(hash) = self.spare.first() {
            return Err(SnapshotError::SpareCode { hash: *hash });
        }
        if expected != self.counts {
            return Err(SnapshotError::Counts { expected, found: self.counts });
        }
        let (number, expected) = match &self.head {
            Some(head) => (head.number, head.root),
            None => return Err(SnapshotError::Unknown),
        };
        let found = self.state.commit(stage, number, &StateDiff::default())?;
        if found != expected {
            return Err(SnapshotError::Root { number, expected, found });
        }
        self.done = true;
        Ok(())
    }
}

/// Checks that an account's slots lead to the root in its record.
fn check_storage(read: &impl KeyValueRead, entry: &Entry) -> Result<(), SnapshotError> {
    let address: Address = entry.address;
    let expected = entry.account.storage_root;
    let account = Latest::new(read).account(&address)?;
    match account.map(|account| account.storage_root) {
        Some(found) if found == expected => Ok(()),
        found => {
            let found = found.unwrap_or_default();
            Err(SnapshotError::StorageRoot { address, expected, found })
        }
    }
}
