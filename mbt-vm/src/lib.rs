#![doc = include_str!("../README.md")]

mod call;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod development;
mod estimate;
mod evm;
mod fees;
mod fork;
mod genesis;
mod journal;
mod machine;
mod overrides;
mod precompile;
mod process;
pub mod system;
mod trace;
mod transaction;

pub use call::{AccessListOutcome, CallError, CallOutcome, CallRequest, CallResult};
pub use evm::Evm;
pub use fees::{FeePolicy, FeeSplit};
pub use fork::Fork;
pub use genesis::{GenesisAccount, GenesisConfig, GenesisError};
pub use machine::Halt;
pub use overrides::{AccountOverride, BlockOverrides, StateOverrides};
pub use precompile::{Precompile, PrecompileCall, PrecompileResult};
pub use trace::{
    CallTracerOptions, PrestateTracerOptions, StructLogOptions, TraceError, TracerConfig,
    TracerError,
};
