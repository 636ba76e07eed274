//! The end of a caller's patience: work behind a request that timed out ends soon, too.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use mbt_account::PublicAccount;
use mbt_crypto::{Address, H256, U256};
use mbt_trie::{StateError, StateView, StoreError};

use super::error::RequestError;

/// When nobody waits for an answer any more.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Deadline(Option<Instant>);

/// A read after the deadline.
#[derive(Debug, thiserror::Error)]
#[error("the time is up")]
struct TimeIsUp;

impl Deadline {
    /// Never.
    pub(crate) const NEVER: Self = Self(None);

    /// Sets the deadline some time from now.
    pub(crate) fn after(time: Duration) -> Self {
        Self(Instant::now().checked_add(time))
    }

    /// Tells whether it passed.
    pub(crate) fn passed(self) -> bool {
        self.0.is_some_and(|at| Instant::now() >= at)
    }

    /// Fails when it passed.
    pub(crate) fn check(self) -> Result<(), StateError> {
        if !self.passed() {
            return Ok(());
        }
        let operation = "answer in time";
        Err(StoreError::Engine { operation, source: Arc::new(TimeIsUp) }.into())
    }

    /// Returns the error of an answer that was not ready in time.
    pub(crate) fn aborted(time: Duration) -> RequestError {
        RequestError::Refused(format!("execution aborted (timeout = {}ms)", time.as_millis()))
    }
}

/// A state that is not read any more after a deadline: an execution on it ends at its next look,
/// and one that does not look is bounded by its gas.
#[derive(Debug)]
pub(crate) struct Timely<S> {
    state: S,
    deadline: Deadline,
}

impl<S> Timely<S> {
    /// Puts a deadline on a state.
    pub(crate) const fn new(state: S, deadline: Deadline) -> Self {
        Self { state, deadline }
    }
}

impl<S: StateView> StateView for Timely<S> {
    fn account(&self, address: &Address) -> Result<Option<PublicAccount>, StateError> {
        self.deadline.check()?;
        self.state.account(address)
    }

    fn storage(&self, address: &Address, slot: &H256) -> Result<U256, StateError> {
        self.deadline.check()?;
        self.state.storage(address, slot)
    }

    fn code(&self, hash: &H256) -> Result<Arc<[u8]>, StateError> {
        self.deadline.check()?;
        self.state.code(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_that_passed_fails_every_check_and_none_fails_never() {
        let passed = Deadline::after(Duration::ZERO);
        assert!(passed.passed() && passed.check().is_err());
        assert!(Deadline::after(Duration::from_secs(3600)).check().is_ok());
        assert!(Deadline::NEVER.check().is_ok());
    }
}
