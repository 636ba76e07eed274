//! What runs at an address: native code, nothing, or a frame.

use std::rc::Rc;

use evm::{
    InvokerControl, InvokerExit,
    interpreter::uint::H160,
    interpreter::{ExitError, ExitResult, ExitSucceed, runtime::RuntimeState, trap::CallScheme},
    standard::{PrecompileSet, Resolver, ResolverOrigin},
};
use evm_precompile::StandardPrecompileSet;

use super::{Frame, FrameState, Halt};
use crate::{
    PrecompileCall,
    journal::{
        Code, Journal,
        convert::{address, number},
    },
    system,
};

/// Finds what runs at an address.
pub(crate) struct CodeResolver;

type Control = InvokerControl<Frame, FrameState>;

fn exit(result: ExitResult, retval: Vec<u8>, state: FrameState) -> Control {
    InvokerControl::DirectExit(InvokerExit { result, substate: Some(state), retval })
}

impl<'a> Resolver<Journal<'a>> for CodeResolver {
    type State = FrameState;
    type Interpreter = Frame;

    fn resolve_call(
        &self,
        _origin: ResolverOrigin,
        _scheme: CallScheme,
        code_address: H160,
        input: Vec<u8>,
        mut state: FrameState,
        journal: &mut Journal<'a>,
    ) -> Result<Control, ExitError> {
        let target = address(code_address);
        if journal.is_precompile(&target) {
            let native = match system::precompile_number(&target) {
                Some(number) => own_precompile(number, &input, &mut state, journal),
                None => StandardPrecompileSet.execute(code_address, &input, &mut state, journal),
            };
            if let Some((result, output)) = native {
                return Ok(exit(result, output, state));
            }
        }
        let code = journal.code(target);
        if code.bytes.is_empty() {
            return Ok(exit(ExitSucceed::Stopped.into(), Vec::new(), state));
        }
        Ok(InvokerControl::Enter(Frame::new(code, input, state)))
    }

    fn resolve_create(
        &self,
        _origin: ResolverOrigin,
        init_code: Vec<u8>,
        state: FrameState,
        _journal: &mut Journal<'a>,
    ) -> Result<Control, ExitError> {
        let code = Rc::new(Code::new(init_code));
        Ok(InvokerControl::Enter(Frame::new(code, Vec::new(), state)))
    }
}

fn own_precompile(
    number_of: u8,
    input: &[u8],
    state: &mut FrameState,
    journal: &Journal<'_>,
) -> Option<(ExitResult, Vec<u8>)> {
    let precompile = journal.precompiles.get(&number_of)?;
    let RuntimeState { context, .. } = &state.runtime;
    let result = precompile.execute(PrecompileCall {
        input,
        caller: address(context.caller),
        value: number(context.apparent_value),
        is_static: state.gasometer.is_static,
        gas: state.gasometer.gas64(),
    });
    Some(match (state.gasometer.record_gas64(result.gas_used), result.output) {
        (Ok(()), Ok(output)) => (ExitSucceed::Returned.into(), output),
        (Ok(()), Err(halt)) => (Err(halt.to_exit()), Vec::new()),
        (Err(_), _) => (Err(Halt::OutOfGas.to_exit()), Vec::new()),
    })
}
