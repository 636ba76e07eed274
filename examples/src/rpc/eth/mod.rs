//! `eth_*`.

pub(crate) mod blocks;
pub(crate) mod chain;
pub(crate) mod execution;
pub(crate) mod fees;
pub(crate) mod fill;
pub(crate) mod logs;
pub(crate) mod state;
pub(crate) mod sync_send;
pub(crate) mod transactions;
