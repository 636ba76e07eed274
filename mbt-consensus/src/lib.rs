#![doc = include_str!("../README.md")]

mod block;
mod execute;
mod header;

pub use block::{Block, Body};
pub use execute::{
    Ancestors, BlockContext, Candidates, Execute, ExecuteError, Execution, FilledBlock,
};
pub use header::{BlockId, Header, Lot, LotId};
