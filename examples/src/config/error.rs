//! Why a configuration is refused.

use std::{io, path::PathBuf};

/// Why a configuration is refused. It names the setting, what it says, and where it was set.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("configuration file {}: line {line}: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where.
        line: usize,
        /// Why not.
        reason: String,
    },
    /// There is no such setting.
    #[error("{origin}: there is no setting {key}")]
    UnknownKey {
        /// Where it was set.
        origin: String,
        /// The setting.
        key: String,
    },
    /// The setting cannot have this value.
    #[error("{origin}: {key} = {value}: {reason}")]
    Value {
        /// Where it was set.
        origin: String,
        /// The setting.
        key: String,
        /// What it says.
        value: String,
        /// Why not.
        reason: String,
    },
    /// Settings contradict each other.
    #[error("{reason}")]
    Contradiction {
        /// How.
        reason: String,
    },
    /// The settings cannot be written.
    #[error("configuration cannot be written: {reason}")]
    Unwritable {
        /// Why not.
        reason: String,
    },
}
