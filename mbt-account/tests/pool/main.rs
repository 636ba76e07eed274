//! The transaction pool: its rules one by one, and in random sequences against a slow twin.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
mod model;
mod rules;
