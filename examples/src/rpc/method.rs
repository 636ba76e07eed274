//! A method: its name, how it runs, and what it does.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::{api::Api, deadline::Deadline, error::RequestError, params::Params};

/// What a method answers: finished JSON, made on the thread that did the work.
pub(crate) type Answer = Result<Box<RawValue>, RequestError>;

/// Where a method runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Run {
    /// At once: memory or a few keys of the store.
    Inline,
    /// On a blocking thread: blocks, receipts, proofs.
    Read,
    /// On a blocking thread, few at a time and not for long: execution and scans.
    Heavy,
}

/// A method of the server.
#[derive(Clone, Copy)]
pub(crate) struct Method {
    /// Its name.
    pub(crate) name: &'static str,
    /// Most parameters.
    pub(crate) params_max: usize,
    /// Where it runs.
    pub(crate) run: Run,
    /// What it does.
    pub(crate) answer: fn(&Api, &mut Params) -> Answer,
}

impl std::fmt::Debug for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Method").field("name", &self.name).field("run", &self.run).finish()
    }
}

impl Method {
    /// Declares a method that runs at once.
    pub(crate) const fn inline(
        name: &'static str,
        params_max: usize,
        answer: fn(&Api, &mut Params) -> Answer,
    ) -> Self {
        Self { name, params_max, run: Run::Inline, answer }
    }

    /// Declares a method that reads much.
    pub(crate) const fn read(
        name: &'static str,
        params_max: usize,
        answer: fn(&Api, &mut Params) -> Answer,
    ) -> Self {
        Self { name, params_max, run: Run::Read, answer }
    }

    /// Declares a method that computes much.
    pub(crate) const fn heavy(
        name: &'static str,
        params_max: usize,
        answer: fn(&Api, &mut Params) -> Answer,
    ) -> Self {
        Self { name, params_max, run: Run::Heavy, answer }
    }

    /// Reads the parameters and answers; the caller waits until the deadline.
    pub(crate) fn call(&self, api: &Api, json: Option<&str>, deadline: Deadline) -> Answer {
        let mut params = Params::parse(json, self.params_max)?.until(deadline);
        (self.answer)(api, &mut params)
    }
}

/// Turns a value into an answer.
pub(crate) fn answer(value: &impl Serialize) -> Answer {
    to_raw_value(value).map_err(|error| RequestError::Internal(error.to_string()))
}

/// The answer for something that is not there.
pub(crate) fn null() -> Answer {
    Ok(RawValue::NULL.to_owned())
}
