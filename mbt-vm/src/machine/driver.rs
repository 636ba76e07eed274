//! Runs a transaction's outermost call. Calls inside go the `evm` crate's way; start and end are
//! ours: fees, nonces and validity are settled outside, and nothing of a failed call is lost.

use core::convert::Infallible;
use std::rc::Rc;

use evm::{
    Invoker, InvokerControl, InvokerExit, MergeStrategy,
    backend::{RuntimeBackend, TransactionalBackend},
    interpreter::{
        Capture, ExitError, ExitException, ExitFatal, ExitResult,
        runtime::{Context, RuntimeState, SetCodeOrigin, TouchKind, TransactionContext, Transfer},
        trap::{CallCreateTrap, CallScheme},
        uint::H160,
    },
    standard::{
        GasometerState, Invoker as StandardInvoker, InvokerState, ResolverOrigin, SubstackInvoke,
        routines,
    },
};
use mbt_crypto::{Address, U256};

use super::{Ended, Frame, FrameState, Halt, resolver::CodeResolver};
use crate::{
    journal::{
        Journal,
        convert::{address, number, to_address, to_number},
    },
    trace::{CallKind, Entered},
};

/// Frames that recurse on the native stack before the rest lives on the heap.
const NATIVE_FRAMES: usize = 4;

/// Gas that a call with value gives on top.
const STIPEND: u64 = 2300;

static RESOLVER: CodeResolver = CodeResolver;

/// The outermost call of a transaction whose gas and nonce are paid for.
pub(crate) struct Start {
    pub(crate) caller: Address,
    pub(crate) target: Address,
    pub(crate) creates: bool,
    pub(crate) value: U256,
    pub(crate) input: Vec<u8>,
    pub(crate) gas_price: U256,
    /// With the intrinsic gas taken off.
    pub(crate) gasometer: GasometerState,
}

struct Driver(StandardInvoker<'static, 'static, CodeResolver>);

struct Substack {
    inner: SubstackInvoke,
    /// Gas the callee got.
    given: u64,
}

/// Runs a call to its end. Changes of a failed one are taken back.
pub(crate) fn run(start: Start, journal: &mut Journal<'_>) -> Ended {
    let depth = journal.depth();
    let driver = Driver(StandardInvoker::new(&RESOLVER));
    let gas = start.gasometer.gas64();
    let (caller, target, creates, value) = (start.caller, start.target, start.creates, start.value);
    if journal.inspector.is_active() {
        journal.enter(Entered {
            kind: if creates { CallKind::Create } else { CallKind::Call },
            from: caller,
            to: target,
            value: Some(value),
            input: start.input.clone(),
            gas,
        });
    }
    let ended =
        evm::transact(start, Some(NATIVE_FRAMES), journal, &driver).unwrap_or_else(|fatal| {
            while journal.depth() > depth {
                journal.revert();
            }
            Ended {
                result: Err(fatal),
                gas_left: 0,
                gas_refunded: 0,
                output: Vec::new(),
                created: None,
            }
        });
    if journal.inspector.is_active() {
        let halt = ended.result.as_ref().err();
        journal.leave(ended.output.clone(), gas.saturating_sub(ended.gas_left), halt);
    }
    ended
}

impl<'a> Invoker<Journal<'a>> for Driver {
    type State = FrameState;
    type Interpreter = Frame;
    type Interrupt = Infallible;
    type TransactArgs = Start;
    type TransactInvoke = Option<H160>;
    type TransactValue = Ended;
    type SubstackInvoke = Substack;

    fn new_transact(
        &self,
        start: Start,
        journal: &mut Journal<'a>,
    ) -> Result<(Option<H160>, InvokerControl<Frame, FrameState>), ExitError> {
        journal.push();
        let (caller, target) = (to_address(start.caller), to_address(start.target));
        let value = to_number(start.value);
        let context = TransactionContext { gas_price: to_number(start.gas_price), origin: caller };
        let state = FrameState {
            runtime: RuntimeState {
                context: Context { address: target, caller, apparent_value: value },
                transaction_context: Rc::new(context),
                retbuf: Vec::new(),
            },
            gasometer: start.gasometer,
            config: journal.config(),
        };
        let transfer = Transfer { source: caller, target, value };
        journal.mark_hot(target, TouchKind::Access);
        let control = if start.creates {
            routines::make_enter_create_machine(
                ResolverOrigin::Transaction,
                &RESOLVER,
                caller,
                start.input,
                transfer,
                state,
                journal,
            )?
        } else {
            routines::make_enter_call_machine(
                ResolverOrigin::Transaction,
                &RESOLVER,
                CallScheme::Call,
                target,
                start.input,
                Some(transfer),
                state,
                journal,
            )?
        };
        Ok((start.creates.then_some(target), control))
    }

