//! Why the database did not do what was asked.

use std::sync::Arc;

use mbt_trie::StoreError;

/// Why the database did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// The address cannot be read.
    #[error("database address {url} is not valid: {reason}")]
    Address {
        /// The address, without its password.
        url: String,
        /// Why not.
        reason: String,
    },
    /// The connection would be open to others.
    #[error(
        "database address {url} asks for a connection over the network, and TLS is not supported: \
         say sslmode=disable on a private network or through a tunnel"
    )]
    Unencrypted {
        /// The address, without its password.
        url: String,
    },
    /// A column's name cannot name a table.
    #[error("column {name:?} cannot be a table")]
    Name {
        /// The name.
        name: String,
    },
    /// Another node uses the schema.
    #[error("schema {schema} of the database is in use by another node")]
    InUse {
        /// The schema.
        schema: String,
    },
    /// Another node used the schema while this one had lost its connection.
    #[error("another node has taken the database over")]
    TakenOver,
    /// A batch that was reported as failed turned out to be applied.
    #[error("a batch whose end was not seen was applied: the node must be started again")]
    Diverged,
    /// The server cannot be reached, or ended the connection.
    #[error("connection to the database is lost: {0}")]
    Connection(#[source] tokio_postgres::Error),
    /// What a snapshot saw is gone with its connection.
    #[error("a snapshot was lost with its connection")]
    SnapshotLost,
    /// All connections are taken by snapshots.
    #[error("all {max} connections to the database are in use")]
    Busy {
        /// The bound.
        max: usize,
    },
    /// The server refused.
    #[error("database refused: {0}")]
    Refused(String),
    /// The engine's own thread is gone.
    #[error("the engine has stopped")]
    Stopped,
    /// The system gives no thread.
    #[error("thread of the database: {0}")]
    Thread(#[source] std::io::Error),
}

impl PostgresError {
    /// Tells whether it makes sense to connect again.
    pub(super) const fn is_connection(&self) -> bool {
        matches!(self, Self::Connection(_))
    }

    /// Says what was asked when this came back.
    pub(super) fn during(operation: &'static str) -> impl FnOnce(Self) -> StoreError {
        move |error| StoreError::Engine { operation, source: Arc::new(error) }
    }
}

impl From<tokio_postgres::Error> for PostgresError {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            // Class 57 with these codes: the server shuts down or was told to end the session.
            Some(server) if server.code().code().starts_with("57P") => Self::Connection(error),
            Some(server) => {
                Self::Refused(format!("{} ({})", server.message(), server.code().code()))
            }
            None => Self::Connection(error),
        }
    }
}
