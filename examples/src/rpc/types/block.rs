//! Blocks and headers as JSON-RPC shows them: every field of Ethereum's schema, and this chain's own
//! fields under names that Ethereum does not have.

use mbt_account::RecoveredTransaction;
use mbt_consensus::{BlockId, Header, seal::nominal_work};
use mbt_crypto::{H256, U256};
use serde::Serialize;

use super::{
    hex::{Data, Quantity, address, count, hash, prefixed, quantity, word},
    transaction::{Place, RpcTransaction},
};

/// Keccak-256 of the RLP of the empty list: what blocks without uncles commit to.
const EMPTY_UNCLES: H256 = H256([
    0x1d, 0xcc, 0x4d, 0xe8, 0xde, 0xc7, 0x5d, 0x7a, 0xab, 0x85, 0xb5, 0x67, 0xb6, 0xcc, 0xd4, 0x1a,
    0xd3, 0x12, 0x45, 0x1b, 0x94, 0x8a, 0x74, 0x13, 0xf0, 0xa1, 0x42, 0xfd, 0x40, 0xd4, 0x93, 0x47,
]);

/// A header.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RpcHeader {
    hash: Option<Data<[u8; 32]>>,
    parent_hash: Data<[u8; 32]>,
    sha3_uncles: Data<[u8; 32]>,
    miner: Data<[u8; 20]>,
    state_root: Data<[u8; 32]>,
    transactions_root: Data<[u8; 32]>,
    receipts_root: Data<[u8; 32]>,
    logs_bloom: Option<String>,
    difficulty: Quantity,
    number: Quantity,
    gas_limit: Quantity,
    gas_used: Quantity,
    timestamp: Quantity,
    extra_data: String,
    mix_hash: Data<[u8; 32]>,
    nonce: Option<Data<[u8; 8]>>,
    base_fee_per_gas: Quantity,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_difficulty: Option<Quantity>,
    target: Data<[u8; 32]>,
    ancestors_root: Data<[u8; 32]>,
    lot: Option<RpcLot>,
}

/// The lot that a header names.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RpcLot {
    id: Data<[u8; 32]>,
    signature: String,
}

/// A header and what hangs on it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RpcBlock {
    #[serde(flatten)]
    header: RpcHeader,
    size: Quantity,
    transactions: Transactions,
    uncles: [Data<[u8; 32]>; 0],
}

/// A block's transactions: names, or whole.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum Transactions {
    Hashes(Vec<Data<[u8; 32]>>),
    Full(Vec<RpcTransaction>),
}

/// How much of a block's transactions is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Detail {
    /// Their hashes.
    Hashes,
    /// All of them.
    Full,
}

impl Detail {
    /// Reads the flag of `eth_getBlockBy*`.
    pub(crate) const fn from_flag(full: bool) -> Self {
        if full { Self::Full } else { Self::Hashes }
    }
}

/// Figures about a header that it does not hold itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Derived {
    /// Its name; none while it is pending.
    pub(crate) id: Option<BlockId>,
    /// PREVRANDAO of the block.
    pub(crate) prev_randao: H256,
    /// Work of the branch up to and with the block.
    pub(crate) total_work: Option<U256>,
}

impl RpcHeader {
    /// Shows a header. One without a name is pending: hash, nonce and bloom are null.
    pub(crate) fn new(header: &Header, derived: Derived) -> Self {
        let mined = derived.id.is_some();
        Self {
            hash: derived.id.map(|id| hash(id.0)),
            parent_hash: hash(header.parent_hash.0),
            sha3_uncles: hash(EMPTY_UNCLES),
            miner: address(header.miner),
            state_root: hash(header.state_root),
            transactions_root: hash(header.transactions_root),
            receipts_root: hash(header.receipts_root),
            logs_bloom: mined.then(|| prefixed(&header.logs_bloom.0)),
            difficulty: quantity(nominal_work(header.target)),
            number: quantity(header.number),
            gas_limit: quantity(header.gas_limit),
            gas_used: quantity(header.gas_used),
            timestamp: quantity(header.timestamp),
            extra_data: prefixed(&header.extra_data),
            mix_hash: hash(derived.prev_randao),
            nonce: mined.then(|| Data(header.nonce.to_be_bytes())),
            base_fee_per_gas: quantity(header.base_fee),
            total_difficulty: derived.total_work.map(quantity),
            target: word(header.target),
            ancestors_root: hash(header.ancestors_root),
            lot: header.lot.as_ref().map(|lot| RpcLot {
                id: hash(lot.id.0),
                signature: prefixed(&lot.signature.to_bytes()),
            }),
        }
    }
}

