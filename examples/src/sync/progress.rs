//! Shows how far catching up is: a bar on a terminal, lines in the log otherwise.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::machine::Progress;

/// Time between two lines of the log.
const LINE_TIME: Duration = Duration::from_secs(5);

/// Shorter ways are not worth showing.
const BLOCKS_MIN: u64 = 16;

#[derive(Debug)]
struct Run {
    start: Instant,
    from: u64,
    lined: Instant,
    bar: Option<ProgressBar>,
}

/// Shows one run of catching up after the other.
#[derive(Debug)]
pub(super) struct Display {
    terminal: bool,
    run: Option<Run>,
}

impl Display {
    pub(super) fn new(bar_allowed: bool) -> Self {
        Self { terminal: bar_allowed && std::io::stderr().is_terminal(), run: None }
    }

    pub(super) fn show(&mut self, now: Instant, progress: Progress) {
        if !progress.syncing {
            self.finish(now, progress);
            return;
        }
        let behind = progress.highest.saturating_sub(progress.current);
        if self.run.is_none() && behind < BLOCKS_MIN {
            return;
        }
        let terminal = self.terminal;
        let run = self.run.get_or_insert_with(|| Run::new(now, progress, terminal));
        if let Some(bar) = &run.bar {
            bar.set_length(progress.highest.saturating_sub(run.from));
            bar.set_position(progress.current.saturating_sub(run.from));
        } else if now.saturating_duration_since(run.lined) >= LINE_TIME {
            run.lined = now;
            let rate = run.blocks_per_second(now, progress.current);
            let eta_s = behind.checked_div(rate);
            let (current, highest) = (progress.current, progress.highest);
            tracing::info!(current, highest, blocks_per_second = rate, eta_s, "catching up");
        }
    }

    fn finish(&mut self, now: Instant, progress: Progress) {
        let Some(run) = self.run.take() else { return };
        if let Some(bar) = &run.bar {
            bar.finish_and_clear();
        }
        let seconds = now.saturating_duration_since(run.start).as_secs();
        let blocks = progress.current.saturating_sub(run.from);
        let rate = run.blocks_per_second(now, progress.current);
        let head = progress.current;
        tracing::info!(head, blocks, seconds, blocks_per_second = rate, "caught up");
    }
}

impl Run {
    fn new(now: Instant, progress: Progress, terminal: bool) -> Self {
        let (current, highest) = (progress.current, progress.highest);
        tracing::info!(current, highest, "catching up with peers");
        let bar = terminal.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let template = "syncing {wide_bar} {pos}/{len} blocks, {per_sec}, {eta} left";
            bar.set_style(
                ProgressStyle::with_template(template)
                    .unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            bar
        });
        Self { start: now, from: current, lined: now, bar }
    }

    fn blocks_per_second(&self, now: Instant, current: u64) -> u64 {
        let ms = now.saturating_duration_since(self.start).as_millis().max(1);
        let blocks = u128::from(current.saturating_sub(self.from));
        u64::try_from(blocks.saturating_mul(1_000) / ms).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_ways_are_not_shown_and_long_ones_are_until_they_end() {
        let (mut display, now) = (Display { terminal: false, run: None }, Instant::now());
        display.show(now, Progress { current: 0, highest: 5, syncing: true });
        assert!(display.run.is_none());
        display.show(now, Progress { current: 0, highest: 500, syncing: true });
        let later = now + Duration::from_secs(2);
        let run = display.run.as_ref().unwrap();
        assert_eq!(run.blocks_per_second(later, 300), 150);
        display.show(later, Progress { current: 500, highest: 500, syncing: false });
        assert!(display.run.is_none());
    }
}
