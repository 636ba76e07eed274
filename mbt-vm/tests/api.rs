//! The public surface.

use mbt_vm::{
    AccessListOutcome, AccountOverride, BlockOverrides, CallError, CallOutcome, CallRequest,
    CallResult, CallTracerOptions, Evm, FeePolicy, FeeSplit, Fork, GenesisAccount, GenesisConfig,
    GenesisError, Halt, PrecompileCall, PrecompileResult, PrestateTracerOptions, StateOverrides,
    StructLogOptions, TraceError, TracerConfig, TracerError, development,
};

#[derive(Debug)]
#[allow(dead_code, reason = "every public type has Debug: that it compiles is the test")]
struct Everything<'a> {
    access_list: AccessListOutcome,
    account_override: AccountOverride,
    block_overrides: BlockOverrides,
    call_error: CallError,
    call_outcome: CallOutcome,
    call_request: CallRequest,
    call_result: CallResult,
    call_tracer: CallTracerOptions,
    development: development::DevelopmentAccount,
    evm: Evm,
    fee_policy: FeePolicy,
    fee_split: FeeSplit,
    fork: Fork,
    genesis: GenesisConfig,
    genesis_account: GenesisAccount,
    genesis_error: GenesisError,
    halt: Halt,
    overrides: StateOverrides,
    precompile_call: PrecompileCall<'a>,
    precompile_result: PrecompileResult,
    prestate: PrestateTracerOptions,
    struct_logs: StructLogOptions,
    trace_error: TraceError,
    tracer: TracerConfig,
    tracer_error: TracerError,
}

const fn is_shared_between_threads<T: Send + Sync + Clone>() {}

#[test]
fn the_machine_is_shared_between_threads() {
    is_shared_between_threads::<Evm>();
}
