//! `invalidate cache drop`.

use std::time::Duration;

use clap::Args;
use invalidate::cache::{
    AnyCache, Cache, CacheError, DropRequest, DropTarget, Dropped, MAX_DELAY, Progress, Reach, Work,
};
use invalidate::engine::Own;
use invalidate::model::{Key, Pattern, Tag};
use serde::Serialize;

use super::{key, pattern, tag};
use crate::cli::args::Format;
use crate::cli::config::parse_duration;
use crate::cli::error::{CommandError, Exit};
use crate::cli::output;
use crate::cli::progress::Bar;
use crate::cli::runtime::block_on;
use crate::cli::session::Session;
use crate::cli::table::{render, table};
use crate::cli::write::show::queue_notes;

#[derive(Debug, Args)]
pub struct DropArgs {
    /// A tag; may be given several times
    #[arg(long, value_name = "TAG", value_parser = tag)]
    tag: Vec<Tag>,

    /// A key; may be given several times
    #[arg(long, value_name = "KEY", value_parser = key)]
    key: Vec<Key>,

    /// A glob as Redis has it, or /REGEX/, over live keys; may be given several times
    #[arg(long = "match", value_name = "PATTERN", value_parser = pattern)]
    pattern: Vec<Pattern>,

    /// Follow key dependencies for one step only
    #[arg(long)]
    shallow: bool,

    /// Put it into the batch queue, where equal drops become one. When no worker is alive, wait until
    /// it is due and carry it out
    #[arg(long, conflicts_with = "dry_run")]
    batched: bool,

    /// When a batched drop is due, in milliseconds or as in 200ms or 2s: 10ms to 5s [default: 100ms]
    #[arg(long, value_name = "MS", requires = "batched", value_parser = delay)]
    delay: Option<Duration>,

    /// Leave a batched drop in the queue, also when no worker is alive
    #[arg(long, requires = "batched")]
    no_wait: bool,

    /// Count what would go and touch nothing
    #[arg(long)]
    dry_run: bool,

    /// How the outcome is printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
}

pub fn run(session: &Session, args: DropArgs) -> Result<Exit, CommandError> {
    let targets: Vec<DropTarget> = args
        .tag
        .into_iter()
        .map(DropTarget::Tag)
        .chain(args.key.into_iter().map(DropTarget::Key))
        .chain(args.pattern.into_iter().map(DropTarget::Match))
        .collect();
    if targets.is_empty() {
        return Err(CommandError::usage("nothing was named to drop")
            .help("give --tag TAG, --key KEY or --match PATTERN, each as often as you like"));
    }
    let cache = session.cache()?;
    if args.dry_run {
        let counts = block_on(async {
            let mut counts = Vec::with_capacity(targets.len());
            for target in &targets {
                counts.push(cache.count(target).await?);
            }
            Ok(counts)
        })?;
        return dry_run(&targets, &counts, args.format);
    }
    let reach = if args.shallow { Reach::Direct } else { Reach::Transitive };
    let requests: Vec<DropRequest> = targets.iter().map(|t| DropRequest::new(t.clone(), reach)).collect();
    let bar = Bar::new(session.global.quiet);
    let progress = |progress| bar.update(progress);
    let outcomes: Vec<Outcome> = block_on(async {
        if args.batched {
            let delay = args.delay.unwrap_or(DEFAULT_DELAY);
            return batched(session, &cache, &requests, delay, !args.no_wait, &progress).await;
        }
        let outcomes = cache.drop_many(&requests, &progress).await;
        Ok(outcomes.into_iter().map(|outcome| outcome.map(Some)).collect())
    })?;
    bar.finish();
    let due = args.batched.then(|| args.delay.unwrap_or(DEFAULT_DELAY));
    print(&targets, &outcomes, due, args.format)?;
    match outcomes.into_iter().find_map(Result::err) {
        None => Ok(Exit::Clean),
        Some(error) => Err(CommandError::from(error).help(
            "what was dropped stays dropped; running the same command again does the rest and harms nothing",
        )),
    }
}

/// What a rule without a delay has.
const DEFAULT_DELAY: Duration = Duration::from_millis(100);

/// What came of a target; `None` while it waits in the queue.
type Outcome = Result<Option<Dropped>, CacheError>;

