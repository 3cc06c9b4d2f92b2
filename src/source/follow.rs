//! The way of a source's transactions into the cache: planned, carried out in windows, and confirmed.
//!
//! What has come together sets out as one window, the writes of each transaction taken together, several windows
//! under way at a time. A position is confirmed when the cache has acknowledged everything before it, so that a
//! process that dies repeats something and leaves nothing out. While the cache is away nothing more is read: what
//! is ready and what is under way is all that is ever held.

mod gather;
mod tell;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::time::Instant;

use self::gather::{Gathered, Window};
use super::{End, Source, SourceError};
use crate::cache::{Cache, CacheError};
use crate::engine::{
    Committed, Engine, SourceGauges, SourceStatistics, Statistics, StepError, TransactionPipeline,
};
use crate::plan::Program;

pub use self::tell::{FollowEvent, Followed, Unfinished};

/// How many windows are under way at a time: while one is acknowledged the next is carried out, and a third bridges
/// the times when another process has the processor.
const UNDER_WAY: usize = 3;

/// How often what was done is added to the statistics, and progress is told.
const RECORDING: Duration = Duration::from_secs(1);

/// After which time a cache that is away is asked again, at first and at last.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Counters on their way to the cache.
type Recording = Pin<Box<dyn Future<Output = Result<(), CacheError>> + Send>>;

/// How a source is followed.
#[derive(Clone, Debug)]
pub struct FollowOptions {
    /// What the statistics call the source.
    pub name: String,
    /// Drop whatever the unknown is where a row does not give enough. Otherwise that is told and left.
    pub widen: bool,
    /// Programs that take the engine's place, as they come; `None` where it stays.
    pub programs: Option<watch::Receiver<Arc<Program>>>,
}

/// Follows a source until it ends, `stop` comes, or it cannot be read on.
///
/// # Errors
/// [`Unfinished`]: what keeps the source from being read, or the cache was away when `stop` came. What was not
/// acknowledged is not confirmed, and is read again the next time.
pub async fn follow<S: Source, C: Cache + 'static>(
    engine: Arc<Engine<C>>,
    source: &mut S,
    options: &FollowOptions,
    stop: impl Future<Output = ()> + Send,
    tell: &(dyn Fn(FollowEvent<'_>) + Send + Sync),
) -> Result<Followed, Unfinished> {
    let mut follow = Follow::new(engine, options, tell);
    let outcome = follow.run(source, std::pin::pin!(stop)).await;
    follow.count_losses(source.losses());
    follow.record_last().await;
    let closed = source.close().await;
    outcome?;
    closed?;
    Ok(follow.followed)
}

struct Follow<'f, S: Source, C> {
    engine: Arc<Engine<C>>,
    options: &'f FollowOptions,
    tell: &'f (dyn Fn(FollowEvent<'_>) + Send + Sync),
    programs: Option<watch::Receiver<Arc<Program>>>,
    pipeline: TransactionPipeline,
    gathered: Gathered<S::Position>,
    /// The windows that are under way, the oldest first.
    waiting: VecDeque<Window<S::Position>>,
    followed: Followed,
    counted: Statistics,
    counts: SourceStatistics,
    recorded: Instant,
    recording: Option<Recording>,
}

