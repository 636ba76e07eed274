//! Ctrl-C and SIGTERM: the first asks to stop, the second forces.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::{Failure, eprint_line};

/// Exit status of a program that was forced to stop, by the shell's custom.
const FORCED: i32 = 130;

/// The signals that end a program.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// [`Failure`]: the system refuses.
    pub fn listen() -> Result<Self, Failure> {
        let open = |kind| {
            signal(kind).map_err(|error| Failure::runtime(format!("signal handler: {error}")))
        };
        Ok(Self {
            interrupt: open(SignalKind::interrupt())?,
            terminate: open(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Ends the process at the next signal, while it is stopping gracefully.
pub fn force_exit_on_second_signal(mut signals: Signals) {
    tokio::spawn(async move {
        signals.next().await;
        eprint_line("stopped by force");
        std::process::exit(FORCED);
    });
}
