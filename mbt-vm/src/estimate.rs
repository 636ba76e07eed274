//! The least gas with which a call succeeds, and the accesses it should declare.

use mbt_consensus::BlockContext;
use mbt_trie::StateView;

use crate::{AccessListOutcome, CallError, CallRequest, Evm, StateOverrides};

impl Evm {
    /// Returns the least gas limit with which a call succeeds, at most its own gas limit and what
    /// the caller can pay.
    ///
    /// # Errors
    /// [`CallError`]: with the output of the revert when it fails at any limit.
    pub fn estimate_gas(
        &self,
        block: &BlockContext<'_>,
        request: &CallRequest,
        state: &dyn StateView,
        overrides: &StateOverrides,
    ) -> Result<u64, CallError> {
        todo!()
    }

    /// Returns the accounts and slots that a call touches beyond those that are warm anyway.
    ///
    /// # Errors
    /// [`CallError::Invalid`] and [`CallError::State`]; a failing call has a list all the same.
    pub fn create_access_list(
        &self,
        block: &BlockContext<'_>,
        request: &CallRequest,
        state: &dyn StateView,
        overrides: &StateOverrides,
    ) -> Result<AccessListOutcome, CallError> {
        todo!()
    }
}
