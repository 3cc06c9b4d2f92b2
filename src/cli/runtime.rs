//! Running what waits for the cache: one thread is enough for one command.

use std::time::Duration;

use tokio::runtime::Runtime;

use super::error::{CommandError, Exit};

/// Runs a future to its end.
pub fn block_on<T>(future: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
    // The command ends with it: closing it piece by piece would only take time. The future stays where it is:
    // each move would take its room on the stack once more.
    std::mem::ManuallyDrop::new(runtime()?).block_on(std::pin::pin!(future))
}

/// For a command that waits several times.
pub fn runtime() -> Result<Runtime, CommandError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::new(Exit::Cache, format!("cannot start waiting: {error}")))
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

/// Waits for SIGINT or SIGTERM.
#[cfg(unix)]
pub fn stop_signal() -> Result<impl Future<Output = ()>, CommandError> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |error: std::io::Error| CommandError::usage(format!("cannot wait for signals: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Waits for ctrl-c.
#[cfg(not(unix))]
pub fn stop_signal() -> Result<impl Future<Output = ()>, CommandError> {
    Ok(async {
        // Without the signal there is nothing to wait for; the process can still be killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

/// Waits for the next SIGHUP, each time it is called.
#[cfg(unix)]
pub fn reload_signal() -> Result<impl AsyncFnMut(), CommandError> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |error: std::io::Error| CommandError::usage(format!("cannot wait for signals: {error}"));
    let mut hangup = signal(SignalKind::hangup()).map_err(failed)?;
    Ok(async move || {
        if hangup.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    })
}

/// There is no such signal here.
#[cfg(not(unix))]
pub fn reload_signal() -> Result<impl AsyncFnMut(), CommandError> {
    Ok(async || std::future::pending().await)
}
