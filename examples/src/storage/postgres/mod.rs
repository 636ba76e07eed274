//! The engine for chains that outgrow one machine's disk: a schema of a PostgreSQL database, with a
//! table for each column.
//!
//! A node is the only writer of its schema. An advisory lock keeps other nodes out; it is held by
//! the session that writes, so whoever loses that connection loses the lock with it. Each node that
//! takes a schema raises its *generation*, and each batch the count of batches, both in the table
//! `_owner`. So a node that connects again can tell whether somebody else was there in between, and
//! whether a batch whose commit it did not see the end of was applied.
//!
//! Connections are not encrypted: a database on another machine is used only when the address says
//! `sslmode=disable`, which is for private networks and tunnels.

mod bridge;
mod connection;
mod error;
mod read;
mod sql;
mod store;
mod writer;

pub use error::PostgresError;
pub use read::PostgresSnapshot;
pub use store::{PostgresSettings, PostgresStore};
