//! A person's way with `mbt-wallet`: keys, coin, a contract, signatures, and the same account in
//! another wallet. The programs are the real ones, and so is the network.
#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests fail by panicking")]

mod cli;
mod hostile;
mod keys;
mod refusals;
mod walk;
