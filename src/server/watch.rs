//! Rules are read anew when one of their files changes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch as signal;

use super::App;

/// How often the files are looked at. A look is one system call for each file.
const EVERY: Duration = Duration::from_millis(500);

/// How long files that have changed must look the same before they are read: many editors write a file in
/// two steps, and an empty one is no error.
const STEADY: Duration = Duration::from_millis(50);

/// Looks at the files until the server stops.
pub async fn files(app: Arc<App>, mut stopped: signal::Receiver<bool>) {
    let mut seen = None;
    loop {
        let pause = if seen.is_some() { STEADY } else { EVERY };
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(pause) => {}
        }
        let look = {
            let app = app.clone();
            tokio::task::spawn_blocking(move || app.rules().changed())
        };
        // A look that panicked saw nothing.
        let now = look.await.unwrap_or_default();
        match now {
            Some(look) if seen.as_ref() == Some(&look) => {
                app.reload_as(look).await;
                seen = None;
            }
            now => seen = now,
        }
    }
}
