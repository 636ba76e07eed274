//! The `evm` crate's machine, driven our way: code is analysed once a block, a failed transaction
//! keeps gas and return data, and tracers look on.

mod driver;
mod frame;
mod halt;
mod resolver;

use evm::interpreter::{ExitError, ExitSucceed};
use mbt_crypto::Address;

pub use halt::Halt;

pub(crate) use self::{
    driver::{Start, run},
    frame::Frame,
};

/// State of a frame: gas, context, return data of its last call.
pub(crate) type FrameState = evm::standard::State<'static>;

/// How the outermost frame ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) result: Result<ExitSucceed, ExitError>,
    /// Gas left, with what is refunded.
    pub(crate) gas_left: u64,
    /// The part of it that is refunded.
    pub(crate) gas_refunded: u64,
    pub(crate) output: Vec<u8>,
    pub(crate) created: Option<Address>,
}
