//! A small node kit: what the thin programs beside it are made of. It holds no rule of the
//! protocol; those are in the crates below.

pub mod client;
pub mod clock;
pub mod config;
pub mod exit;
pub mod localnet;
pub mod logging;
pub mod metrics;
pub mod mining;
pub mod network;
pub mod node;
pub mod rpc;
pub mod service;
pub mod storage;
pub mod sync;
