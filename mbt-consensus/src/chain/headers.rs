//! Headers ahead of their bodies.

use std::sync::Arc;

use mbt_crypto::U256;
use mbt_trie::{Durability, KeyValueStore, StoreError, WriteBatch};

use crate::{
    BlockId, ChainConfig, Execute, Header, HeaderError, HeadersImported, ImportError,
    InvalidHeader, SealedHeader,
    chain::{Chain, HEADERS_AHEAD_MAX},
    rules::{
        ancestors::Range,
        asert::next_target,
        header::{Expected, check_header, check_schedule},
        seal::nominal_work,
    },
    table,
};

/// A header that was checked.
#[derive(Debug)]
pub(super) enum Admitted {
    /// It is in the tree or, executed long ago, in the store.
    Known(SealedHeader),
    /// It may be added to the tree.
    New(NewHeader),
}

/// A checked header and what is written with it.
#[derive(Debug)]
pub(super) struct NewHeader {
    pub(super) sealed: SealedHeader,
    range: Range,
    nodes: Vec<Vec<u8>>,
}

impl NewHeader {
    pub(super) fn put(&self, batch: &mut WriteBatch) {
        let (number, id) = (self.sealed.number, &self.sealed.id);
        table::put_header(batch, &self.sealed);
        for (level, node) in (0..).zip(&self.nodes) {
            batch.put(table::ANCESTORS, table::ancestor_key(number, id, level), node.as_slice());
        }
    }
}

impl<E: Execute, S: KeyValueStore> Chain<E, S> {
    /// Takes headers ahead of their bodies, parents first. At most [`HEADERS_AHEAD_MAX`] are taken
    /// ahead of the head.
    ///
    /// # Errors
    /// [`HeaderError`]: the first header that is refused. Those before it are kept.
    pub fn import_headers(
        &mut self,
        now: u64,
        headers: &[Header],
    ) -> Result<HeadersImported, HeaderError> {
        let mut batch = self.new_batch();
        let (mut added, mut known) = (Vec::new(), 0_usize);
        let mut failure = None;
        for (index, header) in headers.iter().enumerate() {
            match self.admit(now, header) {
                Ok(Admitted::Known(_)) => known = known.saturating_add(1),
                Ok(Admitted::New(new)) => {
                    new.put(&mut batch);
                    added.push(new.sealed.id);
                    self.link(new);
                }
                Err(reason) => {
                    failure = Some(HeaderError { index, reason });
                    break;
                }
            }
        }
        if !added.is_empty() {
            self.write_headers(&batch, &added)
                .map_err(|error| HeaderError { index: 0, reason: error.into() })?;
        }
        failure.map_or_else(
            || Ok(HeadersImported { added: added.len(), known, best: self.tree.best().clone() }),
            Err,
        )
    }

    fn write_headers(&mut self, batch: &WriteBatch, added: &[BlockId]) -> Result<(), StoreError> {
        if let Err(error) = self.write(batch, Durability::Deferred) {
            for id in added {
                self.tree.remove(id);
            }
            return Err(error);
        }
        self.evict();
        Ok(())
    }

    /// Adds a header to the tree, once it is written or about to be.
    pub(super) fn link(&mut self, new: NewHeader) {
        self.ranges.keep(new.sealed.id, new.range);
        self.tree.insert(new.sealed);
    }

    /// Checks a header; changes nothing.
    pub(super) fn admit(&mut self, now: u64, header: &Header) -> Result<Admitted, ImportError> {
        let id = header.id();
        if self.invalid.contains(&id) {
            return Err(InvalidHeader::KnownInvalid(id).into());
        }
        if let Some(parent) = self.invalid.get(&header.parent_hash).cloned() {
            return Err(self.refuse_behind(&parent, id, header).into());
        }
        if let Some(entry) = self.tree.get(&id) {
            return Ok(Admitted::Known(entry.sealed.clone()));
        }
        let Some(parent) = self.tree.get(&header.parent_hash).map(|entry| entry.sealed.clone())
        else {
            return self.admit_without_parent(&id, header);
        };
        let max = self.head.number.saturating_add(HEADERS_AHEAD_MAX);
        if parent.number >= max {
            return Err(ImportError::TooFarAhead { number: header.number, max });
        }
        let target = self.target_behind(&parent);
        let range = self.ranges.up_to(&self.tree, &*self.store, &parent)?;
        let expected = Expected { target, ancestors_root: range.root()? };
        check_header(&self.config, now, &parent, header, &expected)?;
        let sealed = sealed_behind(&parent, id, header);
        let mut range = range.clone();
        let nodes = range.append(&sealed)?;
        Ok(Admitted::New(NewHeader { sealed, range, nodes }))
    }

    /// Remembers a header behind an invalid block, once its work tells it from one made for free.
    fn refuse_behind(
        &mut self,
        parent: &SealedHeader,
        id: BlockId,
        header: &Header,
    ) -> InvalidHeader {
        if let Err(reason) = check_schedule(parent, header, self.target_behind(parent)) {
            return reason;
        }
        self.invalid.insert(sealed_behind(parent, id, header));
        InvalidHeader::KnownInvalid(id)
    }

    /// Returns the target of the block after `parent`.
    pub(super) fn target_behind(&self, parent: &Header) -> U256 {
        let ChainConfig { interval_s, target_max, .. } = *self.config;
        next_target(&self.anchor, parent.number, parent.timestamp, interval_s, target_max)
    }

    fn admit_without_parent(&self, id: &BlockId, header: &Header) -> Result<Admitted, ImportError> {
        if let Some(known) = self.executed(id)? {
            return Ok(Admitted::Known(known));
        }
        if table::number_of(&*self.store, &header.parent_hash)?.is_some() {
            let oldest = self.tree.oldest();
            return Err(ImportError::BelowHistory { number: header.number, oldest });
        }
        Err(ImportError::ParentUnknown(header.parent_hash))
    }
}

fn sealed_behind(parent: &SealedHeader, id: BlockId, header: &Header) -> SealedHeader {
    SealedHeader {
        id,
        header: Arc::new(header.clone()),
        // Never saturates: 2^256 hashes in all.
        total_work: parent.total_work.saturating_add(nominal_work(header.target)),
    }
}
