//! JSON of accounts and transactions as JSON-RPC shows them (feature `serde`).
//!
//! Each type has a form, a struct of the texts' types; what has a form is written through it and
//! read through it, and reading checks all that decoding bytes checks.

mod account;
mod payload;
mod text;
mod transaction;

/// Writes and reads a type through its form: `From<&Type>` and `TryFrom<Form>`.
macro_rules! through_form {
    ($($type:ty => $form:ty),+ $(,)?) => { $(
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                <$form>::from(self).serialize(serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let form = <$form as serde::Deserialize>::deserialize(from)?;
                Self::try_from(form).map_err(serde::de::Error::custom)
            }
        }
    )+ };
}
use through_form;
