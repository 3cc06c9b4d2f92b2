//! `invalidate cache drop`.

mod show;

use std::time::Duration;

use clap::{ArgGroup, Args};
use invalidate::cache::{
    AnyCache, Cache, CacheError, DropRequest, DropTarget, Dropped, MAX_DELAY, Progress, Reach, Work, quiet,
};
use invalidate::engine::{Own, StepError, StepReport};
use invalidate::model::Tag;

use super::time;
use crate::cli::args::Format;
use crate::cli::config::parse_duration;
use crate::cli::error::{CommandError, Exit};
use crate::cli::progress::{Bar, interrupted};
use crate::cli::runtime::{block_on, unless_interrupted};
use crate::cli::session::Session;
use crate::cli::targets::Targets;
use crate::cli::write::show::queue_notes;

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("later").args(["batched", "lazy"])))]
pub struct DropArgs {
    #[command(flatten)]
    targets: Targets,

    /// Follow key dependencies for one step only
    #[arg(long)]
    shallow: bool,

    /// Put it into the batch queue, where equal drops become one. When no worker is alive, wait until
    /// it is due and carry it out
    #[arg(long, conflicts_with = "dry_run")]
    batched: bool,

    /// Drop tags lazily: at the same cost whatever their size, at once for fenced readers, and for others
    /// when a worker has collected the entries, or this command where none is alive. Keys and patterns
    /// go at once
    #[arg(long, conflicts_with_all = ["batched", "dry_run", "shallow"])]
    lazy: bool,

    /// When a batched drop is due, in milliseconds or as in 200ms or 2s: 10ms to 5s [default: 100ms]
    #[arg(long, value_name = "MS", requires = "batched", value_parser = delay)]
    delay: Option<Duration>,

    /// Leave a batched drop, and collecting a lazy one, in the queue, also when no worker is alive
    #[arg(long, requires = "later")]
    no_wait: bool,

    /// Drop once more after a second, or after TIME: it ends what was filled from old data meanwhile
    #[arg(long, value_name = "TIME", value_parser = time, num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "1s", conflicts_with_all = ["dry_run", "later"])]
    settle: Option<Duration>,

    /// Count what would go and touch nothing
    #[arg(long)]
    dry_run: bool,

    /// How the outcome is printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
}

pub fn run(session: &Session, args: DropArgs) -> Result<Exit, CommandError> {
    let targets = args.targets.into_list();
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
        return show::counts(&targets, &counts, args.format);
    }
    let reach = if args.shallow { Reach::Direct } else { Reach::Transitive };
    let requests: Vec<DropRequest> = targets.iter().map(|t| DropRequest::new(t.clone(), reach)).collect();
    let bar = Bar::new(session.global.quiet);
    let progress = |progress| bar.update(progress);
    let delay = args.delay.unwrap_or(DEFAULT_DELAY);
    let work = async {
        match (args.batched, args.lazy) {
            (true, _) => {
                let items = requests.iter().map(|request| (Work::Drop(request.clone()), delay)).collect();
                later(session, &cache, items, &[], !args.no_wait, &progress).await
            }
            (_, true) => lazily(session, &cache, &requests, !args.no_wait, &progress).await,
            _ => Ok(at_once(session, &cache, &requests, args.settle, &progress).await),
        }
    };
    let outcomes = block_on(async { unless_interrupted(work).await.transpose() })?;
    bar.finish();
    let Some(outcomes) = outcomes else {
        let names: Vec<String> = targets.iter().map(show::name).collect();
        return Err(interrupted(&bar, &names, "run the same command again"));
    };
    show::outcomes(&targets, &outcomes, args.lazy, args.format)?;
    match outcomes.into_iter().find_map(|report| report.outcome.err()) {
        None => Ok(Exit::Clean),
        Some(error) => Err(failure(error).help(
            "what was dropped stays dropped; running the same command again does the rest and harms nothing",
        )),
    }
}

/// What a rule without a delay has.
const DEFAULT_DELAY: Duration = Duration::from_millis(100);

