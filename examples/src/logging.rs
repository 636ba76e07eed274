//! What a program says while it runs, on stderr.

use std::io::{IsTerminal, stderr};

use serde::{Deserialize, Serialize};
use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What is logged, and how.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// How a line looks.
    pub format: LogFormat,
    /// Which lines: a level, or `tracing` directives. `RUST_LOG` overrides it.
    pub filter: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

/// Why logging cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The filter is not one.
    #[error("log.filter {filter:?}: {reason}")]
    Filter {
        /// What it says.
        filter: String,
        /// Why not.
        reason: tracing_subscriber::filter::ParseError,
    },
    /// Another logger is at work.
    #[error("logging was started before")]
    Started,
}

/// Returns the level that `-v` and `-q` ask for; none without them.
#[must_use]
pub fn level(verbose: u8, quiet: u8) -> Option<&'static str> {
    match i16::from(verbose) - i16::from(quiet) {
        0 => None,
        1 => Some("debug"),
        2.. => Some("trace"),
        -1 => Some("warn"),
        ..=-2 => Some("error"),
    }
}

/// Checks a filter.
///
/// # Errors
/// [`LogError::Filter`].
pub fn filter(directives: &str) -> Result<EnvFilter, LogError> {
    EnvFilter::try_new(directives)
        .map_err(|reason| LogError::Filter { filter: directives.to_owned(), reason })
}

/// Starts logging for the whole process.
///
/// # Errors
/// [`LogError`].
pub fn start(config: &LogConfig) -> Result<(), LogError> {
    let directives = match std::env::var("RUST_LOG") {
        Ok(directives) if !directives.is_empty() => directives,
        _ => quiet_libraries(&config.filter),
    };
    let registry = tracing_subscriber::registry().with(filter(&directives)?);
    let color = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let started = match config.format {
        LogFormat::Text => {
            let layer = tracing_subscriber::fmt::layer().with_writer(stderr).with_ansi(color);
            registry.with(layer.with_target(false)).try_init()
        }
        LogFormat::Json => {
            let layer = tracing_subscriber::fmt::layer().json().with_writer(stderr);
            registry.with(layer.flatten_event(true)).try_init()
        }
    };
    started.map_err(|_| LogError::Started)
}

/// Networking libraries tell little at their `info`, and too much below.
fn quiet_libraries(filter: &str) -> String {
    let plain_level = filter.chars().all(|c| c.is_ascii_alphabetic());
    if plain_level && !filter.is_empty() {
        format!("warn,mbt_examples={filter},mbt_public_node={filter},mbt_localnet={filter}")
    } else {
        filter.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_v_says_more_and_each_q_less() {
        assert_eq!([level(0, 0), level(1, 0), level(3, 0)], [None, Some("debug"), Some("trace")]);
        assert_eq!([level(0, 1), level(0, 2), level(1, 1)], [Some("warn"), Some("error"), None]);
    }

    #[test]
    fn a_malformed_filter_is_named() {
        let error = filter("mbt=loud").unwrap_err().to_string();
        assert!(error.starts_with("log.filter \"mbt=loud\": "), "{error}");
    }
}
