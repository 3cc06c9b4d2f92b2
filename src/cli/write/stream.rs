//! `invalidate write -`: one JSON write a line.
//!
//! Lines are read and planned in a thread of their own. Those that have come together are carried out
//! together, as one window, equal targets once: what is immediate is dropped, what is batched goes into
//! the queue, and then the lines are reported. Several windows are under way at a time; what sets out
//! and what is reported keeps the order of the lines ([`Pipeline`] says what that guarantees). What comes
//! due meanwhile, and no worker sees to, is carried out beside them. Memory is bounded by what is ready
//! and what is under way: reading waits for both.
//!
//! A bad line, and a target that cannot be dropped, are told with the number of the line and do not stop
//! the rest. A cache that is gone does, and the line to go on from is named.

mod frequent;
mod meter;
mod planned;
mod report;
mod settle;
mod summary;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use invalidate::cache::{AnyCache, Cache, CacheError, Enqueued, Work};
use invalidate::engine::{Engine, Outcomes, Own, Pipeline, Statistics, Window};
use tokio::sync::mpsc;
use tokio::time::Instant;

use self::meter::Meter;
use self::planned::{Piece, Planned, Waiting, plan_ahead};
use self::summary::Tally;
use super::Mode;
use crate::cli::error::{CommandError, Exit};
use crate::cli::runtime::{block_on, unless_interrupted};
use crate::cli::session::Session;

/// Lines that are carried out together: no more than these, no more than come in this time, so that a
/// producer that waits for its report does not suffer.
const WINDOW_LINES: usize = 4096;
const WINDOW_BYTES: usize = 4 * 1024 * 1024;
const GATHERING: Duration = Duration::from_millis(50);

/// How many windows are under way at a time. With two the server has something to do while the reports of
/// one are written; a third bridges the times when another process has the processor.
const UNDER_WAY: usize = 3;

/// How often what was done is added to the statistics.
const RECORDING: Duration = Duration::from_secs(1);

pub(super) fn run(session: &Session, mode: Mode) -> Result<Exit, CommandError> {
    settle::check(mode.settle)?;
    let program = session.program()?;
    // A dry run has nothing to ask of a cache.
    let cache =
        if mode.dry_run { AnyCache::open("memory:", session.cache_options())? } else { session.cache()? };
    let mut stream = Stream::new(session, mode, Arc::new(Engine::new(program, cache)));
    let pieces = plan_ahead(std::io::stdin(), Arc::clone(&stream.engine), mode)?;
    let outcome = block_on(async {
        let work = async {
            let outcome = stream.take(pieces).await;
            // What is queued is seen to, also when a line has failed.
            let rest = stream.finish().await;
            outcome.and(rest)
        };
        let outcome = unless_interrupted(work).await;
        outcome.unwrap_or_else(|| Err(stream.interrupted()))
    });
    stream.meter.finish();
    let printed = if mode.summary { stream.tally.print(mode) } else { Ok(()) };
    stream.tally.note(session, mode);
    outcome.and(printed)?;
    Ok(stream.tally.exit())
}

/// What is done beside the windows.
enum Aside {
    /// What came of items of the queue whose time had come.
    Seen(Result<Outcomes, CacheError>),
    Recorded(Result<(), CacheError>),
    /// What is to be dropped once more, and what the queue said of it.
    Settled(Vec<(Work, Duration)>, Result<Enqueued, CacheError>),
}

struct Stream<'s> {
    session: &'s Session,
    mode: Mode,
    engine: Arc<Engine<AnyCache>>,
    pipeline: Pipeline,
    /// The lines of the windows that are under way, the oldest first.
    waiting: VecDeque<Vec<(u64, Waiting)>>,
    /// The number of the last line taken, and of the last whose report is out.
    taken: u64,
    reported: u64,
    tally: Tally,
    meter: Arc<Meter>,
    /// What is queued and has to be seen to here.
    own: Own,
    aside: FuturesUnordered<Pin<Box<dyn Future<Output = Aside> + Send>>>,
    is_seeing: bool,
    is_recording: bool,
    /// How often something is being queued that is to be dropped once more.
    settling: usize,
    counted: Statistics,
    recorded: Instant,
}

impl<'s> Stream<'s> {
    fn new(session: &'s Session, mode: Mode, engine: Arc<Engine<AnyCache>>) -> Self {
        let meter = Arc::new(Meter::new(session.global.quiet));
        let watch = Arc::clone(&meter);
        Self {
            session,
            mode,
            pipeline: Pipeline::new(
                Arc::clone(&engine),
                UNDER_WAY,
                Arc::new(move |progress| watch.update(progress)),
            ),
            engine,
            waiting: VecDeque::new(),
            taken: 0,
            reported: 0,
            tally: Tally::new(),
            meter,
            own: Own::default(),
            aside: FuturesUnordered::new(),
            is_seeing: false,
            is_recording: false,
            settling: 0,
            counted: Statistics::default(),
            recorded: Instant::now(),
        }
    }

