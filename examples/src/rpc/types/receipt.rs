//! Receipts and logs as JSON-RPC shows them.

use mbt_account::{Log, Receipt, RecoveredTransaction, TxHash};
use mbt_crypto::U256;
use serde::Serialize;

use super::{
    hex::{Data, Quantity, address, count, hash, prefixed, quantity},
    transaction::{Place, created_address},
};

/// A log of a block, or of a block that left the chain.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RpcLog {
    address: Data<[u8; 20]>,
    topics: Vec<Data<[u8; 32]>>,
    data: String,
    block_number: Quantity,
    block_hash: Data<[u8; 32]>,
    block_timestamp: Quantity,
    transaction_hash: Data<[u8; 32]>,
    transaction_index: Quantity,
    log_index: Quantity,
    removed: bool,
}

/// Whether a log's block is on the chain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Standing {
    /// It is.
    Canonical,
    /// It was, until a reorganisation.
    Removed,
}

impl RpcLog {
    /// Shows a log; `index` counts the block's logs.
    pub(crate) fn new(
        log: &Log,
        index: usize,
        transaction: TxHash,
        place: Place,
        standing: Standing,
    ) -> Self {
        Self {
            address: address(log.address),
            topics: log.topics.iter().map(|topic| hash(*topic)).collect(),
            data: prefixed(&log.data),
            block_number: quantity(place.number),
            block_hash: hash(place.block.0),
            block_timestamp: quantity(place.timestamp),
            transaction_hash: hash(transaction.0),
            transaction_index: count(place.index),
            log_index: count(index),
            removed: standing == Standing::Removed,
        }
    }
}

/// What a mined transaction left behind.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RpcReceipt {
    transaction_hash: Data<[u8; 32]>,
    transaction_index: Quantity,
    block_hash: Data<[u8; 32]>,
    block_number: Quantity,
    from: Data<[u8; 20]>,
    to: Option<Data<[u8; 20]>>,
    contract_address: Option<Data<[u8; 20]>>,
    cumulative_gas_used: Quantity,
    gas_used: Quantity,
    effective_gas_price: Quantity,
    logs: Vec<RpcLog>,
    logs_bloom: String,
    status: Quantity,
    r#type: Quantity,
}

impl RpcReceipt {
    /// Shows the receipt of a transaction; `before` is what the block held before it.
    pub(crate) fn new(
        transaction: &RecoveredTransaction,
        receipt: &Receipt,
        place: Place,
        before: Before,
    ) -> Self {
        let logs = receipt.logs.iter().enumerate().map(|(i, log)| {
            let index = before.logs.saturating_add(i);
            RpcLog::new(log, index, transaction.hash(), place, Standing::Canonical)
        });
        let created = transaction
            .to
            .is_none()
            .then(|| created_address(transaction.sender(), transaction.nonce));
        let price: U256 = transaction
            .effective_gas_price(place.base_fee)
            .unwrap_or_else(|| transaction.max_fee_per_gas());
        Self {
            transaction_hash: hash(transaction.hash().0),
            transaction_index: count(place.index),
            block_hash: hash(place.block.0),
            block_number: quantity(place.number),
            from: address(transaction.sender()),
            to: transaction.to.map(address),
            contract_address: created.map(address),
            cumulative_gas_used: quantity(receipt.cumulative_gas_used),
            gas_used: quantity(receipt.cumulative_gas_used.saturating_sub(before.gas_used)),
            effective_gas_price: quantity(price),
            logs: logs.collect(),
            logs_bloom: prefixed(&receipt.logs_bloom.0),
            status: quantity(u64::from(receipt.succeeded)),
            r#type: quantity(receipt.tx_type),
        }
    }
}

/// What a block held before one of its transactions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Before {
    /// Gas used.
    pub(crate) gas_used: u64,
    /// Logs.
    pub(crate) logs: usize,
}

impl Before {
    /// Returns what the block holds after a receipt.
    pub(crate) const fn after(self, receipt: &Receipt) -> Self {
        Self {
            gas_used: receipt.cumulative_gas_used,
            logs: self.logs.saturating_add(receipt.logs.len()),
        }
    }
}
