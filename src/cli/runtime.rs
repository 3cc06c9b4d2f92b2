//! Running what waits for the cache: one thread is enough for one command.

use std::time::Duration;

use super::error::{CommandError, Exit};

/// Runs a future to its end.
pub fn block_on<T>(future: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        CommandError::new(Exit::Cache, format!("cannot start waiting for the cache: {error}"))
    })?;
    // The command ends with it: closing it piece by piece would only take time.
    std::mem::ManuallyDrop::new(runtime).block_on(future)
}

/// Runs a future until it ends or Ctrl-C comes; `None` then. What it was doing is dropped at the next
/// point where it waits, which no operation of a cache minds.
pub async fn unless_interrupted<T>(work: impl Future<Output = T>) -> Option<T> {
    let interrupt = async {
        // Most work ends before anybody could press a key, and needs no handler.
        tokio::time::sleep(Duration::from_millis(20)).await;
        tokio::signal::ctrl_c().await
    };
    tokio::select! {
        // Where no handler can be installed, Ctrl-C ends the process as it always does.
        Ok(()) = interrupt => None,
        done = work => Some(done),
    }
}