/// Puts drops into the queue, and sees to them if nobody else does.
async fn batched(
    session: &Session,
    cache: &AnyCache,
    requests: &[DropRequest],
    delay: Duration,
    wait: bool,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Vec<Outcome>, CommandError> {
    let items: Vec<(Work, Duration)> =
        requests.iter().map(|request| (Work::Drop(request.clone()), delay)).collect();
    let queue = cache.enqueue(&items).await?;
    let mut outcomes: Vec<Outcome> = vec![Ok(None); items.len()];
    if !wait || queue.workers > 0 {
        queue_notes(items.len() as u64, &queue, session);
        return Ok(outcomes);
    }
    let mut own = Own::default();
    for (work, delay) in &items {
        own.add(work.clone(), *delay);
    }
    own.due().await;
    let done = own.carry_out(cache, progress).await.map_err(|error| {
        CommandError::from(error).help("the drops stay queued; `invalidate flush` carries them out")
    })?;
    // What others have carried out meanwhile needs nothing more.
    outcomes.fill(Ok(Some(Dropped::default())));
    for (work, outcome) in done {
        if let Some(position) = items.iter().position(|(item, _)| *item == work) {
            outcomes[position] = outcome.map(Some);
        }
    }
    Ok(outcomes)
}

fn delay(text: &str) -> Result<Duration, String> {
    let delay = text.parse().ok().map(Duration::from_millis).or_else(|| parse_duration(text));
    match delay {
        Some(delay) if (Duration::from_millis(10)..=MAX_DELAY).contains(&delay) => Ok(delay),
        Some(_) => Err("a delay is 10ms to 5s".to_owned()),
        None => Err("write milliseconds, such as 200, or 200ms or 2s".to_owned()),
    }
}

#[derive(Serialize)]
struct Document {
    schema: u32,
    targets: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    kind: &'static str,
    target: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<u64>,
    /// Present where the drop waits in the queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_in_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dependents: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Line {
    fn new(target: &DropTarget) -> Self {
        let (kind, target) = match target {
            DropTarget::Tag(tag) => ("tag", tag.to_string()),
            DropTarget::Key(key) => ("key", key.to_string()),
            DropTarget::Match(pattern) => ("match", pattern.to_string()),
            DropTarget::TagsMatching(pattern) => ("tag_match", pattern.to_string()),
        };
        Self { kind, target, live: None, due_in_ms: None, removed: None, dependents: None, error: None }
    }
}

fn dry_run(targets: &[DropTarget], counts: &[u64], format: Format) -> Result<Exit, CommandError> {
    let lines: Vec<Line> =
        targets.iter().zip(counts).map(|(t, n)| Line { live: Some(*n), ..Line::new(t) }).collect();
    match format {
        Format::Json => output::json(&Document { schema: 1, targets: lines })?,
        Format::Table => {
            let mut rows = table(&["would drop", "target", "#live keys"]);
            for (line, n) in lines.iter().zip(counts) {
                rows.add_row([line.kind, &line.target, &n.to_string()]);
            }
            output::data(&render(&rows))?;
        }
    }
    Ok(Exit::Clean)
}

fn print(
    targets: &[DropTarget],
    outcomes: &[Outcome],
    delay: Option<Duration>,
    format: Format,
) -> Result<(), CommandError> {
    let lines: Vec<Line> = targets
        .iter()
        .zip(outcomes)
        .map(|(target, outcome)| {
            let line = Line::new(target);
            match outcome {
                Ok(None) => {
                    let due = delay.map(|delay| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX));
                    Line { due_in_ms: due, ..line }
                }
                Ok(Some(d)) => Line { removed: Some(d.keys), dependents: Some(d.dependents), ..line },
                Err(error) => Line { error: Some(error.to_string()), ..line },
            }
        })
        .collect();
    match format {
        Format::Json => output::json(&Document { schema: 1, targets: lines }),
        Format::Table => {
            let mut rows = table(&["dropped", "target", "#keys", "#dependents"]);
            for line in &lines {
                let keys = match (line.removed, line.due_in_ms) {
                    (Some(n), _) => n.to_string(),
                    (None, Some(due)) => format!("in {due} ms"),
                    (None, None) => "failed".to_owned(),
                };
                let dependents = line.dependents.map_or_else(String::new, |n| n.to_string());
                rows.add_row([line.kind, &line.target, &keys, &dependents]);
            }
            output::data(&render(&rows))
        }
    }
}
