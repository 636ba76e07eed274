//! Code and where one may jump in it.

use std::rc::Rc;

/// Code that is ready to run. Shared by all frames that run it.
#[derive(Debug, Default)]
pub(crate) struct Code {
    /// The bytes, in the form that the machine takes.
    pub(crate) bytes: Rc<Vec<u8>>,
    jump_targets: Vec<u64>,
}

const JUMPDEST: u8 = 0x5b;
const PUSH1: u8 = 0x60;
const PUSH32: u8 = 0x7f;

impl Code {
    /// Finds the targets of jumps: JUMPDEST bytes that are not data of a PUSH.
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        let mut jump_targets = vec![0; bytes.len().div_ceil(64)];
        let mut position = 0;
        while let Some(opcode) = bytes.get(position) {
            match *opcode {
                JUMPDEST => jump_targets[position / 64] |= 1 << (position % 64),
                PUSH1..=PUSH32 => position += usize::from(opcode - PUSH1) + 1,
                _ => {}
            }
            position += 1;
        }
        Self { bytes: Rc::new(bytes), jump_targets }
    }

    /// Tells whether a jump may land at a position.
    pub(crate) fn is_jump_target(&self, position: usize) -> bool {
        let word = self.jump_targets.get(position / 64).copied().unwrap_or_default();
        word >> (position % 64) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use evm::interpreter::Valids;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn targets_are_those_of_the_reference(bytes in proptest::collection::vec(
            prop_oneof![Just(0x5b), Just(0x60), Just(0x7f), any::<u8>()], 0..200)
        ) {
            let (ours, reference) = (Code::new(bytes.clone()), Valids::new(&bytes));
            for position in 0..bytes.len() + 70 {
                prop_assert_eq!(ours.is_jump_target(position), reference.is_valid(position));
            }
        }
    }
}
