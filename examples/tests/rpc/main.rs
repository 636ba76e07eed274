//! JSON-RPC of a real node, over real sockets.

mod arbitrary;
mod client;
mod contract;
mod docs;
mod errors;
mod limits;
mod methods;
mod node;
mod subscriptions;