    fn finalize_transact(
        &self,
        created: &Option<H160>,
        exit: InvokerExit<FrameState>,
        journal: &mut Journal<'a>,
    ) -> Result<Ended, ExitError> {
        let InvokerExit { mut result, substate, retval } = exit;
        let mut state = substate.ok_or(ExitFatal::Unfinished)?;
        if let (Ok(_), Some(target)) = (&result, created) {
            let code = retval.clone();
            let origin = SetCodeOrigin::Transaction;
            if let Err(error) =
                routines::deploy_create_code(*target, code, &mut state, journal, origin)
            {
                result = Err(error);
            }
        }
        let (strategy, left) = match &result {
            Ok(_) => (MergeStrategy::Commit, state.effective_gas(true)),
            Err(ExitError::Reverted) => (MergeStrategy::Revert, state.effective_gas(false)),
            Err(_) => (MergeStrategy::Discard, 0.into()),
        };
        let unrefunded = if result.is_ok() { state.effective_gas(false) } else { left };
        let gas_refunded = left.saturating_sub(unrefunded).low_u64();
        journal.pop_substate(strategy)?;
        let output = match &result {
            Ok(_) | Err(ExitError::Reverted) => retval,
            Err(_) => Vec::new(),
        };
        let created = created.filter(|_| result.is_ok()).map(address);
        Ok(Ended { result, gas_left: left.low_u64(), gas_refunded, output, created })
    }

    fn enter_substack(
        &self,
        trap: CallCreateTrap,
        machine: &mut Frame,
        journal: &mut Journal<'a>,
        depth: usize,
    ) -> Capture<Result<(Substack, InvokerControl<Frame, FrameState>), ExitError>, Infallible> {
        let before = machine.gas();
        let stipend = match &trap {
            CallCreateTrap::Call(call) if call.has_value() => STIPEND,
            _ => 0,
        };
        let seen = journal.inspector.is_active().then(|| entered(&trap));
        match self.0.enter_substack(trap, machine, journal, depth) {
            Capture::Exit(Ok((inner, control))) => {
                let given = before.saturating_sub(machine.gas()).saturating_add(stipend);
                if let Some(mut seen) = seen {
                    seen.gas = given;
                    if let SubstackInvoke::Create { address: target, .. } = &inner {
                        seen.to = address(*target);
                    }
                    journal.pay_call(given.saturating_sub(stipend), seen.kind);
                    journal.enter(seen);
                }
                Capture::Exit(Ok((Substack { inner, given }, control)))
            }
            Capture::Exit(Err(error)) => Capture::Exit(Err(error)),
            Capture::Trap(trap) => Capture::Trap(trap),
        }
    }

    fn exit_substack(
        &self,
        substack: Substack,
        exit: InvokerExit<FrameState>,
        parent: &mut Frame,
        journal: &mut Journal<'a>,
    ) -> Result<(), ExitError> {
        if !journal.inspector.is_active() {
            return self.0.exit_substack(substack.inner, exit, parent, journal);
        }
        let creates = matches!(substack.inner, SubstackInvoke::Create { .. });
        let (result, output) = (exit.result.clone(), exit.retval.clone());
        let before = parent.gas();
        self.0.exit_substack(substack.inner, exit, parent, journal)?;
        let returned = parent.gas().saturating_sub(before);
        let used = substack.given.saturating_sub(returned);
        let error = failure(result, creates && parent.top_is_zero(), &output);
        journal.leave(output, used, error.as_ref());
        Ok(())
    }
}

/// A creation can fail after its code ended well.
fn failure(result: ExitResult, creation_failed: bool, code: &[u8]) -> Option<ExitError> {
    match result {
        Err(error) => Some(error),
        Ok(_) if !creation_failed => None,
        Ok(_) if code.first() == Some(&0xef) => Some(Halt::InvalidCode.to_exit()),
        Ok(_) if code.len() > 0x6000 => Some(ExitException::CreateContractLimit.into()),
        Ok(_) => Some(ExitException::OutOfGas.into()),
    }
}

fn entered(trap: &CallCreateTrap) -> Entered {
    match trap {
        CallCreateTrap::Call(call) => {
            let (kind, from, value) = match call.scheme {
                CallScheme::Call => (CallKind::Call, call.context.caller, true),
                CallScheme::CallCode => (CallKind::CallCode, call.context.address, true),
                CallScheme::DelegateCall => (CallKind::DelegateCall, call.context.address, true),
                CallScheme::StaticCall => (CallKind::StaticCall, call.context.caller, false),
            };
            Entered {
                kind,
                from: address(from),
                to: address(call.target),
                value: value.then(|| number(call.context.apparent_value)),
                input: call.input.clone(),
                gas: 0,
            }
        }
        CallCreateTrap::Create(create) => {
            let (kind, from) = match create.scheme {
                evm::interpreter::trap::CreateScheme::Legacy { caller } => {
                    (CallKind::Create, caller)
                }
                evm::interpreter::trap::CreateScheme::Create2 { caller, .. } => {
                    (CallKind::Create2, caller)
                }
            };
            Entered {
                kind,
                from: address(from),
                to: Address::ZERO,
                value: Some(number(create.value)),
                input: create.code.clone(),
                gas: 0,
            }
        }
    }
}
