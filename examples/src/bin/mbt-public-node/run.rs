//! `run`: the node itself.

use std::time::Duration;

use mbt_crypto::U256;
use mbt_examples::{
    clock::ChainClock,
    config::{Config, Engine, Network},
    exit::{Code, Failure},
    logging,
    metrics::collect_process_figures,
    mining::Reward,
    service::{DevelopmentGenesis, Opened, Sealing, Signals, force_exit_on_second_signal},
};

use super::{
    args::{RunArgs, Settings},
    banner::banner,
    refused,
};

/// Seconds between blocks of `run --dev`.
const BLOCK_TIME_S: u64 = 2;

/// Runs a node until it is told to stop.
pub(crate) fn run(settings: &Settings, args: &RunArgs) -> Result<(), Failure> {
    let config = config(settings, args)?;
    logging::start(&config.log).map_err(|error| Failure::new(Code::Config, error))?;
    collect_process_figures();
    let sealing = sealing(settings, args);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::runtime)?;
    runtime.block_on(serve(config, sealing))
}

fn config(settings: &Settings, args: &RunArgs) -> Result<Config, Failure> {
    let mut defaults = if settings.dev { Config::development() } else { Config::default() };
    if settings.data.is_some() {
        defaults.storage.engine = Engine::default();
    }
    let mut layers = settings.layers(&defaults).map_err(refused)?;
    args.lay(&mut layers).map_err(refused)?;
    let config = layers.finish().map_err(refused)?;
    if settings.dev && config.chain.network != Network::Development {
        let sentence = "--dev is for the development network, and chain.network names another";
        return Err(Failure::new(Code::Config, sentence));
    }
    Ok(config)
}

fn sealing(settings: &Settings, args: &RunArgs) -> Sealing {
    if !settings.dev {
        return Sealing::Configured;
    }
    let period = Duration::from_secs(args.block_time.unwrap_or(BLOCK_TIME_S));
    // Nobody's account: what it is paid leaves the funded accounts' figures alone.
    let miner = mbt_crypto::Address::from_low_u64(0);
    Sealing::Timed { period, reward: Reward { miner, extra_data: Vec::new() } }
}

async fn serve(config: Config, sealing: Sealing) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let clock = ChainClock::system();
    let timed = matches!(sealing, Sealing::Timed { .. });
    let made = made(&config, &clock, timed)?;
    let development = config.chain.network == Network::Development;
    let opened = Opened::open(config, &made, clock)?;
    if development {
        opened.resume_time();
    }
    let shown = opened.config().clone();
    let service = opened.start(sealing).await?;
    banner(&shown, &service, timed && shown.storage.engine == Engine::Memory);
    tokio::select! {
        () = signals.next() => {}
        () = service.log_status() => {}
    }
    tracing::info!("stopping");
    force_exit_on_second_signal(signals);
    service.stop().await;
    Ok(())
}

fn made(config: &Config, clock: &ChainClock, timed: bool) -> Result<DevelopmentGenesis, Failure> {
    let rules = config.chain.rules().map_err(|reason| Failure::new(Code::Config, reason))?;
    let hashrate = match config.mining.hashrate_max {
        0 => 20_000,
        set => set,
    };
    let target = if timed {
        U256::MAX
    } else {
        U256::MAX / hashrate.saturating_mul(rules.interval_s).max(1)
    };
    Ok(DevelopmentGenesis { timestamp: clock.now(), target, gas_limit: config.chain.gas_limit })
}
