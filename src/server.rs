//! The engine behind HTTP: one process that any language can call, with the batch worker inside.
//!
//! A request passes `listen` (connections and their limits), `guard` (who may do what, and for how
//! long), one file of `api` (a resource each) and comes back with a document, or as a `problem`.
//! `rules` are read anew while requests go on. What happens is told as an [`Event`]: nothing here
//! prints.

mod answers;
mod api;
mod app;
mod combine;
mod event;
mod events;
mod explain;
mod guard;
mod listen;
mod metrics;
mod page;
mod patience;
mod problem;
mod routes;
mod rules;
mod spans;
mod tally;
mod tokens;
mod watch;

pub use app::{App, Limits};
pub use event::Event;
pub use listen::{At, Bound, Tls};
pub use routes::openapi;
pub use rules::{Failure, Loaded, Look, Rules, Source};
#[cfg(feature = "opentelemetry")]
pub use spans::{Collector, Exporter, Sampler};
pub use tokens::{BadTokens, Scope, Tokens};
pub use watch::change;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch as signal;

use crate::engine;

/// How long requests that have begun may take when the server is told to stop.
const GRACE: Duration = Duration::from_secs(20);

/// Answers requests until `stop` comes, then lets those that have begun finish.
///
/// The batch worker of the cache runs beside, unless `with_worker` is false; it hands back what it
/// cannot finish. `reload` is waited for again and again: each time it comes, the rules are read anew.
pub async fn serve(
    app: Arc<App>,
    bound: Vec<Bound>,
    with_worker: bool,
    stop: impl Future<Output = ()>,
    mut reload: impl AsyncFnMut(),
) {
    let (stopping, stopped) = signal::channel(false);
    for bound in &bound {
        app.tell(&Event::Listening(&bound.at()));
    }
    let (router, _) = routes::router(&app);
    let connections = bound
        .into_iter()
        .map(|bound| tokio::spawn(listen::accept(app.clone(), bound, router.clone(), stopped.clone())));
    let connections: Vec<_> = connections.collect();
    let tallies = tokio::spawn(tally::keep(app.clone(), stopped.clone()));
    let watched = tokio::spawn(watch::files(app.clone(), stopped.clone()));
    tokio::spawn(combine::run(app.clone()));
    #[cfg(feature = "opentelemetry")]
    let (ended, exporting) = {
        let (app, (ended, over)) = (app.clone(), signal::channel(false));
        let run = async move {
            if let Some(exporter) = app.exporter() {
                exporter.run(&app, over).await;
            }
        };
        (ended, tokio::spawn(run))
    };
    let worker = async {
        if with_worker {
            let mut stopped = stopped.clone();
            let told = async move {
                // An error is the end of the sender, which is the end of the server.
                let _ = stopped.wait_for(|stop| *stop).await;
            };
            let tell = |event: engine::WorkEvent<'_>| app.tell(&Event::Worker(event));
            if let Err(error) = engine::work(app.cache(), told, &tell).await {
                app.tell(&Event::CacheError(&error));
            }
        }
    };
    let reloads = async {
        loop {
            reload().await;
            app.reload().await;
        }
    };
    let end = async {
        tokio::select! {
            () = stop => {}
            () = reloads => {}
        }
        app.tell(&Event::Stopping);
        app.metrics().stopping();
        stopping.send_replace(true);
        let all = async {
            for connection in connections {
                // A listener that panicked has no connections left to wait for.
                let _ = connection.await;
            }
        };
        if tokio::time::timeout(GRACE, all).await.is_err() {
            app.tell(&Event::CutOff(GRACE));
        }
        watched.abort();
        // What was counted last is written before the end.
        let _ = tallies.await;
        #[cfg(feature = "opentelemetry")]
        {
            ended.send_replace(true);
            let _ = exporting.await;
        }
    };
    tokio::join!(worker, end);
}
