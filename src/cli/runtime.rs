//! Running what waits for the cache: one thread is enough for one command.

use super::error::{CommandError, Exit};

/// Runs a future to its end.
pub fn block_on<T>(future: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        CommandError::new(Exit::Cache, format!("cannot start waiting for the cache: {error}"))
    })?;
    runtime.block_on(future)
}
