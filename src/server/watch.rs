//! Rules are read anew when one of their files changes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch as signal;

use super::App;

/// How often the files are looked at. A look is one system call for each file.
const EVERY: Duration = Duration::from_millis(500);

/// Looks at the files until the server stops.
pub async fn files(app: Arc<App>, mut stopped: signal::Receiver<bool>) {
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        let look = {
            let app = app.clone();
            tokio::task::spawn_blocking(move || app.rules().have_changed())
        };
        // Many editors write a file in two steps: a second look finds the second one.
        if matches!(look.await, Ok(true)) {
            app.reload().await;
        }
    }
}
