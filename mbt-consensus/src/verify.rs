//! The chain that is stored, checked against itself: headers, bodies, receipts, indexes, ancestors.

use mbt_account::Receipt;
use mbt_trie::{KeyValueRead, StoreError};

use crate::{
    ChainSnapshot, SealedHeader,
    rules::{ancestors::Range, seal::nominal_work},
    table,
};

/// What is wrong with a stored chain, and where.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("block {number}: {what}")]
pub struct ChainFault {
    /// The block.
    pub number: u64,
    /// What is wrong.
    pub what: String,
}

impl<R: KeyValueRead> ChainSnapshot<R> {
    /// Checks every block of the chain up to the head: that it is there, follows the one before,
    /// holds the transactions and receipts that its header commits to, and is found by number, id
    /// and transactions; and that headers commit to the ancestors that are stored. Blocks before a
    /// starting point may be missing. Each fault is told, and the check goes on. `seen` is told
    /// after each block. Returns how many blocks there are.
    ///
    /// # Errors
    /// [`StoreError`]: the engine failed. What is stored wrongly is a fault, not an error.
    pub fn verify(
        &self,
        mut fault: impl FnMut(ChainFault),
        mut seen: impl FnMut(u64),
    ) -> Result<u64, StoreError> {
        let start = table::start(self.store())?.unwrap_or(0);
        let mut last: Option<SealedHeader> = None;
        let mut range: Option<Range> = None;
        let mut count = 0_u64;
        for number in 0..=self.head().number {
            let mut tell = |what: &str| fault(ChainFault { number, what: what.to_owned() });
            let header = match self.header_at(number) {
                Ok(Some(header)) => header,
                Ok(None) => {
                    if number >= start {
                        tell("it is missing");
                    }
                    (last, range) = (None, None);
                    continue;
                }
                Err(error @ StoreError::Engine { .. }) => return Err(error),
                Err(error) => {
                    tell(&error.to_string());
                    (last, range) = (None, None);
                    continue;
                }
            };
            count = count.saturating_add(1);
            self.verify_header(&header, last.as_ref(), &mut tell)?;
            if number > start || start == 0 {
                match self.verify_body(&header, &mut tell) {
                    Err(error @ StoreError::Engine { .. }) => return Err(error),
                    Err(error) => tell(&error.to_string()),
                    Ok(()) => {}
                }
            }
            if number == 0 && start == 0 {
                range = Some(Range::default());
            }
            range = match range {
                Some(range) => self.verify_ancestors(&header, range, &mut tell)?,
                None if number >= start => self.stored_range(&header, &mut tell)?,
                None => None,
            };
            last = Some(header);
            seen(count);
        }
        Ok(count)
    }

    fn verify_header(
        &self,
        header: &SealedHeader,
        last: Option<&SealedHeader>,
        tell: &mut impl FnMut(&str),
    ) -> Result<(), StoreError> {
        if header.header.id() != header.id {
            tell("its header has another id");
        }
        if table::number_of(self.store(), &header.id)? != Some(header.number) {
            tell("its id is not found");
        }
        if header.number == 0 && header.id != self.genesis_id() {
            tell("it is not the genesis block that the store names");
        }
        let Some(last) = last else { return Ok(()) };
        if header.parent_hash != last.id {
            tell("its parent is another than the block before");
        }
        if last.total_work.checked_add(nominal_work(header.target)) != Some(header.total_work) {
            tell("its total work is wrong");
        }
        Ok(())
    }

    fn verify_body(
        &self,
        header: &SealedHeader,
        tell: &mut impl FnMut(&str),
    ) -> Result<(), StoreError> {
        let Some(body) = self.body(&header.id)? else {
            tell("its body is missing");
            return Ok(());
        };
        if body.transactions_root() != header.transactions_root {
            tell("its transactions have another root");
        }
        for (index, transaction) in body.transactions.iter().enumerate() {
            let found = table::transaction(self.store(), &transaction.hash())?;
            if found != Some((header.number, index)) {
                tell("a transaction of it is not found");
                break;
            }
        }
        match self.receipts(&header.id)? {
            None => tell("its receipts are missing"),
            Some(receipts) => {
                let encoded = receipts.iter().map(Receipt::encode);
                if mbt_trie::ordered_root(encoded) != header.receipts_root {
                    tell("its receipts have another root");
                }
            }
        }
        Ok(())
    }

    /// Appends a block to the range over its ancestors, and compares with what is stored.
    fn verify_ancestors(
        &self,
        header: &SealedHeader,
        mut range: Range,
        tell: &mut impl FnMut(&str),
    ) -> Result<Option<Range>, StoreError> {
        if range.root().ok() != Some(header.ancestors_root) {
            tell("its ancestors have another root");
        }
        let Ok(nodes) = range.append(header) else {
            tell("it does not follow its ancestors");
            return Ok(None);
        };
        for (level, node) in (0..).zip(nodes) {
            let key = table::ancestor_key(header.number, &header.id, level);
            if self.store().get(table::ANCESTORS, &key)? != Some(node) {
                tell("a node over its ancestors is missing or wrong");
            }
        }
        Ok(Some(range))
    }

    /// Reads the range that ends in a block, where those before it are not stored.
    fn stored_range(
        &self,
        header: &SealedHeader,
        tell: &mut impl FnMut(&str),
    ) -> Result<Option<Range>, StoreError> {
        let range = Range::restore(header.number, |number, level| {
            let Some(id) = self.id_at(number)? else { return Ok(None) };
            self.store().get(table::ANCESTORS, &table::ancestor_key(number, &id, level))
        });
        match range {
            Ok(range) => Ok(Some(range)),
            Err(error @ StoreError::Engine { .. }) => Err(error),
            Err(error) => {
                tell(&error.to_string());
                Ok(None)
            }
        }
    }
}
