//! Rules are read anew when one of their files changes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch as signal;

use super::App;
use super::rules::Look;

/// How often the files are looked at. A look is one system call for each file.
const EVERY: Duration = Duration::from_millis(500);

/// How long files that have changed must look the same before they are read: many editors write a file in
/// two steps, and an empty one is no error.
const STEADY: Duration = Duration::from_millis(50);

/// Looks at the files until the server stops.
pub(super) async fn files(app: Arc<App>, mut stopped: signal::Receiver<bool>) {
    loop {
        let of = app.clone();
        let look = tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => None,
            look = change(move || of.rules().changed()) => Some(look),
        };
        let Some(look) = look else { return };
        app.reload_as(look).await;
    }
}

/// Waits until files have changed and keep still. `changed` tells how they look, where that is another way than when
/// they were read. Giving up the wait loses nothing.
pub async fn change(changed: impl Fn() -> Option<Look> + Clone + Send + 'static) -> Look {
    let mut seen = None;
    loop {
        tokio::time::sleep(if seen.is_some() { STEADY } else { EVERY }).await;
        // A look that panicked saw nothing.
        let now = tokio::task::spawn_blocking(changed.clone()).await.unwrap_or_default();
        match now {
            Some(look) if seen.as_ref() == Some(&look) => return look,
            now => seen = now,
        }
    }
}
