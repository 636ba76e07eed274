//! What storage engines are tested with: laws that each keeps, a store that fails on purpose, a disk
//! that loses power, and blocks to be found again afterwards.
//!
//! A law that is broken panics and says which.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "this is for tests, which fail by panicking"
)]

mod blocks;
mod disk;
mod faulty;
mod journal;
mod laws;
mod power;
mod random;

pub use blocks::Blocks;
pub use disk::SimulatedDisk;
pub use faulty::FaultyStore;
pub use journal::JournalStore;
pub use laws::{key_value_store_laws, reopened_store_laws};
pub use power::power_loss_laws;