/// Drops, and once more after the time that is to settle it.
async fn at_once(
    session: &Session,
    cache: &AnyCache,
    requests: &[DropRequest],
    settle: Option<Duration>,
    progress: &(dyn Fn(Progress) + Sync),
) -> Vec<StepReport> {
    let mut outcomes = cache.drop_many(requests, progress).await;
    if let Some(delay) = settle {
        session.note(&format!("dropping once more in {} ms", delay.as_millis()));
        tokio::time::sleep(delay).await;
        let again = cache.drop_many(requests, quiet()).await;
        for (first, again) in outcomes.iter_mut().zip(again) {
            match (first, again) {
                (Ok(first), Ok(again)) => *first += Dropped { tags: 0, ..again },
                (first @ Ok(_), Err(error)) => *first = Err(error),
                (Err(_), _) => {}
            }
        }
    }
    outcomes.into_iter().map(done).collect()
}

/// Retires tags, with their collection in the queue; drops keys and patterns at once.
async fn lazily(
    session: &Session,
    cache: &AnyCache,
    requests: &[DropRequest],
    wait: bool,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Vec<StepReport>, CommandError> {
    let mut tags = Vec::new();
    let mut others = Vec::new();
    for request in requests {
        match &request.target {
            DropTarget::Tag(tag) => tags.push(tag.clone()),
            _ => others.push(request.clone()),
        }
    }
    let now = cache.drop_many(&others, progress).await;
    let items = tags.iter().map(|tag| (Work::Collect(tag.clone()), Duration::ZERO)).collect();
    let mut outcomes = if tags.is_empty() {
        Vec::new()
    } else {
        later(session, cache, items, &tags, wait, progress).await?
    };
    // Tags come first among targets.
    outcomes.extend(now.into_iter().map(done));
    Ok(outcomes)
}

/// Puts work into the queue, after `tags` are retired, and sees to it if nobody else does.
async fn later(
    session: &Session,
    cache: &AnyCache,
    items: Vec<(Work, Duration)>,
    tags: &[Tag],
    wait: bool,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Vec<StepReport>, CommandError> {
    let (retired, queue) = cache.retire_and_enqueue(tags, &items).await;
    let queue = queue?;
    let mut outcomes: Vec<StepReport> = items
        .iter()
        .map(|(_, delay)| StepReport { outcome: Ok(Dropped::default()), queued: Some(*delay) })
        .collect();
    for (outcome, retired) in outcomes.iter_mut().zip(retired) {
        if let Err(error) = retired {
            *outcome = done(Err(error));
        }
    }
    if !wait || queue.workers > 0 {
        queue_notes(items.len() as u64, &queue, session);
        return Ok(outcomes);
    }
    let mut own = Own::default();
    for (work, delay) in &items {
        own.add(work.clone(), *delay);
    }
    own.due().await;
    let carried = own.carry_out(cache, progress).await.map_err(|error| {
        CommandError::from(error).help("the drops stay queued; `invalidate flush` carries them out")
    })?;
    for outcome in outcomes.iter_mut().filter(|report| report.outcome.is_ok()) {
        // What others have carried out meanwhile needs nothing more.
        outcome.queued = None;
    }
    for (work, dropped) in carried {
        if let Some(position) = items.iter().position(|(item, _)| *item == work)
            && outcomes[position].outcome.is_ok()
        {
            outcomes[position] = done(dropped);
        }
    }
    Ok(outcomes)
}

fn done(outcome: Result<Dropped, CacheError>) -> StepReport {
    StepReport { outcome: outcome.map_err(StepError::Cache), queued: None }
}

fn failure(error: StepError) -> CommandError {
    match error {
        StepError::Cache(error) => error.into(),
        error @ StepError::BadTarget(_) => CommandError::usage(error.to_string()),
    }
}

fn delay(text: &str) -> Result<Duration, String> {
    let delay = text.parse().ok().map(Duration::from_millis).or_else(|| parse_duration(text));
    match delay {
        Some(delay) if (Duration::from_millis(10)..=MAX_DELAY).contains(&delay) => Ok(delay),
        Some(_) => Err("a delay is 10ms to 5s".to_owned()),
        None => Err("write milliseconds, such as 200, or 200ms or 2s".to_owned()),
    }
}
