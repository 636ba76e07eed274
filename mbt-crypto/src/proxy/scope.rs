//! What a warrant allows.

use alloc::vec::Vec;

use primitive_types::H256;

use crate::{Address, Keccak256};

/// Most kinds of operation that a warrant allows.
const KINDS_MAX: usize = 16;

/// Returns the kind of an operation: Keccak-256 of the contract that is called, the function's
/// selector and the asset that moves (32 zero bytes for the coin).
#[must_use]
pub fn op_kind(contract: Address, selector: [u8; 4], asset: H256) -> H256 {
    let mut hasher = Keccak256::new();
    hasher.update(contract.as_bytes());
    hasher.update(selector);
    hasher.update(asset);
    hasher.finalize()
}

/// The kinds of operation that a warrant allows. A warrant carries its hash.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Scope(Vec<H256>);

/// Why kinds are no scope.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidScope {
    /// None, or more than are allowed.
    #[error("{kinds} kinds of operation, expected 1 to {max}")]
    Length {
        /// Kinds given.
        kinds: usize,
        /// Kinds allowed.
        max: usize,
    },
    /// The kinds do not strictly ascend.
    #[error("kind {index} does not come after the one before it")]
    NotAscending {
        /// The first kind out of order.
        index: usize,
    },
}

impl Scope {
    /// Takes strictly ascending kinds, 1 to 16.
    ///
    /// # Errors
    /// See [`InvalidScope`].
    pub fn new(kinds: Vec<H256>) -> Result<Self, InvalidScope> {
        if kinds.is_empty() || kinds.len() > KINDS_MAX {
            return Err(InvalidScope::Length { kinds: kinds.len(), max: KINDS_MAX });
        }
        if let Some(before) = kinds.windows(2).position(|pair| pair[0] >= pair[1]) {
            return Err(InvalidScope::NotAscending { index: before + 1 });
        }
        Ok(Self(kinds))
    }

    /// Returns Keccak-256 over the kinds in order.
    #[must_use]
    pub fn hash(&self) -> H256 {
        let mut hasher = Keccak256::new();
        self.0.iter().for_each(|kind| hasher.update(kind));
        hasher.finalize()
    }

    /// Whether operations of `kind` are allowed.
    #[must_use]
    pub fn allows(&self, kind: H256) -> bool {
        self.0.binary_search(&kind).is_ok()
    }

    /// Returns the kinds, ascending.
    #[must_use]
    pub fn kinds(&self) -> &[H256] {
        &self.0
    }
}
