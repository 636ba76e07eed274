//! Which accounts and slots an execution looks at.

use std::collections::{BTreeMap, BTreeSet};

use mbt_crypto::{Address, H256};

use super::{
    inspector::{Entered, Step},
    opcode::op,
};

/// Accounts and slots that opcodes named, also in frames that failed later.
#[derive(Debug, Default)]
pub(crate) struct Accesses {
    pub(crate) accounts: BTreeMap<Address, BTreeSet<H256>>,
    /// Contracts created, whether it went well or not.
    pub(crate) created: BTreeSet<Address>,
}

impl Accesses {
    pub(crate) fn before(&mut self, step: &Step<'_>) {
        let account = match step.opcode {
            op::SLOAD | op::SSTORE => {
                if let Some(slot) = step.slot() {
                    self.accounts.entry(step.address).or_default().insert(slot);
                }
                None
            }
            op::BALANCE
            | op::EXTCODESIZE
            | op::EXTCODECOPY
            | op::EXTCODEHASH
            | op::SELFDESTRUCT => step.account(0),
            op::CALL | op::CALLCODE | op::DELEGATECALL | op::STATICCALL => step.account(1),
            _ => None,
        };
        if let Some(address) = account {
            self.accounts.entry(address).or_default();
        }
    }

    pub(crate) fn enter(&mut self, entered: &Entered) {
        if entered.kind.creates() {
            self.created.insert(entered.to);
        }
    }
}
