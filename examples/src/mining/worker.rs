//! A thread that tries nonces in idle time.

use std::{
    sync::Arc,
    thread::{self, Builder},
    time::{Duration, Instant},
};

use mbt_consensus::Block;
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};
use tokio::sync::mpsc;

use super::work::Board;

/// Nonces tried between looks at the board: a few milliseconds.
const SLICE: u64 = 4096;

/// Slices a second of a thread with a bound on its rate.
const PACED_SLICES: u64 = 20;

/// Starts a thread that tries at most `rate` hashes a second; 0 is no bound.
pub(super) fn start(
    index: usize,
    rate: u64,
    board: Arc<Board>,
    found: mpsc::UnboundedSender<Block>,
) -> std::io::Result<()> {
    let work = move || {
        lower_priority();
        run(rate, &board, &found);
    };
    Builder::new().name(format!("miner-{index}")).spawn(work).map(drop)
}

fn run(rate: u64, board: &Board, found: &mpsc::UnboundedSender<Block>) {
    let slice = if rate == 0 { SLICE } else { (rate / PACED_SLICES).clamp(1, SLICE) };
    let pause = Duration::from_nanos(1_000_000_000_u64.saturating_mul(slice) / rate.max(1));
    let mut due = Instant::now();
    while let Some(work) = board.wait() {
        if rate > 0 {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            due = due.max(Instant::now()) + pause;
        }
        let sealed = work.search(work.take(slice)).and_then(|nonce| work.seal(nonce));
        board.count(slice);
        if let Some(block) = sealed
            && found.send(block).is_err()
        {
            return;
        }
        thread::yield_now();
    }
}

/// Asks the system for what nobody else wants. Where it refuses, yielding has to do.
fn lower_priority() {
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let lowered = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle);
    if let Err(error) = lowered {
        tracing::debug!(?error, "the system keeps the miner at normal priority");
    }
}
