//! JSON-RPC of a real node, over real sockets.
#![allow(
    clippy::expect_used,
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers fail the test that calls them"
)]

mod arbitrary;
mod client;
mod contract;
mod docs;
mod errors;
mod limits;
mod methods;
mod node;
mod own_types;
mod senders;
mod subscriptions;
