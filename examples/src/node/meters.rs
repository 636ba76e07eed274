//! A node's figures. Each node has its own: several may live in one process.

use std::sync::atomic::{AtomicU64, Ordering};

use mbt_consensus::HeadChange;
use metrics::{Counter, Gauge, Unit, counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::SyncStatus;

/// Counters and gauges of one node.
pub(super) struct Meters {
    handle: PrometheusHandle,
    pub(super) blocks_mined: Counter,
    pub(super) transactions_pooled: Counter,
    pub(super) transactions_refused: Counter,
    blocks_adopted: Counter,
    blocks_retired: Counter,
    transactions_included: Counter,
    included: AtomicU64,
    head: Gauge,
    highest: Gauge,
    peers: Gauge,
    syncing: Gauge,
    hashrate: Gauge,
    pool_pending: Gauge,
    pool_queued: Gauge,
    reorg_refused: Gauge,
}

impl Meters {
    pub(super) fn new() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            describe();
            Self {
                handle,
                blocks_mined: counter!("mbt_blocks_mined_total"),
                transactions_pooled: counter!("mbt_transactions_pooled_total"),
                transactions_refused: counter!("mbt_transactions_refused_total"),
                blocks_adopted: counter!("mbt_blocks_adopted_total"),
                blocks_retired: counter!("mbt_blocks_retired_total"),
                transactions_included: counter!("mbt_transactions_included_total"),
                included: AtomicU64::new(0),
                head: gauge!("mbt_head_number"),
                highest: gauge!("mbt_highest_number"),
                peers: gauge!("mbt_peers"),
                syncing: gauge!("mbt_syncing"),
                hashrate: gauge!("mbt_hashrate"),
                pool_pending: gauge!("mbt_pool_transactions", "state" => "pending"),
                pool_queued: gauge!("mbt_pool_transactions", "state" => "queued"),
                reorg_refused: gauge!("mbt_reorg_refused"),
            }
        })
    }

    /// Counts a head that moved, by a block of `transactions`.
    pub(super) fn head_moved(&self, change: &HeadChange, transactions: usize) {
        self.blocks_adopted.increment(count(change.adopted.len()));
        self.blocks_retired.increment(count(change.retired.len()));
        self.transactions_included.increment(count(transactions));
        self.included.fetch_add(count(transactions), Ordering::Relaxed);
    }

    /// Returns the transactions of all blocks that moved the head.
    pub(super) fn included(&self) -> u64 {
        self.included.load(Ordering::Relaxed)
    }

    /// Renders everything, gauges as they are now.
    pub(super) fn render(
        &self,
        status: &SyncStatus,
        pending: usize,
        queued: usize,
        reorg_refused: bool,
    ) -> String {
        self.head.set(approximate(status.current));
        self.highest.set(approximate(status.highest));
        self.peers.set(approximate(count(status.peers)));
        self.syncing.set(f64::from(u8::from(status.syncing)));
        self.hashrate.set(approximate(status.hashrate));
        self.pool_pending.set(approximate(count(pending)));
        self.pool_queued.set(approximate(count(queued)));
        self.reorg_refused.set(f64::from(u8::from(reorg_refused)));
        self.handle.render()
    }
}

fn describe() {
    describe_counter!("mbt_blocks_mined_total", "Blocks mined by this node");
    describe_counter!("mbt_transactions_pooled_total", "Transactions that entered the pool");
    describe_counter!("mbt_transactions_refused_total", "Transactions that the pool refused");
    describe_counter!("mbt_blocks_adopted_total", "Blocks that joined the chain");
    describe_counter!("mbt_blocks_retired_total", "Blocks that left the chain in reorganisations");
    describe_counter!(
        "mbt_transactions_included_total",
        "Transactions in blocks that moved the head"
    );
    describe_gauge!("mbt_head_number", "Number of the head");
    describe_gauge!("mbt_highest_number", "Highest block number that is known of");
    describe_gauge!("mbt_peers", "Connected peers");
    describe_gauge!("mbt_syncing", "1 while the node catches up");
    describe_gauge!("mbt_hashrate", Unit::CountPerSecond, "Hashes tried a second");
    describe_gauge!("mbt_pool_transactions", "Transactions in the pool");
    describe_gauge!("mbt_reorg_refused", "1 while a deep reorganisation waits for the operator");
}

/// Returns a number as a gauge takes it.
#[allow(clippy::cast_precision_loss, reason = "a gauge has 53 bits")]
const fn approximate(number: u64) -> f64 {
    number as f64
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
