//! Why a node did not do what was asked.

use mbt_account::PoolError;
use mbt_consensus::{AcceptError, BuildError, ImportError};
use mbt_trie::{StateError, StoreError};

/// Why a transaction did not enter the pool.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// The pool refused it.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// This node is at fault: its state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
}

impl From<StoreError> for SubmitError {
    fn from(error: StoreError) -> Self {
        Self::State(error.into())
    }
}

/// The chain's thread has ended: the node is stopping.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("node is stopping")]
pub struct Stopped;

impl From<Stopped> for StoreError {
    fn from(stopped: Stopped) -> Self {
        Self::Engine { operation: "reach the chain", source: std::sync::Arc::new(stopped) }
    }
}

impl From<Stopped> for ImportError {
    fn from(stopped: Stopped) -> Self {
        StoreError::from(stopped).into()
    }
}

impl From<Stopped> for BuildError {
    fn from(stopped: Stopped) -> Self {
        StoreError::from(stopped).into()
    }
}

impl From<Stopped> for AcceptError {
    fn from(stopped: Stopped) -> Self {
        Self::Import(stopped.into())
    }
}