    /// Takes all lines, until the last one is reported.
    async fn take(&mut self, mut pieces: mpsc::Receiver<Piece>) -> Result<(), CommandError> {
        let mut gathered = Planned::default();
        let mut until = Instant::now();
        let mut end = None;
        loop {
            let is_full = gathered.is_full(WINDOW_LINES, WINDOW_BYTES);
            let is_ready = is_full || !gathered.goes_on || end.is_some() || until <= Instant::now();
            if !gathered.lines.is_empty() && is_ready && self.pipeline.has_room() {
                self.begin(std::mem::take(&mut gathered));
                continue;
            }
            if gathered.lines.is_empty() && self.pipeline.is_empty() && end.is_some() {
                return end.unwrap_or(Ok(()));
            }
            tokio::select! {
                window = self.pipeline.next() => self.report(window)?,
                piece = pieces.recv(), if end.is_none() && !is_full => match piece {
                    None => end = Some(Ok(())),
                    Some(Piece::Failed(error)) => end = Some(Err(error)),
                    Some(Piece::Planned(piece)) => {
                        if gathered.lines.is_empty() {
                            until = Instant::now() + GATHERING;
                        }
                        self.taken = piece.last;
                        gathered.append(piece);
                    }
                },
                () = tokio::time::sleep_until(until), if !is_ready && !gathered.lines.is_empty() => {}
                () = self.own.due(), if !self.is_seeing => self.see_to(),
                Some(aside) = self.aside.next() => self.take_aside(aside)?,
            }
            self.record(RECORDING);
        }
    }

    fn begin(&mut self, planned: Planned) {
        self.waiting.push_back(planned.lines);
        self.pipeline.begin(planned.plans);
    }

    /// Begins to carry out what is due and was queued here.
    fn see_to(&mut self) {
        self.is_seeing = true;
        let (engine, meter, due) = (Arc::clone(&self.engine), Arc::clone(&self.meter), self.own.take_due());
        self.aside.push(Box::pin(async move {
            Aside::Seen(due.carry_out(engine.cache(), &|progress| meter.update(progress)).await)
        }));
    }

    /// Begins to add what was done to the statistics, where that was not done for some time.
    fn record(&mut self, every: Duration) {
        if self.is_recording || self.counted.is_empty() || self.recorded.elapsed() < every {
            return;
        }
        self.is_recording = true;
        let (engine, counted) = (Arc::clone(&self.engine), std::mem::take(&mut self.counted));
        self.aside.push(Box::pin(async move { Aside::Recorded(counted.record(engine.cache()).await) }));
    }

    /// Begins to queue what is to be dropped once more.
    fn settle(&mut self, again: Vec<(Work, Duration)>) {
        if again.is_empty() {
            return;
        }
        self.settling += 1;
        let engine = Arc::clone(&self.engine);
        self.aside.push(Box::pin(async move {
            let queue = engine.cache().enqueue(&again).await;
            Aside::Settled(again, queue)
        }));
    }

    fn take_aside(&mut self, aside: Aside) -> Result<(), CommandError> {
        match aside {
            Aside::Seen(done) => {
                self.is_seeing = false;
                self.seen(done)
            }
            Aside::Settled(again, queue) => {
                self.settling -= 1;
                self.tally.queue = queue.map_err(|error| {
                    CommandError::from(error)
                        .help("all was dropped, but what `--settle` asks for was not queued")
                })?;
                if self.mode.wait && self.tally.queue.workers == 0 {
                    again.into_iter().for_each(|(work, delay)| self.own.add(work, delay));
                } else {
                    self.tally.queued += again.len() as u64;
                }
                Ok(())
            }
            Aside::Recorded(outcome) => {
                (self.is_recording, self.recorded) = (false, Instant::now());
                // Counters are a courtesy: their failure is a note.
                if let Err(error) = outcome {
                    self.session.note(&format!("the statistics were not kept: {error}"));
                }
                Ok(())
            }
        }
    }

    /// Waits for what is queued and has to be seen to here, and for the statistics.
    async fn finish(&mut self) -> Result<(), CommandError> {
        let mut outcome = Ok(());
        while self.is_seeing || self.settling > 0 || (!self.own.is_empty() && outcome.is_ok()) {
            tokio::select! {
                () = self.own.due(), if !self.is_seeing => self.see_to(),
                Some(aside) = self.aside.next() => outcome = outcome.and(self.take_aside(aside)),
            }
        }
        loop {
            self.record(Duration::ZERO);
            match self.aside.next().await {
                Some(aside) => outcome = outcome.and(self.take_aside(aside)),
                None => return outcome,
            }
        }
    }

    /// What is said when Ctrl-C ends the stream. Lines without a report may have been carried out.
    fn interrupted(&self) -> CommandError {
        let mut error = CommandError::new(Exit::Cache, format!("interrupted after line {}", self.reported));
        if self.taken > self.reported {
            error = error.help(format!("go on from line {}; what is done harms nothing", self.reported + 1));
        }
        if !self.own.is_empty() || self.is_seeing || !self.pipeline.is_empty() {
            error = error.help("what is queued stays so; `invalidate flush` carries it out");
        }
        error
    }

    /// Reports the lines of the oldest window.
    fn report(&mut self, window: Window) -> Result<(), CommandError> {
        let Some(lines) = self.waiting.pop_front() else { return Ok(()) };
        report::window(self, lines, window)
    }

    fn seen(&mut self, done: Result<Outcomes, CacheError>) -> Result<(), CommandError> {
        let stays = "what is queued stays so; `invalidate flush` carries it out once the cache answers";
        for (work, outcome) in done.map_err(|error| CommandError::from(error).help(stays))? {
            match outcome {
                Ok(dropped) => {
                    self.tally.entries += dropped.entries();
                    self.meter.done(0, dropped.entries());
                    self.counted.count_work(&work, dropped);
                }
                Err(why) => {
                    let message = format!("`{}` was not carried out: {why}", work.member());
                    let mut error = CommandError::new(Exit::Cache, message);
                    error.help.extend(why.hint().map(str::to_owned));
                    return Err(error.help(stays));
                }
            }
        }
        Ok(())
    }
}
