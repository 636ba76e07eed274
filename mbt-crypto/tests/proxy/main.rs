//! Proxy signatures (SPEC 2, WP 3.7): their properties, the attacks they withstand, vectors that
//! the contract shares, and a slow model.
//!
//! `MBT_PROXY_SETS=10000 cargo test -p mbt-crypto --test proxy -- model` runs the long form of the
//! comparison with the model; without it 500 sets run.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod attacks;
mod epochs;
mod model;
mod properties;
mod vectors;
mod world;
