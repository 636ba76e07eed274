//! Measuring engines in turns, and handing the measurements to criterion.
//!
//! Criterion measures one function after the other, so that a later one finds other caches, and a
//! machine that is busy for a while hits one engine only. Here every round runs every engine once,
//! each round begins with another one, and criterion gets what was measured.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use cpu_time::ProcessTime;
use criterion::{Criterion, Throughput};

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Clock {
    /// Time that the process had a processor, on all threads together.
    Cpu,
    /// Time that passed.
    Wall,
}

impl Clock {
    /// Measures one run.
    pub(crate) fn time<T>(self, run: impl FnOnce() -> T) -> (Duration, T) {
        match self {
            Self::Cpu => {
                let start = ProcessTime::now();
                let result = run();
                (start.elapsed(), result)
            }
            Self::Wall => {
                let start = Instant::now();
                let result = run();
                (start.elapsed(), result)
            }
        }
    }
}

/// Measurements by id, in the order in which ids came.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    samples: BTreeMap<String, Vec<Duration>>,
    order: Vec<String>,
}

impl Rounds {
    /// Adds a measurement.
    pub(crate) fn add(&mut self, id: &str, time: Duration) {
        if !self.samples.contains_key(id) {
            self.order.push(id.to_owned());
        }
        self.samples.entry(id.to_owned()).or_default().push(time);
    }

    /// Hands the measurements to criterion, `elements` being what each was of, and says what the
    /// engines that are named by ends of ids take of each other's time.
    pub(crate) fn report(
        self,
        criterion: &mut Criterion,
        group: &str,
        elements: u64,
        against: &[&str],
    ) {
        let mut benches = criterion.benchmark_group(group);
        benches
            .sample_size(10)
            .warm_up_time(Duration::from_nanos(1))
            .measurement_time(Duration::from_nanos(10))
            .throughput(Throughput::Elements(elements));
        for id in &self.order {
            let mut samples = self.samples[id].iter().cycle();
            benches.bench_function(id.as_str(), |bencher| {
                bencher.iter_custom(|count| (0..count).filter_map(|_| samples.next()).sum());
            });
        }
        benches.finish();
        for id in self.order.iter().filter(|id| id.starts_with("mbt/")) {
            for other in against {
                let peers = self.order.iter().filter(|id| id.starts_with(other));
                // A peer's time is held against ours by the same clock, where it has both.
                let clock = if id.ends_with("wall") { "wall" } else { "cpu" };
                for peer in peers.filter(|peer| peer.ends_with(clock)) {
                    let ratio = self.median(peer).as_secs_f64() / self.median(id).as_secs_f64();
                    println!("{group}: {peer} takes {ratio:.2} times as long as {id}");
                }
            }
        }
    }

    fn median(&self, id: &str) -> Duration {
        let mut samples = self.samples[id].clone();
        samples.sort_unstable();
        samples[samples.len() / 2]
    }
}
