//! The machine: which rules it runs, and how it executes a chain's blocks.

use std::{collections::BTreeMap, sync::Arc};

use crate::{FeePolicy, Fork, Precompile};

/// Executes transactions and blocks. Cheap to clone; holds rules, never state.
#[derive(Clone, Debug)]
pub struct Evm {
    chain_id: u64,
    fee_policy: FeePolicy,
    fork: Fork,
    precompiles: Arc<BTreeMap<u8, Arc<dyn Precompile>>>,
}

impl Evm {
    /// Makes the machine of a chain, at Cancun.
    #[must_use]
    pub fn new(chain_id: u64, fee_policy: FeePolicy) -> Self {
        Self { chain_id, fee_policy, fork: Fork::Cancun, precompiles: Arc::default() }
    }

    /// Returns the machine with another fork's rules, for conformance tests.
    #[must_use]
    pub fn with_fork(self, fork: Fork) -> Self {
        Self { fork, ..self }
    }

    /// Returns the machine with native code at [`crate::system::precompile`]`(number)`.
    #[must_use]
    pub fn with_precompile(mut self, number: u8, precompile: Arc<dyn Precompile>) -> Self {
        Arc::make_mut(&mut self.precompiles).insert(number, precompile);
        self
    }

    /// Returns the chain that transactions must be signed for.
    #[must_use]
    pub const fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// Returns where fees go.
    #[must_use]
    pub const fn fee_policy(&self) -> FeePolicy {
        self.fee_policy
    }

    /// Returns the rules of execution.
    #[must_use]
    pub const fn fork(&self) -> Fork {
        self.fork
    }

    pub(crate) fn precompiles(&self) -> &BTreeMap<u8, Arc<dyn Precompile>> {
        &self.precompiles
    }
}
