//! Calls from any thread into a runtime of the engine's own.

use std::{future::Future, sync::mpsc};

use tokio::runtime::{Builder, Handle, Runtime};

use super::PostgresError;

/// A runtime that callers wait for, also from within another one.
#[derive(Debug)]
pub(super) struct Bridge(Option<Runtime>);

impl Bridge {
    pub(super) fn new() -> Result<Self, PostgresError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("postgresql")
            .enable_all()
            .build()
            .map_err(PostgresError::Thread)?;
        Ok(Self(Some(runtime)))
    }

    pub(super) fn handle(&self) -> Result<&Handle, PostgresError> {
        self.0.as_ref().map(Runtime::handle).ok_or(PostgresError::Stopped)
    }

    /// Runs a future in the runtime and waits for its end.
    pub(super) fn wait<T: Send + 'static>(
        &self,
        future: impl Future<Output = Result<T, PostgresError>> + Send + 'static,
    ) -> Result<T, PostgresError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.handle()?.spawn(async move {
            // Without a receiver there is nobody to tell.
            drop(sender.send(future.await));
        });
        receiver.recv().map_err(|_| PostgresError::Stopped)?
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // The last owner may be a task of another runtime, which must not wait here.
            runtime.shutdown_background();
        }
    }
}
