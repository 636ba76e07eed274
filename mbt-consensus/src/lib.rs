#![doc = include_str!("../README.md")]

mod block;
mod body;
mod chain;
mod clock;
mod config;
mod execute;
mod header;
mod reader;
mod rules;
mod sealed;
mod start;
mod table;
mod verify;

pub use block::{Block, RawBlock};
pub use body::{BODY_BYTES_MAX, Body, BodyError, InvalidBody, TRANSACTIONS_MAX};
pub use chain::{
    AcceptError, BuildError, BuildRequest, Chain, HEADERS_AHEAD_MAX, HeadChange, HeaderError,
    HeadersImported, ImportError, Imported, InvalidBlock, InvalidHeader, OpenError,
    SIDE_HEADERS_MAX, SyncPhase,
};
pub use clock::resume_offset;
pub use config::{ChainConfig, Genesis, MAX_REORG, SAFE_DEPTH};
pub use execute::{
    Ancestors, BlockContext, Candidates, Execute, ExecuteError, Execution, FilledBlock,
};
pub use header::{BlockId, EXTRA_DATA_BYTES_MAX, Header, Lot, LotId};
pub use reader::{
    ChainReader, ChainSnapshot, LOCATOR_MAX, OwnedContext, PlacedReceipt, SnapshotAncestors,
};
pub use rules::{
    BASE_FEE_MIN, GAS_LIMIT_DEFAULT, GAS_LIMIT_MIN, asert, gas_limit_follows, next_base_fee,
    next_gas_limit, prev_randao, seal,
};
pub use sealed::SealedHeader;
pub use start::{StartError, StartingPoint};
pub use verify::ChainFault;
