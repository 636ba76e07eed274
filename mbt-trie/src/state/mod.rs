//! The state of the head block, and the way back from it.

mod entries;
mod plan;
mod read;
mod resident;
mod table;
mod verify;
mod view;

use alloc::vec::Vec;
use core::ops::Bound;

use mbt_account::EMPTY_ROOT;
use mbt_crypto::{H256, keccak256};

pub use read::{Historic, Latest};
pub use resident::{RESIDENT_BYTES, ResidentState};
pub use verify::{StateCounts, StateFault, verify_state};
pub use view::{AccountDiff, StateDiff, StateError, StateView};

use self::{
    plan::{Plan, Replaced, Tries},
    table::{
        CHANGES, CODES, Table, append_changed, changed, head, head_entry, history_key, node_key,
        number_in, oldest, root_entry,
    },
};
use crate::{KeyValueRead, NodePath, Stage, StoreError, WriteBatch};

/// Blocks pruned at most by one commit, so that a window made smaller is emptied in small pieces.
const PRUNED_BLOCKS_MAX: usize = 16;

/// How far back states are kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum History {
    /// The head's and those of so many blocks before it.
    Blocks(u64),
    /// All.
    Archive,
}

/// Moves the stored state from block to block. The store holds the state of one block, the head,
/// and of the kept blocks before it what each replaced.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct State {
    /// How far back states are kept.
    pub history: History,
}

impl State {
    /// Makes a state that keeps so much history.
    #[must_use]
    pub const fn new(history: History) -> Self {
        Self { history }
    }

    /// Makes `diff`, which leads from the head to block `number`, and returns the new state's
    /// root. The first commit to an empty store may be of any number and has no way back. Blocks
    /// that fall out of the history kept are pruned.
    ///
    /// All trie nodes that are needed are read; a [`ResidentState`] keeps them from block to block.
    ///
    /// # Errors
    /// [`StateError`]; then the stage is as before.
    pub fn commit<R: KeyValueRead>(
        &self,
        stage: &mut Stage<'_, R>,
        number: u64,
        diff: &StateDiff,
    ) -> Result<H256, StateError> {
        self.commit_with(&mut Tries::new(usize::MAX), stage, number, diff)
    }

    /// Makes a diff with what `tries` have in memory.
    fn commit_with<R: KeyValueRead>(
        &self,
        tries: &mut Tries,
        stage: &mut Stage<'_, R>,
        number: u64,
        diff: &StateDiff,
    ) -> Result<H256, StateError> {
        let head = head(stage)?;
        if let Some(head) = head
            && head.checked_add(1) != Some(number)
        {
            return Err(StateError::OutOfOrder { number, current: head });
        }
        let pruned = self.expired(stage, number)?;
        let plan = Plan::new(stage, tries, diff)?;
        stage.apply(pruned);
        let kept = head.is_some() && self.history != History::Blocks(0);
        let (column, key, value) = root_entry(plan.root);
        stage.put(column, key, value);
        write(stage.batch_mut(), number, diff, plan.entries, kept);
        Ok(plan.root)
    }

    /// Takes block `number`, the head, back: the state is then that of the block before it.
    ///
    /// # Errors
    /// [`StateError`], in particular when the state before is not kept; then the stage is as
    /// before.
    pub fn rollback<R: KeyValueRead>(
        &self,
        stage: &mut Stage<'_, R>,
        number: u64,
    ) -> Result<(), StateError> {
        let head = head(stage)?.unwrap_or(0);
        if head != number {
            return Err(StateError::OutOfOrder { number, current: head });
        }
        let Some(list) = stage.get(CHANGES, &number.to_be_bytes())? else {
            return Err(StateError::NotKept { number: number.saturating_sub(1), oldest: head });
        };
        let mut batch = WriteBatch::new();
        for entry in changed(&list) {
            let (table, key) = entry?;
            let past = history_key(key, number);
            let old = stage.get(table.history(), &past)?;
            let old = old.ok_or_else(|| table.corrupt("what a block replaced is missing"))?;
            if old.is_empty() {
                batch.delete(table.column(), key);
            } else {
                batch.put(table.column(), key, old);
            }
            batch.delete(table.history(), past);
        }
        batch.delete(CHANGES, number.to_be_bytes());
        let (column, key, value) = head_entry(number.saturating_sub(1));
        batch.put(column, key, value);
        let node = (Table::AccountNodes.column(), node_key(None, NodePath::ROOT));
        let node = match batch.change(node.0, &node.1) {
            Some(node) => node.map(<[u8]>::to_vec),
            None => stage.get(node.0, &node.1)?,
        };
        let (column, key, value) = root_entry(node.map_or(EMPTY_ROOT, keccak256));
        batch.put(column, key, value);
        stage.apply(batch);
        Ok(())
    }

    /// Removes history that is older than the window of a head `number`, a few blocks at a time,
    /// and tells whether there is more. A commit does so by itself; this is for a window made
    /// smaller.
    ///
    /// # Errors
    /// [`StateError`]; then the stage is as before.
    pub fn prune<R: KeyValueRead>(
        &self,
        stage: &mut Stage<'_, R>,
        number: u64,
    ) -> Result<bool, StateError> {
        let pruned = self.expired(stage, number)?;
        let more = !pruned.is_empty();
        stage.apply(pruned);
        Ok(more)
    }

    /// Returns the oldest block whose state is kept.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn oldest(read: &impl KeyValueRead) -> Result<Option<u64>, StateError> {
        match head(read)? {
            Some(head) => Ok(Some(oldest(read, head)?)),
            None => Ok(None),
        }
    }

    /// Removes what the blocks up to `number - kept` replaced, the oldest first.
    fn expired(&self, read: &impl KeyValueRead, number: u64) -> Result<WriteBatch, StoreError> {
        let mut batch = WriteBatch::new();
        let History::Blocks(kept) = self.history else { return Ok(batch) };
        let Some(last) = number.checked_sub(kept) else { return Ok(batch) };
        let last = last.to_be_bytes();
        let range = (Bound::Unbounded, Bound::Included(last.as_slice()));
        for entry in read.iterate(CHANGES, range)?.take(PRUNED_BLOCKS_MAX) {
            let (key, list) = entry?;
            let number = number_in(CHANGES, &key)?;
            for entry in changed(&list) {
                let (table, key) = entry?;
                batch.delete(table.history(), history_key(key, number));
            }
            batch.delete(CHANGES, key);
        }
        Ok(batch)
    }
}

/// Takes back which block the state is of: a state that is still being put together is no block's.
pub(crate) fn forget_head(batch: &mut WriteBatch) {
    let (column, key, _) = head_entry(0);
    batch.delete(column, key);
}

/// Writes a block's changes and, when its way back is kept, what they replaced.
fn write(
    batch: &mut WriteBatch,
    number: u64,
    diff: &StateDiff,
    entries: Vec<Replaced>,
    kept: bool,
) {
    let mut list = Vec::new();
    for Replaced { table, key, old, new } in entries {
        if kept {
            append_changed(&mut list, table, &key);
            batch.put(table.history(), history_key(&key, number), old.unwrap_or_default());
        }
        match new {
            Some(new) => batch.put(table.column(), key, new),
            None => batch.delete(table.column(), key),
        }
    }
    if kept {
        batch.put(CHANGES, number.to_be_bytes(), list);
    }
    for (hash, code) in &diff.codes {
        batch.put(CODES, hash.0, code.as_ref());
    }
    let (column, key, value) = head_entry(number);
    batch.put(column, key, value);
}
