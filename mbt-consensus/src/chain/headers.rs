//! Headers ahead of their bodies.

use std::sync::Arc;

use mbt_trie::{Durability, KeyValueStore, StoreError, WriteBatch};

use crate::{
    BlockId, Execute, Header, HeaderError, HeadersImported, ImportError, InvalidHeader,
    SealedHeader,
    chain::{Chain, HEADERS_AHEAD_MAX, SIDE_HEADERS_MAX},
    rules::{
        ancestors::Range,
        asert::next_target,
        header::{Expected, check_header},
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
        self.garbage.extend(self.tree.evict(SIDE_HEADERS_MAX));
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
        if self.invalid.contains(&id) || self.invalid.contains(&header.parent_hash) {
            return Err(InvalidHeader::KnownInvalid(id).into());
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
        let range = self.ranges.up_to(&self.tree, &*self.store, &parent)?;
        let expected = Expected {
            target: next_target(
                &self.anchor,
                parent.number,
                parent.timestamp,
                self.config.interval_s,
                self.config.target_max,
            ),
            ancestors_root: range.root()?,
        };
        check_header(&self.config, now, &parent, header, &expected)?;
        let sealed = SealedHeader {
            id,
            header: Arc::new(header.clone()),
            // Never reached: 2^256 hashes in all.
            total_work: parent.total_work.saturating_add(nominal_work(header.target)),
        };
        let mut range = range.clone();
        let nodes = range.append(&sealed)?;
        Ok(Admitted::New(NewHeader { sealed, range, nodes }))
    }

    fn admit_without_parent(&self, id: &BlockId, header: &Header) -> Result<Admitted, ImportError> {
        if let Some(known) = table::header_by_id(&*self.store, id)? {
            return Ok(Admitted::Known(known));
        }
        if table::number_of(&*self.store, &header.parent_hash)?.is_some() {
            let oldest = self.tree.oldest();
            return Err(ImportError::BelowHistory { number: header.number, oldest });
        }
        Err(ImportError::ParentUnknown(header.parent_hash))
    }
}
