//! How far a long walk over a store is.

use std::{
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// Time between log lines where there is no terminal.
const LOG_PERIOD: Duration = Duration::from_secs(5);

/// A bar on a terminal, log lines elsewhere; on stderr either way.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    verb: String,
    unit: &'static str,
    position: u64,
    logged: Instant,
}

impl Progress {
    /// Begins to count, up to `total` where it is known.
    pub fn new(verb: impl Into<String>, unit: &'static str, total: Option<u64>) -> Self {
        let verb = verb.into();
        let bar = io::stderr().is_terminal().then(|| {
            let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
            let style = match total {
                Some(_) => {
                    format!("{{msg}} {{bar:40}} {{pos}}/{{len}} {unit}, {{per_sec}}, {{eta}} left")
                }
                None => format!("{{spinner}} {{msg}} {{pos}} {unit}, {{per_sec}}"),
            };
            let bar = match ProgressStyle::with_template(&style) {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            };
            bar.with_message(verb.clone())
        });
        Self { bar, verb, unit, position: 0, logged: Instant::now() }
    }

    /// Counts some more.
    pub fn add(&mut self, count: u64) {
        self.at(self.position.saturating_add(count));
    }

    /// Tells how many are done.
    pub fn at(&mut self, position: u64) {
        self.position = position;
        match &self.bar {
            Some(bar) => bar.set_position(position),
            None if self.logged.elapsed() >= LOG_PERIOD => {
                self.logged = Instant::now();
                tracing::info!("{} {position} {}", self.verb, self.unit);
            }
            None => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