impl RpcBlock {
    /// Shows a block.
    pub(crate) fn new(
        header: &Header,
        transactions: &[RecoveredTransaction],
        derived: Derived,
        detail: Detail,
    ) -> Self {
        let place = |index| {
            derived.id.map(|block| Place {
                block,
                number: header.number,
                timestamp: header.timestamp,
                index,
                base_fee: header.base_fee,
            })
        };
        let shown = match detail {
            Detail::Hashes => {
                Transactions::Hashes(transactions.iter().map(|tx| hash(tx.hash().0)).collect())
            }
            Detail::Full => Transactions::Full(
                transactions
                    .iter()
                    .enumerate()
                    .map(|(index, tx)| RpcTransaction::new(tx, place(index)))
                    .collect(),
            ),
        };
        Self {
            header: RpcHeader::new(header, derived),
            size: count(encoded_size(header, transactions)),
            transactions: shown,
            uncles: [],
        }
    }
}

/// Returns the bytes of the list of header and transactions.
fn encoded_size(header: &Header, transactions: &[RecoveredTransaction]) -> usize {
    let body = transactions.iter().map(|transaction| {
        let length = transaction.encode().len();
        // A typed transaction stands in a block as a string around its encoding.
        if transaction.tx_type() == 0 { length } else { with_prefix(length) }
    });
    with_prefix(rlp::encode(header).len().saturating_add(with_prefix(body.sum())))
}

/// Returns the bytes of an RLP item with a payload of `length` bytes that is not a single one.
fn with_prefix(length: usize) -> usize {
    let digits = if length < 56 { 0 } else { length.ilog2() / 8 + 1 };
    length.saturating_add(1).saturating_add(usize::try_from(digits).unwrap_or(8))
}

#[cfg(test)]
mod tests {
    use rlp::Encodable;

    use super::*;

    #[test]
    fn size_is_that_of_the_encoding() {
        let header = Header { extra_data: vec![7; 32], ..Header::default() };
        let mut stream = rlp::RlpStream::new_list(2);
        header.rlp_append(&mut stream);
        stream.begin_list(0);
        assert_eq!(encoded_size(&header, &[]), stream.out().len());
        for length in [0, 1, 55, 56, 255, 256, 65_535, 65_536] {
            let item = rlp::encode(&vec![0xff_u8; length]);
            if length != 1 {
                assert_eq!(with_prefix(length), item.len(), "{length}");
            }
        }
    }

    #[test]
    fn every_field_of_ethereums_schema_is_there() {
        let derived =
            Derived { id: Some(BlockId::ZERO), prev_randao: H256::zero(), total_work: None };
        let block = RpcBlock::new(&Header::default(), &[], derived, Detail::Hashes);
        let json = serde_json::to_value(block).unwrap();
        for field in [
            "hash",
            "parentHash",
            "sha3Uncles",
            "miner",
            "stateRoot",
            "transactionsRoot",
            "receiptsRoot",
            "logsBloom",
            "difficulty",
            "number",
            "gasLimit",
            "gasUsed",
            "timestamp",
            "extraData",
            "mixHash",
            "nonce",
            "baseFeePerGas",
            "size",
            "transactions",
            "uncles",
        ] {
            assert!(json.get(field).is_some_and(|value| !value.is_null()), "{field}");
        }
        assert_eq!(json["nonce"], "0x0000000000000000");
    }
}
