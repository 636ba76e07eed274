//! What a trace shall show, as geth's second parameter says it.

use serde::Deserialize;
use serde_json::Value;

/// Most steps that a struct log holds when its options do not say.
pub(super) const STEPS_MAX: usize = 1_000_000;

/// What a trace shall show.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TracerConfig {
    /// Every step (geth's default).
    StructLogs(StructLogOptions),
    /// The tree of calls (`callTracer`).
    Call(CallTracerOptions),
    /// The state before, or what changed (`prestateTracer`).
    Prestate(PrestateTracerOptions),
}

/// Which columns a struct log has.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct StructLogOptions {
    /// Shows the memory before each step.
    pub enable_memory: bool,
    /// Leaves out the stack.
    pub disable_stack: bool,
    /// Leaves out the slots read and written.
    pub disable_storage: bool,
    /// Shows the data that the last call returned.
    pub enable_return_data: bool,
    /// Most steps shown; zero means a million.
    pub limit: usize,
}

/// What the tree of calls shows.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct CallTracerOptions {
    /// Leaves out all but the transaction's own call.
    pub only_top_call: bool,
    /// Shows events with the call that emitted them.
    pub with_log: bool,
}

/// What the prestate shows.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct PrestateTracerOptions {
    /// Shows what changed, before and after, and not all that was read.
    pub diff_mode: bool,
    /// Leaves out code.
    pub disable_code: bool,
    /// Leaves out storage.
    pub disable_storage: bool,
}

/// Why the options of a trace are refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TracerError {
    /// There is no tracer of this name.
    #[error("tracer not found: {0}")]
    Unknown(String),
    /// An option has the wrong type.
    #[error("invalid tracer options: {0}")]
    Options(String),
}

impl Default for TracerConfig {
    fn default() -> Self {
        Self::StructLogs(StructLogOptions::default())
    }
}

impl TracerConfig {
    /// Reads geth's object `{tracer, tracerConfig, enableMemory, ...}`; null gives the default.
    ///
    /// # Errors
    /// [`TracerError`].
    pub fn from_json(value: &Value) -> Result<Self, TracerError> {
        let null = Value::Null;
        let options = value.get("tracerConfig").unwrap_or(&null);
        match value.get("tracer").unwrap_or(&null) {
            Value::Null => read(value).map(Self::StructLogs),
            Value::String(name) => match name.as_str() {
                "" | "structLogger" => read(value).map(Self::StructLogs),
                "callTracer" => read(options).map(Self::Call),
                "prestateTracer" => read(options).map(Self::Prestate),
                other => Err(TracerError::Unknown(other.to_owned())),
            },
            other => Err(TracerError::Options(format!("tracer is not a string: {other}"))),
        }
    }
}

fn read<T: Default + for<'de> Deserialize<'de>>(value: &Value) -> Result<T, TracerError> {
    if value.is_null() {
        return Ok(T::default());
    }
    T::deserialize(value).map_err(|error| TracerError::Options(error.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn geths_options_are_read() {
        let read = |value| TracerConfig::from_json(&value).unwrap();
        assert_eq!(read(Value::Null), TracerConfig::default());
        assert_eq!(
            read(json!({ "tracer": "callTracer", "tracerConfig": { "withLog": true } })),
            TracerConfig::Call(CallTracerOptions { only_top_call: false, with_log: true })
        );
        let TracerConfig::StructLogs(options) =
            read(json!({ "enableMemory": true, "limit": 3, "timeout": "5s" }))
        else {
            panic!("struct logs are the default");
        };
        assert!(options.enable_memory && options.limit == 3);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for wrong in [
            json!({ "tracer": "4byteTracer" }),
            json!({ "tracer": 5 }),
            json!({ "tracer": "callTracer", "tracerConfig": { "withLog": "yes" } }),
        ] {
            assert!(TracerConfig::from_json(&wrong).is_err(), "{wrong}");
        }
    }
}
