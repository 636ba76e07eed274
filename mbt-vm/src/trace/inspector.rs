//! Who looks on while the machine runs. Without a tracer nothing here costs anything.

use evm::interpreter::{ExitError, Memory, uint};
use mbt_crypto::{Address, H256, U256};

use super::{
    access::Accesses,
    call::CallTree,
    opcode::op,
    structs::{SlotSeen, StepLog, refund_of},
};
use crate::{
    Halt,
    journal::{Journal, convert::number},
};

/// A tracer at work.
#[derive(Debug, Default)]
pub(crate) enum Inspector {
    #[default]
    None,
    Steps(Box<StepLog>),
    Calls(Box<CallTree>),
    Accesses(Box<Accesses>),
}

/// What the machine is about to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step<'s> {
    pub(crate) position: usize,
    pub(crate) opcode: u8,
    pub(crate) gas: u64,
    pub(crate) depth: usize,
    pub(crate) address: Address,
    pub(crate) stack: &'s [uint::U256],
    pub(crate) memory: &'s Memory,
    pub(crate) returned: &'s [u8],
}

impl Step<'_> {
    /// Returns a word of the stack, counted from the top.
    pub(crate) fn word(&self, depth: usize) -> Option<U256> {
        let index = self.stack.len().checked_sub(depth + 1)?;
        self.stack.get(index).map(|word| number(*word))
    }

    pub(crate) fn slot(&self) -> Option<H256> {
        self.word(0).map(|word| H256(word.to_big_endian()))
    }

    pub(crate) fn account(&self, depth: usize) -> Option<Address> {
        self.word(depth).map(|word| Address::from_hash(H256(word.to_big_endian())))
    }
}

/// How a frame came to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum CallKind {
    Call,
    CallCode,
    DelegateCall,
    StaticCall,
    Create,
    Create2,
    SelfDestruct,
}

impl CallKind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Call => "CALL",
            Self::CallCode => "CALLCODE",
            Self::DelegateCall => "DELEGATECALL",
            Self::StaticCall => "STATICCALL",
            Self::Create => "CREATE",
            Self::Create2 => "CREATE2",
            Self::SelfDestruct => "SELFDESTRUCT",
        }
    }

    pub(crate) const fn creates(self) -> bool {
        matches!(self, Self::Create | Self::Create2)
    }
}

/// A frame that begins.
#[derive(Debug)]
pub(crate) struct Entered {
    pub(crate) kind: CallKind,
    pub(crate) from: Address,
    pub(crate) to: Address,
    pub(crate) value: Option<U256>,
    pub(crate) input: Vec<u8>,
    pub(crate) gas: u64,
}

/// Returns geth's text for a failure.
pub(crate) fn failure_text(error: &ExitError) -> String {
    Halt::of(error).map_or_else(|| "execution reverted".to_owned(), |halt| halt.to_string())
}

impl Inspector {
    pub(crate) const fn is_active(&self) -> bool {
        !matches!(self, Self::None)
    }
}

impl Journal<'_> {
    pub(crate) fn before_step(&mut self, step: &Step<'_>) {
        let mut inspector = core::mem::take(&mut self.inspector);
        match &mut inspector {
            Inspector::None => {}
            Inspector::Steps(log) => {
                let seen = match (step.opcode, step.slot(), step.word(1)) {
                    (op::SLOAD, Some(slot), _) => {
                        Some(SlotSeen { slot, value: self.storage(step.address, slot), refund: 0 })
                    }
                    (op::SSTORE, Some(slot), Some(value)) => {
                        let current = self.storage(step.address, slot);
                        let original = self.storage_before(step.address, slot);
                        let refund = refund_of(original, current, value);
                        Some(SlotSeen { slot, value, refund })
                    }
                    _ => None,
                };
                log.before(step, seen);
            }
            Inspector::Calls(tree) => {
                if step.opcode == op::SELFDESTRUCT {
                    let balance = self.balance(step.address);
                    tree.before_selfdestruct(step.address, step.account(0), balance);
                }
            }
            Inspector::Accesses(accesses) => accesses.before(step),
        }
        self.inspector = inspector;
    }

    pub(crate) fn after_step(
        &mut self,
        opcode: u8,
        gas_before: u64,
        gas_after: u64,
        error: Option<&ExitError>,
    ) {
        let mut inspector = core::mem::take(&mut self.inspector);
        match &mut inspector {
            Inspector::Steps(log) => log.after(gas_before.saturating_sub(gas_after), error),
            Inspector::Calls(tree) if error.is_none() => match opcode {
                op::LOG0..=op::LOG4 => tree.log(self.logs_from(self.log_count().saturating_sub(1))),
                op::SELFDESTRUCT => tree.selfdestructed(),
                _ => {}
            },
            _ => {}
        }
        self.inspector = inspector;
    }

    /// Notes gas that a call handed to its callee; geth shows it as cost of the call.
    pub(crate) fn pay_call(&mut self, gas: u64, kind: CallKind) {
        if let Inspector::Steps(log) = &mut self.inspector
            && !kind.creates()
        {
            log.pay(gas);
        }
    }

    pub(crate) fn enter(&mut self, entered: Entered) {
        match &mut self.inspector {
            Inspector::Calls(tree) => tree.enter(entered),
            Inspector::Accesses(accesses) => accesses.enter(&entered),
            Inspector::Steps(log) => log.enter(),
            Inspector::None => {}
        }
    }

    pub(crate) fn leave(&mut self, output: Vec<u8>, gas_used: u64, error: Option<&ExitError>) {
        match &mut self.inspector {
            Inspector::Calls(tree) => tree.leave(output, gas_used, error),
            Inspector::Steps(log) => log.leave(error.is_some()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::convert::hash;

    #[test]
    fn words_are_counted_from_the_top() {
        let stack = [uint::U256::from(7), uint::U256::from(9)];
        let step = Step {
            position: 0,
            opcode: 0,
            gas: 0,
            depth: 1,
            address: Address::ZERO,
            stack: &stack,
            memory: &Memory::new(0),
            returned: &[],
        };
        assert_eq!(step.word(0), Some(9.into()));
        assert_eq!(step.slot(), Some(hash(uint::H256::from_low_u64_be(9))));
        assert_eq!(step.word(2), None);
    }
}