impl<'f, S: Source, C: Cache + 'static> Follow<'f, S, C> {
    fn new(
        engine: Arc<Engine<C>>,
        options: &'f FollowOptions,
        tell: &'f (dyn Fn(FollowEvent<'_>) + Send + Sync),
    ) -> Self {
        Self {
            pipeline: TransactionPipeline::of_transactions(Arc::clone(&engine), UNDER_WAY),
            engine,
            options,
            tell,
            programs: options.programs.clone(),
            gathered: Gathered::default(),
            waiting: VecDeque::new(),
            followed: Followed::default(),
            counted: Statistics::default(),
            counts: SourceStatistics::default(),
            recorded: Instant::now(),
            recording: None,
        }
    }

    async fn run(
        &mut self,
        source: &mut S,
        mut stop: Pin<&mut (impl Future<Output = ()> + Send)>,
    ) -> Result<(), Unfinished> {
        let mut reads = true;
        let mut failed: Option<SourceError> = None;
        // What was read and is not planned.
        let mut held = None;
        loop {
            // Every window is of one program: another one takes over when nothing is under way.
            let mut renews = reads && self.has_renewed();
            if renews && self.pipeline.is_empty() && self.gathered.is_empty() {
                self.renew();
                renews = false;
            }
            if !renews && let Some(next) = held.take() {
                reads &= self.take(next, &mut failed);
            }
            // What is there already comes into one window.
            while reads && !renews && !self.gathered.is_full() {
                let Some(next) = source.next().now_or_never() else { break };
                reads = self.take(next, &mut failed);
            }
            let all = !reads || renews;
            while self.pipeline.has_room() && self.gathered.has_some(all) {
                let (window, transactions) = self.gathered.window(all);
                self.waiting.push_back(window);
                self.pipeline.begin(transactions);
            }
            if self.pipeline.is_empty() {
                if let Some(end) = self.gathered.take_position() {
                    self.confirm(source, &end).await?;
                }
                if !reads {
                    return failed.map_or(Ok(()), |error| Err(error.into()));
                }
                if renews {
                    continue;
                }
            }
            let room = reads && held.is_none() && !self.gathered.is_full();
            tokio::select! {
                biased;
                () = &mut stop, if reads => {
                    reads = false;
                    (self.tell)(FollowEvent::Stopping);
                }
                committed = self.pipeline.next(), if !self.pipeline.is_empty() => {
                    self.acknowledge(source, committed, if reads { Some(stop.as_mut()) } else { None }).await?;
                }
                next = source.next(), if room => held = Some(next),
                done = recorded(&mut self.recording) => self.recorded(done),
                () = tokio::time::sleep_until(self.recorded + RECORDING), if self.recording.is_none() => {
                    self.record(source);
                }
            }
        }
    }

    fn has_renewed(&self) -> bool {
        // Without its sender the last program stays.
        self.programs.as_ref().is_some_and(|programs| programs.has_changed().unwrap_or(false))
    }

    fn renew(&mut self) {
        if let Some(programs) = &mut self.programs {
            let program = Arc::clone(&programs.borrow_and_update());
            self.engine = Arc::new(self.engine.with_program(program));
        }
    }

    /// Plans what came; whether there is more to read.
    fn take(
        &mut self,
        next: Result<Option<Vec<super::Part<S::Position>>>, SourceError>,
        failed: &mut Option<SourceError>,
    ) -> bool {
        match next {
            Ok(Some(parts)) => {
                for part in parts {
                    self.counts.rows += part.rows;
                    let program = self.engine.program();
                    self.gathered.take(part, program, self.options.widen, &mut self.counts, self.tell);
                }
                true
            }
            Ok(None) => false,
            Err(error) => {
                *failed = Some(error);
                false
            }
        }
    }

    /// Sees to what came of the oldest window, and confirms it.
    async fn acknowledge(
        &mut self,
        source: &mut S,
        mut window: Vec<Committed>,
        stop: Option<Pin<&mut (impl Future<Output = ()> + Send)>>,
    ) -> Result<(), Unfinished> {
        if away(&window).is_some() {
            self.hold(&mut window, stop).await?;
        }
        let rules = self.engine.program().rules();
        for committed in &window {
            self.counted.count_all(committed, rules);
            self.counts.targets += committed.steps.len() as u64;
            self.counts.entries += committed.dropped().entries();
            for (step, why) in committed.failures() {
                self.counts.failed += 1;
                (self.tell)(FollowEvent::Failed(step, why));
            }
        }
        let Some(done) = self.waiting.pop_front() else { return Ok(()) };
        self.counts.transactions += done.transactions;
        if let Some(end) = &done.end {
            self.confirm(source, end).await?;
        }
        Ok(())
    }

    /// Asks a cache that is away again and again, until it has taken everything.
    async fn hold(
        &mut self,
        window: &mut [Committed],
        stop: Option<Pin<&mut (impl Future<Output = ()> + Send)>>,
    ) -> Result<(), Unfinished> {
        let mut wait = RETRY.0;
        let engine = Arc::clone(&self.engine);
        let mut again = std::pin::pin!(async {
            while let Some(error) = away(window) {
                (self.tell)(FollowEvent::CacheLost(error, wait));
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(RETRY.1);
                for committed in window.iter_mut() {
                    committed.retry(engine.cache(), |why| !why.is_of_the_target()).await;
                    // Who waits for a cache that is gone, again and again, waits for hours.
                    if committed.failures().any(|(_, why)| !why.is_of_the_target()) {
                        break;
                    }
                }
            }
        });
        let stopped = async {
            match stop {
                Some(stop) => stop.await,
                // It came before: what the cache does not take now is read again the next time.
                None => tokio::time::sleep(RETRY.1).await,
            }
        };
        tokio::select! {
            () = &mut again => {
                (self.tell)(FollowEvent::CacheBack);
                Ok(())
            }
            () = stopped => Err(Unfinished::CacheAway),
        }
    }

    async fn confirm(&mut self, source: &mut S, end: &End<S::Position>) -> Result<(), Unfinished> {
        source.confirm(&end.position).await?;
        self.followed.position = Some(end.position.to_string());
        self.followed.committed_at = end.committed_at.or(self.followed.committed_at);
        Ok(())
    }

    /// Tells how far it is, and begins to add that to the statistics.
    fn record(&mut self, source: &mut S) {
        self.recorded = Instant::now();
        self.count_losses(source.losses());
        self.followed.add(&self.counts);
        self.followed.behind = source.behind();
        self.followed.late = self.late();
        (self.tell)(FollowEvent::Progress(&self.followed));
        let gauges = SourceGauges { behind: self.followed.behind, late: self.followed.late };
        let (counts, counted) = (std::mem::take(&mut self.counts), std::mem::take(&mut self.counted));
        let (engine, name) = (Arc::clone(&self.engine), self.options.name.clone());
        self.recording = Some(Box::pin(async move {
            counted.record(engine.cache()).await?;
            counts.record(&name, gauges, engine.cache()).await
        }));
    }

    fn count_losses(&mut self, losses: super::Losses) {
        self.counts.unreadable += losses.unreadable;
        self.counts.lost += losses.lost;
    }

    fn recorded(&mut self, done: Result<(), CacheError>) {
        (self.recording, self.recorded) = (None, Instant::now());
        // Counters are a courtesy: their failure is told, and no more.
        if let Err(error) = done {
            (self.tell)(FollowEvent::NotRecorded(&error));
        }
    }

    async fn record_last(&mut self) {
        if let Some(recording) = self.recording.take() {
            self.recorded(recording.await);
        }
        self.followed.add(&self.counts);
        let gauges = SourceGauges { behind: None, late: self.late() };
        let (counts, counted) = (std::mem::take(&mut self.counts), std::mem::take(&mut self.counted));
        let done = async {
            counted.record(self.engine.cache()).await?;
            counts.record(&self.options.name, gauges, self.engine.cache()).await
        };
        self.recorded(done.await);
    }

    /// How long ago the oldest transaction was committed that is not acknowledged.
    fn late(&self) -> Duration {
        let oldest = self.waiting.iter().find_map(|window| window.first).or(self.gathered.first);
        oldest.and_then(|at| SystemTime::now().duration_since(at).ok()).unwrap_or_default()
    }
}

/// Waits for what is being recorded; for ever when nothing is.
async fn recorded(recording: &mut Option<Recording>) -> Result<(), CacheError> {
    match recording {
        Some(recording) => recording.await,
        None => std::future::pending().await,
    }
}

/// Why a window is not done, where that is not the fault of its targets.
fn away(window: &[Committed]) -> Option<&StepError> {
    window.iter().flat_map(Committed::failures).map(|(_, why)| why).find(|why| !why.is_of_the_target())
}
