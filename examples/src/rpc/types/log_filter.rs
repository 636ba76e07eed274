//! Which logs a client asks for.

use mbt_account::{Bloom, Log};
use mbt_consensus::BlockId;
use mbt_crypto::{Address, H256};
use serde_json::Value;

use super::{
    block_ref::BlockTag,
    param::{Fields, Param, ParamError, in_field, list, wrong_type},
};

/// Most addresses in a filter.
const ADDRESSES_MAX: usize = 1000;
/// Most choices for one topic.
const CHOICES_MAX: usize = 1000;
/// Most topics of a log.
const TOPICS_MAX: usize = 4;

/// The blocks whose logs are asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LogRange {
    /// One block by name.
    Block(BlockId),
    /// Blocks by place, both ends included.
    Between { from: BlockTag, to: BlockTag },
}

/// Addresses and topics; an empty list of choices takes all.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct LogMatcher {
    /// The contract is one of these.
    pub(crate) addresses: Vec<Address>,
    /// The topic at each place is one of these.
    pub(crate) topics: Vec<Vec<H256>>,
}

/// A range and a matcher.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct LogFilter {
    /// The blocks.
    pub(crate) range: LogRange,
    /// The logs.
    pub(crate) matcher: LogMatcher,
}

impl LogMatcher {
    /// Tells whether a block or receipt with this bloom may hold a match.
    pub(crate) fn may_match(&self, bloom: &Bloom) -> bool {
        let address = |address: &Address| bloom.may_contain(&address.0);
        let topic = |topic: &H256| bloom.may_contain(&topic.0);
        (self.addresses.is_empty() || self.addresses.iter().any(address))
            && self.topics.iter().all(|choices| choices.is_empty() || choices.iter().any(topic))
    }

    /// Tells whether a log is asked for.
    pub(crate) fn matches(&self, log: &Log) -> bool {
        (self.addresses.is_empty() || self.addresses.contains(&log.address))
            && self.topics.len() <= log.topics.len()
            && self
                .topics
                .iter()
                .zip(&log.topics)
                .all(|(choices, topic)| choices.is_empty() || choices.contains(topic))
    }

    fn from_fields(fields: &Fields<'_>) -> Result<Self, ParamError> {
        let addresses = match fields.0.get("address") {
            None | Some(Value::Null) => Vec::new(),
            Some(value @ Value::Array(_)) => list(value, "list of addresses", ADDRESSES_MAX)
                .map_err(|reason| in_field("address", reason))?,
            Some(_) => vec![fields.required("address")?],
        };
        let topics = match fields.0.get("topics") {
            None | Some(Value::Null) => Vec::new(),
            Some(value) => {
                let topics: Vec<Choices> = list(value, "list of topics", TOPICS_MAX)
                    .map_err(|reason| in_field("topics", reason))?;
                topics.into_iter().map(|choices| choices.0).collect()
            }
        };
        Ok(Self { addresses, topics })
    }
}

/// What a topic may be: null for anything, one hash, or a list of them.
struct Choices(Vec<H256>);

impl Param for Choices {
    fn read(value: &Value) -> Result<Self, ParamError> {
        match value {
            Value::Null => Ok(Self(Vec::new())),
            Value::String(_) => Ok(Self(vec![H256::read(value)?])),
            Value::Array(items) if items.iter().any(Value::is_null) => Ok(Self(Vec::new())),
            Value::Array(_) => list(value, "list of topic choices", CHOICES_MAX).map(Self),
            other => Err(wrong_type("null, topic or list of topics", other)),
        }
    }
}

impl Param for LogMatcher {
    fn read(value: &Value) -> Result<Self, ParamError> {
        Self::from_fields(&Fields::of(value)?)
    }
}

impl Param for LogFilter {
    fn read(value: &Value) -> Result<Self, ParamError> {
        let fields = Fields::of(value)?;
        let id = fields.optional::<H256>("blockHash")?;
        let from = fields.optional("fromBlock")?;
        let to = fields.optional("toBlock")?;
        let range = match (id, from, to) {
            (Some(id), None, None) => LogRange::Block(BlockId(id)),
            (Some(_), ..) => {
                return Err(ParamError::Contradiction(
                    "cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other",
                ));
            }
            (None, from, to) => LogRange::Between {
                from: from.unwrap_or(BlockTag::Latest),
                to: to.unwrap_or(BlockTag::Latest),
            },
        };
        Ok(Self { range, matcher: LogMatcher::from_fields(&fields)? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn matcher(topics: Vec<Vec<H256>>) -> LogMatcher {
        LogMatcher { addresses: Vec::new(), topics }
    }

    #[test]
    fn topics_are_matched_by_place_and_choice() {
        let [a, b] = [H256([1; 32]), H256([2; 32])];
        let log = Log { topics: vec![a, b], ..Log::default() };
        assert!(matcher(vec![]).matches(&log));
        assert!(matcher(vec![vec![], vec![a, b]]).matches(&log));
        assert!(!matcher(vec![vec![b]]).matches(&log));
        assert!(!matcher(vec![vec![a], vec![b], vec![]]).matches(&log), "log has two topics");
    }

    #[test]
    fn ranges_and_block_hash_exclude_each_other() {
        let id = format!("{}", BlockId::ZERO);
        assert!(LogFilter::read(&json!({ "blockHash": id, "fromBlock": "0x1" })).is_err());
        assert!(LogFilter::read(&json!({ "topics": [null, null, null, null, null] })).is_err());
        assert!(LogFilter::read(&json!({})).is_ok());
    }

    proptest! {
        #[test]
        fn bloom_never_hides_a_match(
            address in any::<[u8; 20]>(),
            topics in prop::collection::vec(any::<[u8; 32]>(), 0..4),
        ) {
            let topics: Vec<H256> = topics.into_iter().map(H256).collect();
            let log = Log { address: Address(address), topics: topics.clone(), data: Vec::new() };
            let matcher = LogMatcher {
                addresses: vec![Address(address)],
                topics: topics.into_iter().map(|topic| vec![topic]).collect(),
            };
            let mut bloom = Bloom::ZERO;
            bloom.accrue_logs(std::slice::from_ref(&log));
            prop_assert!(matcher.matches(&log) && matcher.may_match(&bloom));
        }
    }
}
