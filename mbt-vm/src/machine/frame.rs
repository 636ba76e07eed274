//! A frame: one contract's code in execution. Opcodes and gas are the `evm` crate's; code is shared
//! and its jump targets are known beforehand.

use std::rc::Rc;

use evm::{
    interpreter::{
        Capture, Control, ExitError, ExitException, ExitResult, ExitSucceed, FeedbackInterpreter,
        Interpreter, Machine,
        eval::eval_any,
        runtime::GasState,
        trap::{CallCreateTrap, CallFeedback, CreateFeedback},
    },
    standard::eval_gasometer,
};
use mbt_crypto::{U256, keccak256};

use super::FrameState;
use crate::{
    journal::{
        Code, Journal,
        convert::{address, to_number},
    },
    trace::Step,
};

const KECCAK256: u8 = 0x20;

/// One contract's code in execution. Boxed, because the machine moves frames around.
pub(crate) struct Frame(Box<Inner>);

struct Inner {
    machine: Machine<FrameState>,
    code: Rc<Code>,
    position: usize,
}

impl Frame {
    pub(crate) fn new(code: Rc<Code>, input: Vec<u8>, state: FrameState) -> Self {
        let limits = (state.config.stack_limit(), state.config.memory_limit());
        let bytes = Rc::clone(&code.bytes);
        let machine = Machine::new(bytes, Rc::new(input), limits.0, limits.1, state);
        Self(Box::new(Inner { machine, code, position: 0 }))
    }

    /// Returns the topmost word of the stack.
    pub(crate) fn top_is_zero(&self) -> bool {
        self.0.machine.stack.data().last().is_none_or(|word| word.is_zero())
    }

    pub(crate) fn gas(&self) -> u64 {
        self.0.machine.state.gasometer.gas64()
    }
}

impl Inner {
    /// Executes one opcode; some end the frame or leave it for a call.
    #[inline]
    fn step(&mut self, journal: &mut Journal<'_>) -> Option<Capture<ExitResult, CallCreateTrap>> {
        let position = self.position;
        let Some(opcode) = self.code.bytes.get(position).copied() else {
            return Some(Capture::Exit(ExitSucceed::Stopped.into()));
        };
        // Nothing that is computed after a failed read counts; callers stop here in their turn.
        if journal.has_failed() {
            return Some(self.end(ExitException::Other("the state cannot be read".into()).into()));
        }
        let charged: Control<CallCreateTrap> = eval_gasometer(&mut self.machine, journal, position);
        if let Control::Exit(exit) = charged {
            return Some(self.end(exit));
        }
        if opcode == KECCAK256 && self.keccak256().is_some() {
            self.position = position + 1;
            return None;
        }
        match eval_any(&mut self.machine, journal, position) {
            Control::NoAction => None,
            Control::Continue(length) => {
                self.position = position + length;
                None
            }
            Control::Jump(target) if self.code.is_jump_target(target) => {
                self.position = target;
                None
            }
            Control::Jump(_) => Some(self.end(ExitException::InvalidJump.into())),
            Control::Exit(exit) => Some(self.end(exit)),
            Control::Trap(trap) => Some(Capture::Trap(trap)),
        }
    }

    /// Executes KECCAK256 by the workspace's hash, which is the faster one. None, and nothing
    /// happened, unless all bytes asked for were written before: then the `evm` crate does it.
    fn keccak256(&mut self) -> Option<()> {
        let Machine { stack, memory, .. } = &mut self.machine;
        let [.., length, offset] = stack.data().as_slice() else { return None };
        let (offset, length) = (usize::try_from(*offset).ok()?, usize::try_from(*length).ok()?);
        let hash = keccak256(memory.data().get(offset..offset.checked_add(length)?)?);
        stack
            .pop()
            .and_then(|_| stack.pop())
            .and_then(|_| stack.push(to_number(U256::from_big_endian(&hash.0))))
            .ok()
    }

    fn end(&mut self, exit: ExitResult) -> Capture<ExitResult, CallCreateTrap> {
        self.position = self.code.bytes.len();
        Capture::Exit(exit)
    }

    fn step_traced(
        &mut self,
        journal: &mut Journal<'_>,
    ) -> Option<Capture<ExitResult, CallCreateTrap>> {
        let opcode = self.code.bytes.get(self.position).copied().unwrap_or_default();
        let gas = self.machine.state.gasometer.gas64();
        let step = Step {
            position: self.position,
            opcode,
            gas,
            depth: journal.depth(),
            address: address(self.machine.state.runtime.context.address),
            stack: self.machine.stack.data(),
            memory: &self.machine.memory,
            returned: &self.machine.state.runtime.retbuf,
        };
        journal.before_step(&step);
        let ended = self.step(journal);
        let error = match &ended {
            Some(Capture::Exit(Err(error))) => Some(error),
            _ => None,
        };
        journal.after_step(opcode, gas, self.machine.state.gasometer.gas64(), error);
        ended
    }
}

impl AsRef<Machine<FrameState>> for Frame {
    fn as_ref(&self) -> &Machine<FrameState> {
        &self.0.machine
    }
}

impl AsMut<Machine<FrameState>> for Frame {
    fn as_mut(&mut self) -> &mut Machine<FrameState> {
        &mut self.0.machine
    }
}

impl GasState for Frame {
    fn gas(&self) -> evm::interpreter::uint::U256 {
        self.0.machine.state.gas()
    }
}

impl<'a> Interpreter<Journal<'a>> for Frame {
    type State = FrameState;
    type Trap = CallCreateTrap;

    fn deconstruct(self) -> (FrameState, Vec<u8>) {
        let machine = self.0.machine;
        (machine.state, machine.retval)
    }

    fn state(&self) -> &FrameState {
        &self.0.machine.state
    }

    fn state_mut(&mut self) -> &mut FrameState {
        &mut self.0.machine.state
    }

    fn run(&mut self, journal: &mut Journal<'a>) -> Capture<ExitResult, CallCreateTrap> {
        if journal.inspector.is_active() {
            loop {
                if let Some(ended) = self.0.step_traced(journal) {
                    return ended;
                }
            }
        }
        loop {
            if let Some(ended) = self.0.step(journal) {
                return ended;
            }
        }
    }
}

impl<'a> FeedbackInterpreter<Journal<'a>, CallFeedback> for Frame {
    fn feedback(
        &mut self,
        feedback: CallFeedback,
        _journal: &mut Journal<'a>,
    ) -> Result<(), ExitError> {
        feedback.to_machine(self)?;
        self.0.position += 1;
        Ok(())
    }
}

impl<'a> FeedbackInterpreter<Journal<'a>, CreateFeedback> for Frame {
    fn feedback(
        &mut self,
        feedback: CreateFeedback,
        _journal: &mut Journal<'a>,
    ) -> Result<(), ExitError> {
        feedback.to_machine(self)?;
        self.0.position += 1;
        Ok(())
    }
}
