//! A source followed until a signal comes, with the batch worker beside it.

use std::pin::Pin;
use std::sync::Arc;

use invalidate::cache::{AnyCache, quiet};
use invalidate::check::Undeclared;
use invalidate::engine::{Engine, WorkEvent, work};
use invalidate::model::RawWrite;
use invalidate::plan::{Plan, Unfilled};
use invalidate::source::{FollowEvent, FollowOptions, Followed, Source, Unfinished, follow};
use tokio::sync::watch;

use super::renew::InForce;
use super::tell::Teller;
use crate::cli::error::{CommandError, Exit};
use crate::cli::runtime::{reload_signal, stop_signal};

/// Runs a future on several threads: one reads, one plans and drops.
pub fn block_on<T>(future: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime
        .map_err(|error| CommandError::usage(format!("cannot start the threads of the watch: {error}")))?;
    runtime.block_on(future)
}

pub struct Watch {
    pub engine: Arc<Engine<AnyCache>>,
    pub in_force: InForce,
    pub follow: FollowOptions,
    pub teller: Arc<Teller>,
    pub with_worker: bool,
    pub stop: StopSignal,
}

/// A signal that comes from here on ends the watch in order. To be had before anybody is told that it has begun.
pub struct StopSignal(Pin<Box<dyn Future<Output = ()> + Send>>);

impl StopSignal {
    pub fn new() -> Result<Self, CommandError> {
        Ok(Self(Box::pin(stop_signal()?)))
    }
}

impl Watch {
    pub async fn run<S: Source>(self, source: &mut S) -> Result<Exit, CommandError> {
        self.follow(source).await.map(|_| Exit::Clean)
    }

    /// Follows the source until it ends, and says what that came to.
    pub async fn follow<S: Source>(self, source: &mut S) -> Result<Followed, CommandError> {
        let hangup = reload_signal()?;
        let (stop, stops) = watch::channel(false);
        let waits = |mut stops: watch::Receiver<bool>| async move {
            // Without its sender there is nothing to wait for any more.
            let _ = stops.wait_for(|stop| *stop).await;
        };
        let signalled = {
            let stop = stop.clone();
            async move {
                self.stop.0.await;
                stop.send_replace(true);
            }
        };
        let tell_worker = |event: WorkEvent<'_>| self.teller.worker(&event);
        let worker = async {
            if self.with_worker {
                // What keeps it from its work keeps the watch from its own, which tells.
                let _ = work(self.engine.cache(), waits(stops.clone()), &tell_worker).await;
            }
        };
        let signalled = tokio::spawn(signalled);
        let teller = Arc::clone(&self.teller);
        let tell = move |event: FollowEvent<'_>| teller.follow(&event);
        let follows = async {
            let followed = tokio::select! {
                followed = follow(Arc::clone(&self.engine), source, &self.follow, waits(stops.clone()), &tell) => followed,
                never = self.in_force.renew(&self.teller, hangup) => match never {},
            };
            stop.send_replace(true);
            followed
        };
        // The worker finishes or hands back what it has.
        let (followed, ()) = tokio::join!(follows, worker);
        signalled.abort();
        self.teller.finish();
        match followed {
            Ok(followed) => {
                self.teller.stopped(&followed);
                Ok(followed)
            }
            Err(Unfinished::Source(error)) => Err(error.into()),
            Err(Unfinished::CacheAway) => Err(CommandError::new(
                Exit::Cache,
                "stopped while the cache did not take what is to be dropped",
            )
            .help("nothing is lost: what is not confirmed is read again at the next start")),
        }
    }
}

/// Drops whatever writes of these entities could make stale; gives how many entries that were.
pub async fn drop_everything(engine: &Engine<AnyCache>, entities: &[&str]) -> Result<u64, CommandError> {
    let rules = engine.program().rules();
    let mut plans: Vec<Plan> = Vec::new();
    for name in entities {
        let Some(entity) = rules.entity_named(name) else { continue };
        for op in rules.entity(entity).operation_names() {
            let raw = RawWrite { entity: (*name).to_owned(), op: op.to_owned(), ..RawWrite::default() };
            let write = rules.write(raw, Undeclared::Ignore)?;
            plans.push(engine.program().plan(&write, Unfilled::Widen));
        }
    }
    let mut entries = 0;
    let mut reports = engine.submit_all(plans, quiet()).await;
    engine.see_to(&mut reports, quiet()).await;
    for report in reports {
        entries += report.into_result().map(|dropped| dropped.entries()).map_err(|(target, why)| {
            CommandError::new(Exit::Cache, format!("`{target}` was not dropped: {why}"))
                .help("nothing is followed yet; run the same command again")
        })?;
    }
    Ok(entries)
}
