//! A header with what follows from it and from its ancestors.

use std::{ops::Deref, sync::Arc};

use mbt_crypto::U256;

use crate::{BlockId, Header};

/// A header, its id and the work of the chain that ends in it. Cheap to clone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SealedHeader {
    /// The header's id, hashed once.
    pub id: BlockId,
    /// The header.
    pub header: Arc<Header>,
    /// Sum of the nominal work of all blocks from genesis up to this one.
    pub total_work: U256,
}

impl Deref for SealedHeader {
    type Target = Header;

    fn deref(&self) -> &Header {
        &self.header
    }
}
