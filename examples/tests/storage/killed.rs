//! A process that commits blocks is killed, again and again.

use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use mbt_examples::storage::Store;
use mbt_trie::{Durability, testing::Blocks};

use crate::{
    engines::{ENGINES, Engine, Place, location},
    seed, variable,
};

/// Names the engine, the folder, the schema and the seed to a child.
const CHILD: [&str; 4] = ["MBT_TEST_ENGINE", "MBT_TEST_FOLDER", "MBT_TEST_SCHEMA", "MBT_TEST_SEED"];

/// The process that is killed.
pub(crate) struct Child {
    engine: Engine,
    folder: PathBuf,
    schema: String,
    seed: u64,
}

impl Child {
    pub(crate) fn from_environment() -> Option<Self> {
        let [engine, folder, schema, seed] = CHILD.map(|name| std::env::var(name).ok());
        let engine = engine?;
        Some(Self {
            engine: ENGINES.into_iter().find(|known| known.name() == engine).unwrap(),
            folder: folder?.into(),
            schema: schema?,
            seed: seed?.parse().unwrap(),
        })
    }

    /// Commits blocks for ever, and says which are durable.
    pub(crate) fn run(&self) -> ! {
        let store = Store::open(&location(self.engine, &self.folder, &self.schema)).unwrap();
        let blocks = Blocks::new(self.seed);
        let mut out = std::io::stdout().lock();
        let mut number = Blocks::head(&store).map_or(0, |head| head + 1);
        loop {
            let deferred = number % 4 == 1;
            let durability = if deferred { Durability::Deferred } else { Durability::Durable };
            blocks.commit(&store, number, durability).unwrap();
            if !deferred {
                writeln!(out, "{number}").and_then(|()| out.flush()).unwrap();
            }
            number += 1;
        }
    }
}

pub(crate) fn a_killed_writer_leaves_a_whole_block(engine: Engine) {
    let place = Place::new(engine);
    let seed = seed();
    let mut blocks = Blocks::new(seed);
    let mut random = seed;
    let (mut acknowledged, mut slowest) = (None, Duration::ZERO);
    for round in 0..variable("MBT_CRASH_ROUNDS", 4) {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let folder = place.folder().to_str().unwrap();
        let values = [engine.name(), folder, place.schema(), &seed.to_string()];
        command.envs(CHILD.into_iter().zip(values)).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (first, begun) = std::sync::mpsc::channel();
        let reader = thread::spawn(move || {
            let mut last = None;
            for line in lines {
                // The line may be torn as well.
                last = line.unwrap().parse::<u64>().ok().max(last);
                first.send(()).unwrap_or_default();
            }
            last
        });
        begun.recv_timeout(Duration::from_secs(60)).unwrap();
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        thread::sleep(Duration::from_millis((random >> 33) % 300));
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged = reader.join().unwrap().max(acknowledged);
        let opened = Instant::now();
        let store = Store::open(&place.location()).unwrap();
        slowest = slowest.max(opened.elapsed());
        let head = blocks.check(&store, acknowledged, Some(u64::MAX));
        println!("{} round {round}: {acknowledged:?} acknowledged, {head:?} found", engine.name());
    }
    println!("{}: slowest opening after a kill {slowest:?}", engine.name());
}
