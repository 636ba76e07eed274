//! The `evm` crate's machine, driven our way.

mod halt;

pub use halt::Halt;
