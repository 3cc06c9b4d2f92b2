//! `invalidate write -`: one JSON write a line. A bad line is reported with its number and does not
//! stop the rest; a cache that is gone does, and the line to go on from is named.
//!
//! Lines that are there together are carried out together, equal targets once: what is immediate is
//! dropped, what is batched goes into the queue, and then the lines are reported. What comes due
//! meanwhile, and no worker sees to, is carried out between the lines.

pub mod read;
mod settle;

use std::time::{Duration, Instant};

use invalidate::cache::{AnyCache, Cache, Enqueued, Work};
use invalidate::check::Undeclared;
use invalidate::engine::{Engine, Own, Report, ReportDocument, Statistics, work_of};
use invalidate::model::RawWrite;
use invalidate::plan::Plan;
use tokio::sync::mpsc;

use self::read::{Line, Lines, read_ahead};
use super::{Mode, exit_of, show};
use crate::cli::args::Format;
use crate::cli::error::{CommandError, Exit};
use crate::cli::output;
use crate::cli::progress::Bar;
use crate::cli::runtime::{block_on, unless_interrupted};
use crate::cli::session::Session;

/// Lines that are carried out together: no more than these, and no more than come in this time, so
/// that neither memory nor a producer that waits for its report suffers.
const TOGETHER: usize = 4096;
const GATHERING: Duration = Duration::from_millis(50);

/// How often what was done is added to the statistics.
const RECORDING: Duration = Duration::from_secs(1);

pub(super) fn run(session: &Session, mode: Mode) -> Result<Exit, CommandError> {
    settle::check(mode.settle)?;
    let program = session.program()?;
    // A dry run has nothing to ask of a cache.
    let cache =
        if mode.dry_run { AnyCache::open("memory:", session.cache_options())? } else { session.cache()? };
    let mut stream = Stream {
        session,
        mode,
        engine: Engine::new(program, cache),
        number: 0,
        tally: Tally::default(),
        reported: 0,
        own: Own::default(),
        queue: Enqueued::default(),
        counted: Statistics::default(),
        recorded: Instant::now(),
    };
    let lines = read_ahead()?;
    let outcome = block_on(async {
        let work = async {
            let outcome = stream.take_lines(lines).await;
            // What is queued is seen to, also when a line has failed.
            let rest = stream.finish().await;
            outcome.and(rest)
        };
        let outcome = unless_interrupted(work).await;
        outcome.unwrap_or_else(|| Err(stream.interrupted()))
    });
    stream.summary();
    outcome?;
    let tally = &stream.tally;
    Ok(if tally.bad > 0 {
        Exit::Usage
    } else if tally.unresolved > 0 {
        Exit::Unresolved
    } else {
        Exit::Clean
    })
}

/// What the lines came to.
#[derive(Default)]
struct Tally {
    done: u64,
    entries: u64,
    bad: u64,
    unresolved: u64,
    /// Writes with names that the rules do not declare.
    ignored: u64,
    /// Targets that were left in the queue.
    queued: u64,
}

struct Stream<'s> {
    session: &'s Session,
    mode: Mode,
    engine: Engine<AnyCache>,
    /// The number of the last line taken.
    number: u64,
    /// The number of the last line whose report is out.
    reported: u64,
    tally: Tally,
    /// What is queued and has to be seen to here.
    own: Own,
    /// What the queue said last.
    queue: Enqueued,
    counted: Statistics,
    recorded: Instant,
}

/// A line that is waiting for its report.
enum Waiting {
    Bad {
        why: String,
        help: Option<String>,
    },
    /// It is not to be carried out.
    Held(Box<Plan>),
    /// Its plan is being carried out.
    Submitted,
}

