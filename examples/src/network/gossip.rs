//! Topics of the gossip, and bundles of transactions.

use std::time::Duration;

use libp2p::gossipsub::{self, IdentTopic, MessageId};
use mbt_account::{
    RecoveredTransaction,
    codec::{DecodeError, Reader},
};
use mbt_consensus::{BODY_BYTES_MAX, BlockId};
use mbt_crypto::keccak256;
use rlp::RlpStream;

use super::{config::NetworkError, message::read_transactions};

/// Most transactions in a bundle.
pub const BUNDLE_MAX: usize = 256;

/// Longest bundle in bytes. It holds the longest transaction that pools take.
pub const BUNDLE_BYTES_MAX: usize = 192 << 10;

/// Longest block in bytes.
const BLOCK_BYTES_MAX: usize = BODY_BYTES_MAX + (8 << 10);

/// The two topics of a chain.
#[derive(Clone, Debug)]
pub(super) struct Topics {
    pub(super) blocks: IdentTopic,
    pub(super) transactions: IdentTopic,
}

impl Topics {
    pub(super) fn new(chain_id: u64, genesis_id: &BlockId) -> Self {
        let [blocks, transactions] = topic_names(chain_id, genesis_id);
        Self { blocks: IdentTopic::new(blocks), transactions: IdentTopic::new(transactions) }
    }
}

/// Returns the names of a chain's topics: blocks, transactions.
#[must_use]
pub fn topic_names(chain_id: u64, genesis_id: &BlockId) -> [String; 2] {
    let [a, b, c, d, ..] = genesis_id.as_bytes();
    let genesis = hex::encode([*a, *b, *c, *d]);
    ["blocks", "transactions"].map(|kind| format!("/mbt/{chain_id}/{genesis}/{kind}"))
}

/// Returns the rules of the gossip: nothing is passed on before it was checked, and equal bytes
/// are one message, whoever sends them.
pub(super) fn config(topics: &Topics) -> Result<gossipsub::Config, NetworkError> {
    gossipsub::ConfigBuilder::default()
        .validation_mode(gossipsub::ValidationMode::Anonymous)
        .validate_messages()
        .message_id_fn(|message| MessageId::from(keccak256(&message.data).0.to_vec()))
        .max_transmit_size(BLOCK_BYTES_MAX)
        .max_transmit_size_for_topic(BLOCK_BYTES_MAX, topics.blocks.hash())
        .max_transmit_size_for_topic(BUNDLE_BYTES_MAX, topics.transactions.hash())
        .heartbeat_interval(Duration::from_millis(500))
        .heartbeat_initial_delay(Duration::from_millis(100))
        .history_length(12)
        .history_gossip(6)
        .build()
        .map_err(|error| NetworkError::Protocol { protocol: "gossip", reason: error.to_string() })
}

/// Why bytes are no bundle.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The bytes are not the shortest encoding of a list of transactions.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// It is longer than a bundle may be.
    #[error("bundle of {found} bytes is longer than {max}")]
    TooLong {
        /// Its bytes.
        found: usize,
        /// Most bytes allowed.
        max: usize,
    },
    /// It holds nothing.
    #[error("bundle is empty")]
    Empty,
}

/// Transactions as they are gossiped: EIP-2718 encodings, not decoded yet.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TransactionBundle(pub Vec<Vec<u8>>);

impl TransactionBundle {
    /// Returns the encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new();
        stream.append_list::<Vec<u8>, _>(&self.0);
        stream.out().to_vec()
    }

    /// Reads the encoding: the whole of `bytes`.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, BundleError> {
        if bytes.len() > BUNDLE_BYTES_MAX {
            return Err(BundleError::TooLong { found: bytes.len(), max: BUNDLE_BYTES_MAX });
        }
        let mut reader = Reader::new(bytes);
        let transactions = read_transactions(&mut reader, BUNDLE_MAX)?;
        reader.finish()?;
        if transactions.is_empty() { Err(BundleError::Empty) } else { Ok(Self(transactions)) }
    }

    /// Splits transactions into bundles within both bounds. One that fits no bundle is left out.
    #[must_use]
    pub fn pack(transactions: impl IntoIterator<Item = RecoveredTransaction>) -> Vec<Self> {
        // A list's and an item's header take at most 9 bytes each.
        const HEADER: usize = 9;
        let (mut bundles, mut last, mut bytes) = (Vec::new(), Vec::new(), HEADER);
        for transaction in transactions {
            let item = transaction.encode();
            let added = item.len().saturating_add(HEADER);
            if added.saturating_add(HEADER) > BUNDLE_BYTES_MAX {
                continue;
            }
            if last.len() == BUNDLE_MAX || bytes.saturating_add(added) > BUNDLE_BYTES_MAX {
                bundles.push(Self(std::mem::take(&mut last)));
                bytes = HEADER;
            }
            bytes = bytes.saturating_add(added);
            last.push(item);
        }
        if !last.is_empty() {
            bundles.push(Self(last));
        }
        bundles
    }
}

#[cfg(test)]
mod tests {
    use mbt_account::{Kind, Transaction};
    use mbt_crypto::{H256, SecretKey};
    use proptest::prelude::*;

    use super::*;

    fn transaction(input: usize) -> RecoveredTransaction {
        let kind = Kind::Legacy { chain_id: Some(31_337), gas_price: 1.into() };
        let input = vec![7; input];
        let (nonce, gas_limit, value) = (0, 21_000, 1.into());
        let key = SecretKey::from_bytes([9; 32]).unwrap();
        let signed = Transaction { kind, nonce, gas_limit, to: None, value, input }.sign(&key);
        signed.recover().unwrap()
    }

    #[test]
    fn topics_name_chain_and_genesis() {
        let names = topic_names(31_337, &BlockId(H256([0xab; 32])));
        assert_eq!(names, ["/mbt/31337/abababab/blocks", "/mbt/31337/abababab/transactions"]);
    }

    #[test]
    fn packed_bundles_keep_order_and_fit_both_bounds() {
        let mut all = vec![transaction(0); BUNDLE_MAX + 3];
        all.extend(vec![transaction(100_000); 3]);
        all.push(transaction(BUNDLE_BYTES_MAX));
        let bundles = TransactionBundle::pack(all.clone());
        let sent: Vec<Vec<u8>> = bundles.iter().flat_map(|bundle| bundle.0.clone()).collect();
        let expected: Vec<Vec<u8>> = all.iter().take(BUNDLE_MAX + 6).map(|t| t.encode()).collect();
        assert!(sent == expected);
        assert!(bundles.len() > 3);
        for bundle in bundles {
            assert_eq!(TransactionBundle::decode(&bundle.encode()), Ok(bundle));
        }
    }

    #[test]
    fn bundles_past_a_bound_are_refused() {
        let many = TransactionBundle(vec![vec![]; BUNDLE_MAX + 1]).encode();
        assert!(matches!(TransactionBundle::decode(&many), Err(BundleError::Decode(_))));
        let long = TransactionBundle(vec![vec![0; BUNDLE_BYTES_MAX]]).encode();
        assert!(matches!(TransactionBundle::decode(&long), Err(BundleError::TooLong { .. })));
        assert_eq!(TransactionBundle::decode(&[0xc0]), Err(BundleError::Empty));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(bundle) = TransactionBundle::decode(&bytes) {
                prop_assert_eq!(bundle.encode(), bytes);
            }
        }
    }
}
