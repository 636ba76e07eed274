//! Sealing on a timer, for a development node: the target is so easy that any nonce will do.

use std::time::Duration;

use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use super::Reward;
use crate::node::NodeHandle;

/// Nonces tried for a block before the tick is given up.
const NONCES_MAX: u64 = 1 << 16;

/// Seals a block at every tick. Dropping it stops it.
#[derive(Debug)]
pub struct TimedSealer(JoinHandle<()>);

impl TimedSealer {
    /// Starts the timer.
    #[must_use]
    pub fn start(period: Duration, reward: Reward, node: NodeHandle) -> Self {
        node.update_status(|status| status.mining = true);
        Self(tokio::spawn(run(period, reward, node)))
    }
}

impl Drop for TimedSealer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn run(period: Duration, reward: Reward, node: NodeHandle) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick comes at once.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let mut block = match node.build(reward.request(&node)).await {
            Ok(block) => block,
            Err(error) => {
                tracing::error!(%error, "no block can be built");
                continue;
            }
        };
        let (seal_hash, target) = (block.header.seal_hash(), block.header.target);
        let Some(nonce) = mbt_consensus::seal::search(seal_hash, target, 0..NONCES_MAX) else {
            tracing::warn!(%target, "the target is too hard to seal on a timer");
            continue;
        };
        block.header.nonce = nonce;
        let number = block.header.number;
        if let Err(error) = node.import_mined(block).await {
            tracing::error!(number, %error, "a block sealed here was refused");
        }
    }
}