impl Stream<'_> {
    async fn take_lines(&mut self, mut lines: mpsc::Receiver<Lines>) -> Result<(), CommandError> {
        loop {
            tokio::select! {
                next = lines.recv() => match next {
                    None => return Ok(()),
                    Some(Lines::Failed(error)) => return Err(error),
                    Some(Lines::Read(first)) => self.together(first, &mut lines).await?,
                },
                () = self.own.due() => self.see_to().await?,
            }
            self.record(RECORDING).await;
        }
    }

    /// Carries out lines that have come, and those that come right after them.
    async fn together(
        &mut self,
        first: Vec<Line>,
        lines: &mut mpsc::Receiver<Lines>,
    ) -> Result<(), CommandError> {
        let start = Instant::now();
        let mut waiting = Vec::new();
        let mut plans = Vec::new();
        let mut failed = None;
        let mut next = Some(first);
        while let Some(read) = next.take() {
            for line in read {
                self.number += 1;
                if let Some(line) = self.plan(line, &mut plans) {
                    waiting.push((self.number, line));
                }
            }
            if waiting.len() < TOGETHER && start.elapsed() < GATHERING {
                match lines.try_recv() {
                    Ok(Lines::Read(more)) => next = Some(more),
                    Ok(Lines::Failed(error)) => failed = Some(error),
                    Err(_) => {}
                }
            }
        }
        let bar = Bar::new(self.session.global.quiet);
        let reports = self.engine.submit_all(plans, &|progress| bar.update(progress)).await;
        bar.finish();
        let again = settle::again(&reports, self.mode.settle);
        let mut reports = reports.into_iter();
        for (number, line) in waiting {
            match line {
                Waiting::Bad { why, help } => self.bad_line(number, &why, help.as_deref()),
                Waiting::Held(plan) => self.held(number, &plan)?,
                Waiting::Submitted => {
                    // There is a report for each plan.
                    let Some(report) = reports.next() else { break };
                    self.report(number, &report)?;
                }
            }
            self.reported = number;
        }
        self.settle(again).await?;
        failed.map_or(Ok(()), Err)
    }

    /// Queues what is to be dropped once more.
    async fn settle(&mut self, again: Vec<(Work, Duration)>) -> Result<(), CommandError> {
        if again.is_empty() {
            return Ok(());
        }
        let queue = self.engine.cache().enqueue(&again).await;
        self.queue = queue.map_err(|error| {
            CommandError::from(error).help("all was dropped, but what `--settle` asks for was not queued")
        })?;
        if self.mode.wait && self.queue.workers == 0 {
            again.into_iter().for_each(|(work, delay)| self.own.add(work, delay));
        } else {
            self.tally.queued += again.len() as u64;
        }
        Ok(())
    }

    /// What is to be done with a line; nothing with an empty one.
    fn plan(&self, line: Line, plans: &mut Vec<Plan>) -> Option<Waiting> {
        let text = match line {
            Line::Bad(why) => return Some(Waiting::Bad { why, help: None }),
            Line::Text(text) if text.trim().is_empty() => return None,
            Line::Text(text) => text,
        };
        Some(match plan_line(&self.engine, &text, self.mode) {
            Err((why, help)) => Waiting::Bad { why, help },
            Ok(plan) if self.mode.dry_run => Waiting::Held(Box::new(plan)),
            Ok(plan) if self.mode.strict && exit_of(&plan) == Exit::Unresolved => {
                Waiting::Held(Box::new(plan))
            }
            Ok(plan) => {
                plans.push(plan);
                Waiting::Submitted
            }
        })
    }

    fn warn(&mut self, number: u64, plan: &Plan) {
        if !plan.ignored.is_empty() && self.mode.format == Format::Table {
            self.tally.ignored += 1;
            output::warning(&format!(
                "line {number}: ignored, as the rules do not declare it: {}",
                plan.ignored.join(", ")
            ));
        }
        if exit_of(plan) == Exit::Unresolved {
            self.tally.unresolved += 1;
            let lines: Vec<String> = plan.unresolved.iter().map(show::unresolved_line).collect();
            output::warning(&format!("line {number}: unresolved: {}", lines.join("; ")));
        }
    }

    /// Reports a plan that is not to be carried out.
    fn held(&mut self, number: u64, plan: &Plan) -> Result<(), CommandError> {
        self.warn(number, plan);
        if self.mode.strict && exit_of(plan) == Exit::Unresolved {
            return Ok(());
        }
        self.tally.done += 1;
        match self.mode.format {
            Format::Json => output::json_line(plan),
            Format::Table => output::data(&format!("{}\n", show::dry_run(plan, None))),
        }
    }

    fn report(&mut self, number: u64, report: &Report) -> Result<(), CommandError> {
        let plan = &report.plan;
        self.warn(number, plan);
        let queued = report.queued().count() as u64;
        if let Some(queue) = report.queue {
            self.queue = queue;
            if self.mode.wait && queue.workers == 0 {
                for (step, delay) in report.queued() {
                    // It was work when it was queued.
                    if let Ok(work) = work_of(step) {
                        self.own.add(work, delay);
                    }
                }
            } else {
                self.tally.queued += queued;
            }
        }
        self.tally.entries += report.dropped().entries();
        match self.mode.format {
            Format::Json => output::json_line(&ReportDocument::new(report))?,
            Format::Table => {
                let queued = if queued > 0 { format!(", {queued} queued") } else { String::new() };
                output::data(&format!(
                    "{number}: {} {} {}: {}, {} gone{queued}\n",
                    plan.write.entity,
                    plan.write.id,
                    plan.write.op,
                    output::count(report.steps.len() as u64, "target", "targets"),
                    output::count(report.dropped().entries(), "entry", "entries")
                ))?;
            }
        }
        let failed = report.failures().count();
        if failed > 0 {
            let error = super::partly(report, failed);
            return Err(CommandError { message: format!("line {number}: {}", error.message), ..error }
                .help(format!("lines before {number} are done; go on from line {number}")));
        }
        self.counted.count(report, self.engine.program().rules());
        self.tally.done += 1;
        Ok(())
    }

    /// Carries out what is due and was queued here.
    async fn see_to(&mut self) -> Result<(), CommandError> {
        let bar = Bar::new(self.session.global.quiet);
        let done = self.own.carry_out(self.engine.cache(), &|progress| bar.update(progress)).await;
        bar.finish();
        let stays = "what is queued stays so; `invalidate flush` carries it out once the cache answers";
        for (work, outcome) in done.map_err(|error| CommandError::from(error).help(stays))? {
            match outcome {
                Ok(dropped) => {
                    self.tally.entries += dropped.entries();
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

    /// Waits for what is queued and has to be seen to here.
    async fn finish(&mut self) -> Result<(), CommandError> {
        let mut outcome = Ok(());
        while !self.own.is_empty() && outcome.is_ok() {
            self.own.due().await;
            outcome = self.see_to().await;
        }
        self.record(Duration::ZERO).await;
        outcome
    }

    /// Adds what was done to the statistics, where that was not done for some time. Counters are a
    /// courtesy: their failure is a note.
    async fn record(&mut self, every: Duration) {
        if self.counted.is_empty() || self.recorded.elapsed() < every {
            return;
        }
        let counted = std::mem::take(&mut self.counted);
        if let Err(error) = counted.record(self.engine.cache()).await {
            self.session.note(&format!("the statistics were not kept: {error}"));
        }
        self.recorded = Instant::now();
    }

    /// What is said when Ctrl-C ends the stream. Lines without a report may have been carried out.
    fn interrupted(&self) -> CommandError {
        let mut error = CommandError::new(Exit::Cache, format!("interrupted after line {}", self.reported));
        if self.number > self.reported {
            error = error.help(format!("go on from line {}; what is done harms nothing", self.reported + 1));
        }
        if !self.own.is_empty() {
            error = error.help("what is queued stays so; `invalidate flush` carries it out");
        }
        error
    }

    fn bad_line(&mut self, number: u64, why: &str, help: Option<&str>) {
        self.tally.bad += 1;
        let help = help.map_or_else(String::new, |h| format!(" ({h})"));
        output::warning(&format!("line {number} {why}{help}"));
    }

    fn summary(&self) {
        let (session, tally, mode) = (self.session, &self.tally, self.mode);
        let writes = output::count(tally.done, "write", "writes");
        let mut text = match mode.dry_run {
            true => format!("{writes} planned"),
            false => {
                format!("{writes} carried out, {} gone", output::count(tally.entries, "entry", "entries"))
            }
        };
        if tally.bad > 0 {
            text.push_str(&format!(", {} refused", output::count(tally.bad, "line", "lines")));
        }
        if tally.ignored > 0 {
            text.push_str(&format!(
                ", {} with undeclared names",
                output::count(tally.ignored, "write", "writes")
            ));
        }
        if tally.unresolved > 0 {
            let held = if mode.strict { " and not carried out" } else { "" };
            text.push_str(&format!(
                ", {} unresolved{held}",
                output::count(tally.unresolved, "write", "writes")
            ));
        }
        if tally.queued > 0 {
            text.push_str(&format!(", {} queued", output::count(tally.queued, "target", "targets")));
        }
        session.note(&text);
        show::queue_notes(tally.queued, &self.queue, session);
    }
}

fn plan_line(engine: &Engine<AnyCache>, line: &str, mode: Mode) -> Result<Plan, (String, Option<String>)> {
    let raw = RawWrite::from_json(line).map_err(|why| {
        let help = "a line is one object: {\"entity\":…,\"id\":…,\"op\":…,\"new\":{…},\"old\":{…},\"changed\":[…],\"context\":{…}}";
        (why, Some(help.to_owned()))
    })?;
    let program = engine.program();
    let write = program
        .rules()
        .write(raw, Undeclared::Ignore)
        .map_err(|error| (format!("is refused: {error}"), error.help))?;
    Ok(program.plan(&write, mode.unfilled))
}
