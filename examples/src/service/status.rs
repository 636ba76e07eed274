//! The line that tells every few seconds where a node stands.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::node::NodeHandle;

/// Time between lines.
const PERIOD: Duration = Duration::from_secs(5);

/// Transactions a second between two looks.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    included: u64,
    since: Instant,
}

impl Rate {
    /// Begins to count.
    #[must_use]
    pub fn new(node: &NodeHandle) -> Self {
        Self { included: node.transactions_included(), since: Instant::now() }
    }

    /// Returns the rate since the last look.
    pub fn next(&mut self, node: &NodeHandle) -> u64 {
        let last = std::mem::replace(self, Self::new(node));
        let included = u128::from(self.included.saturating_sub(last.included));
        let elapsed_ms = self.since.duration_since(last.since).as_millis().max(1);
        u64::try_from(included.saturating_mul(1000) / elapsed_ms).unwrap_or(u64::MAX)
    }
}

/// Logs a line about the chain of these nodes every five seconds, for as long as it is polled. The
/// figures are the first node's; the others' heights stand beside them.
pub(crate) async fn log(nodes: &[&NodeHandle]) {
    let Some((node, others)) = nodes.split_first() else { return };
    let mut rate = Rate::new(node);
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let status = node.status();
        let head = node.head();
        let (pending, queued) = node.pool().lock().status();
        let tx_per_s = rate.next(node);
        let others: Vec<u64> = others.iter().map(|node| node.head().number).collect();
        let finalized = head.number.saturating_sub(node.chain_config().max_reorg);
        tracing::info!(
            height = head.number,
            finalized,
            highest = status.highest,
            id = %head.id,
            peers = status.peers,
            pending,
            queued,
            tx_per_s,
            others = (!others.is_empty()).then(|| tracing::field::debug(&others)),
            "{}",
            if status.syncing { "syncing" } else { "status" }
        );
    }
}
