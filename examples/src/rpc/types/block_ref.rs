//! How a request names a block: tag, number, or EIP-1898's object.

use mbt_consensus::BlockId;
use mbt_crypto::{H256, U256};
use serde_json::Value;

use super::param::{Fields, Param, ParamError, number, text, wrong_type};

/// A block by place in the chain.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum BlockTag {
    /// Genesis.
    Earliest,
    /// The block `M` below the head.
    Finalized,
    /// The block 12 below the head.
    Safe,
    /// The head.
    #[default]
    Latest,
    /// The head with the pool's transactions on top.
    Pending,
    /// A number.
    Number(u64),
}

/// A block by place or by name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum BlockRef {
    /// By place.
    Tag(BlockTag),
    /// By name; `canonical` demands that it is on the head's branch.
    Id { id: BlockId, canonical: bool },
}

impl Default for BlockRef {
    fn default() -> Self {
        Self::Tag(BlockTag::Latest)
    }
}

impl Param for BlockTag {
    fn read(value: &Value) -> Result<Self, ParamError> {
        match text(value, "block number or tag")? {
            "earliest" => Ok(Self::Earliest),
            "finalized" => Ok(Self::Finalized),
            "safe" => Ok(Self::Safe),
            "latest" | "" => Ok(Self::Latest),
            "pending" => Ok(Self::Pending),
            digits if digits.starts_with("0x") => block_number(digits).map(Self::Number),
            word => Err(ParamError::UnknownWord { what: "block tag", word: shorten(word) }),
        }
    }
}

/// Reads a block number. Numbers above 2^64 name no block and are wrong.
fn block_number(digits: &str) -> Result<u64, ParamError> {
    let value: U256 = number(digits)?;
    u64::try_from(value).map_err(|_| ParamError::TooLarge { bits: 64 })
}

impl Param for BlockRef {
    fn read(value: &Value) -> Result<Self, ParamError> {
        match value {
            Value::String(text) if text.len() == 66 => {
                Ok(Self::Id { id: BlockId(H256::read(value)?), canonical: false })
            }
            Value::String(_) => BlockTag::read(value).map(Self::Tag),
            Value::Object(_) => Self::from_object(&Fields::of(value)?),
            other => Err(wrong_type("block number, tag or object", other)),
        }
    }
}

impl BlockRef {
    /// The block that the pool's transactions would make.
    pub(crate) const PENDING: Self = Self::Tag(BlockTag::Pending);

    fn from_object(fields: &Fields<'_>) -> Result<Self, ParamError> {
        let number = fields.optional::<BlockTag>("blockNumber")?;
        let id = fields.optional::<H256>("blockHash")?;
        match (number, id) {
            (Some(_), Some(_)) => Err(ParamError::Contradiction(
                "cannot specify both BlockHash and BlockNumber, choose one or the other",
            )),
            (Some(tag), None) => Ok(Self::Tag(tag)),
            (None, Some(id)) => Ok(Self::Id {
                id: BlockId(id),
                canonical: fields.optional("requireCanonical")?.unwrap_or(false),
            }),
            (None, None) => Err(ParamError::MissingField("blockHash")),
        }
    }
}

/// Bounds a foreign word that goes into an error text.
pub(crate) fn shorten(word: &str) -> String {
    word.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form_of_eip_1898_is_read() {
        let id = BlockId(H256([7; 32]));
        let text = format!("{id}");
        for (value, expected) in [
            (json!("latest"), BlockRef::default()),
            (json!("0x10"), BlockRef::Tag(BlockTag::Number(16))),
            (json!({ "blockNumber": "0x10" }), BlockRef::Tag(BlockTag::Number(16))),
            (json!(text), BlockRef::Id { id, canonical: false }),
            (
                json!({ "blockHash": text, "requireCanonical": true }),
                BlockRef::Id { id, canonical: true },
            ),
        ] {
            assert_eq!(BlockRef::read(&value), Ok(expected), "{value}");
        }
        for wrong in [json!("newest"), json!({}), json!(7), json!("0x007")] {
            assert!(BlockRef::read(&wrong).is_err(), "{wrong}");
        }
    }
}
