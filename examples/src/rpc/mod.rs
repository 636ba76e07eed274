//! JSON-RPC over HTTP and WebSocket on one port: Ethereum's methods in geth's words, and this
//! chain's own under `mbt_`. `docs/rpc.md` lists them all.

mod api;
mod branch;
mod config;
mod deadline;
mod debug;
mod dispatch;
mod door;
mod error;
mod eth;
mod filters;
mod ids;
mod mbt;
mod method;
mod net;
mod ots;
mod params;
mod pending;
mod send;
mod server;
mod subscriptions;
mod txpool;
mod types;
mod view;

pub use config::{Namespace, RpcConfig};
pub use error::RpcError;
pub use server::{RpcServer, method_names, serve};
