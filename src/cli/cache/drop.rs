//! `invalidate cache drop`.

mod show;

use std::time::Duration;

use clap::Args;
use invalidate::cache::{
    AnyCache, Cache, CacheError, DropRequest, DropTarget, Dropped, MAX_DELAY, Progress, Reach, Work, quiet,
};
use invalidate::engine::Own;
use invalidate::model::{Key, Pattern, Tag};

use super::{key, pattern, tag, time};
use crate::cli::args::Format;
use crate::cli::config::parse_duration;
use crate::cli::error::{CommandError, Exit};
use crate::cli::progress::{Bar, interrupted};
use crate::cli::runtime::{block_on, unless_interrupted};
use crate::cli::session::Session;
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

    /// Drop once more after a second, or after TIME: it ends what was filled from old data meanwhile
    #[arg(long, value_name = "TIME", value_parser = time, num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "1s", conflicts_with_all = ["dry_run", "batched"])]
    settle: Option<Duration>,

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
        return show::counts(&targets, &counts, args.format);
    }
    let reach = if args.shallow { Reach::Direct } else { Reach::Transitive };
    let requests: Vec<DropRequest> = targets.iter().map(|t| DropRequest::new(t.clone(), reach)).collect();
    let bar = Bar::new(session.global.quiet);
    let progress = |progress| bar.update(progress);
    let due = args.batched.then(|| args.delay.unwrap_or(DEFAULT_DELAY));
    let work = async {
        match due {
            Some(delay) => batched(session, &cache, &requests, delay, !args.no_wait, &progress).await,
            None => Ok(at_once(session, &cache, &requests, args.settle, &progress).await),
        }
    };
    let outcomes = block_on(async { unless_interrupted(work).await.transpose() })?;
    bar.finish();
    let Some(outcomes) = outcomes else {
        let names: Vec<String> = targets.iter().map(show::name).collect();
        return Err(interrupted(&bar, &names, "run the same command again"));
    };
    show::outcomes(&targets, &outcomes, due, args.format)?;
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

/// Drops, and once more after the time that is to settle it.
async fn at_once(
    session: &Session,
    cache: &AnyCache,
    requests: &[DropRequest],
    settle: Option<Duration>,
    progress: &(dyn Fn(Progress) + Sync),
) -> Vec<Outcome> {
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
    outcomes.into_iter().map(|outcome| outcome.map(Some)).collect()
}

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
