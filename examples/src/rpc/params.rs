//! The positional parameters of a request.

use mbt_consensus::BlockId;
use mbt_crypto::H256;
use serde_json::Value;

use super::{
    deadline::Deadline,
    error::RequestError,
    types::{
        block_ref::BlockRef,
        param::{Param, ParamError},
    },
};

/// Parameters that are taken one by one, and how long the caller waits.
#[derive(Debug)]
pub(crate) struct Params {
    values: std::vec::IntoIter<Value>,
    next: usize,
    deadline: Deadline,
}

impl Params {
    /// Takes the JSON text of a request's `params`; `max` is how many the method knows.
    pub(crate) fn parse(json: Option<&str>, max: usize) -> Result<Self, RequestError> {
        let values = match json {
            None => Vec::new(),
            Some(json) => match serde_json::from_str(json) {
                Ok(Value::Array(values)) => values,
                Ok(Value::Null) => Vec::new(),
                Ok(_) | Err(_) => return Err(RequestError::NotAList),
            },
        };
        if values.len() > max {
            return Err(RequestError::TooManyParams { max });
        }
        Ok(Self { values: values.into_iter(), next: 0, deadline: Deadline::NEVER })
    }

    /// Sets how long the caller waits.
    pub(crate) fn until(self, deadline: Deadline) -> Self {
        Self { deadline, ..self }
    }

    /// Returns how long the caller waits.
    pub(crate) const fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Takes a parameter that must be there.
    pub(crate) fn required<T: Param>(&mut self, name: &'static str) -> Result<T, RequestError> {
        let index = self.next;
        self.optional(name)?.ok_or(RequestError::MissingParam { index, name })
    }

    /// Takes a parameter that may be absent or null.
    pub(crate) fn optional<T: Param>(
        &mut self,
        name: &'static str,
    ) -> Result<Option<T>, RequestError> {
        self.optional_with(name, T::read)
    }

    /// Takes a block's number or tag.
    pub(crate) fn numbered(&mut self) -> Result<BlockRef, RequestError> {
        self.required("block").map(BlockRef::Tag)
    }

    /// Takes a block's hash; it may be on any branch.
    pub(crate) fn named(&mut self) -> Result<BlockRef, RequestError> {
        let id = BlockId(self.required::<H256>("blockHash")?);
        Ok(BlockRef::Id { id, canonical: false })
    }

    /// Takes a parameter by a reader of its own.
    pub(crate) fn optional_with<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&Value) -> Result<T, ParamError>,
    ) -> Result<Option<T>, RequestError> {
        let index = self.next;
        self.next = index.saturating_add(1);
        match self.values.next() {
            None | Some(Value::Null) => Ok(None),
            Some(value) => read(&value).map(Some).map_err(|reason| RequestError::InvalidParam {
                index,
                name,
                reason,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use mbt_crypto::Address;

    use super::*;

    #[test]
    fn errors_name_place_and_parameter() {
        let mut params = Params::parse(Some("[\"0x1\"]"), 2).unwrap();
        let error = params.required::<Address>("address").unwrap_err();
        assert!(error.to_string().starts_with("invalid argument 0 (address): "), "{error}");
        let error = params.required::<bool>("full").unwrap_err();
        assert_eq!(error.to_string(), "missing value for required argument 1 (full)");
        assert!(matches!(
            Params::parse(Some("[1,2,3]"), 2),
            Err(RequestError::TooManyParams { max: 2 })
        ));
        assert!(matches!(Params::parse(Some("{}"), 2), Err(RequestError::NotAList)));
    }
}
