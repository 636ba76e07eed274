//! Catching up: headers from the peer with most work, bodies from all peers, blocks in order.
//!
//! [`Synchroniser`] decides, without I/O and without a clock; a thin task carries out.

mod event;
mod limits;
mod machine;
mod peers;
mod prepare;
mod progress;
mod task;
mod window;

pub use event::{
    BlockOutcome, Effect, HeadersOutcome, Input, Job, Millis, RequestFailure, RequestId, Tip,
};
pub use limits::Limits;
pub use machine::{Progress, Synchroniser};
pub(crate) use task::SyncTask;
