//! `invalidate worker`: batched drops, carried out when they are due.

use clap::Args;
use invalidate::cache::AnyCache;
use invalidate::engine::{Carried, WorkEvent, work, work_once};

use super::error::{CommandError, Exit};
use super::flush::{gone, named};
use super::output::{self, count};
use super::runtime::{block_on, stop_signal};
use super::session::Session;

#[derive(Debug, Args)]
#[command(
    after_help = "While a worker runs, `invalidate write` returns as soon as its batched drops are in the \
queue. Any number of workers may share a cache. SIGINT and SIGTERM stop a worker: it finishes what it has \
begun. Killing it in any other way loses nothing; what it had begun is carried out by another after ten \
seconds, or by `invalidate flush` at once.\n\nExamples:\n  \
invalidate worker --cache redis://localhost -v\n  \
invalidate worker --once        # from cron: what is due now"
)]
pub struct WorkerArgs {
    /// Carry out what is due now, and end
    #[arg(long)]
    once: bool,
}

pub fn run(session: &Session, args: &WorkerArgs) -> Result<Exit, CommandError> {
    if !args.once && session.cache_url().starts_with("memory:") {
        return Err(CommandError::usage(
            "a memory cache lives in one process: no other can put work into it",
        )
        .help("give the cache that the writers use: `--cache redis://HOST` or `--cache embedded:FOLDER`"));
    }
    let cache = session.cache()?;
    if args.once {
        let carried = block_on(async { Ok(work_once(&cache).await?) })?;
        session.note(&summary(&carried));
        return match carried.failed.first() {
            None => Ok(Exit::Clean),
            Some((work, why)) => {
                let mut error =
                    CommandError::new(Exit::Cache, format!("`{}` was not carried out: {why}", work.member()));
                error.help.extend(why.hint().map(str::to_owned));
                Err(error.help("it is in the queue again"))
            }
        };
    }
    let carried = block_on(forever(session, &cache))?;
    session.note(&format!("stopped; {}", summary(&carried)));
    Ok(Exit::Clean)
}

async fn forever(session: &Session, cache: &AnyCache) -> Result<Carried, CommandError> {
    let stop = stop_signal()?;
    let verbose = session.global.verbose;
    let url = session.cache_url();
    // A URL may hold a password.
    let place = if url.starts_with("embedded:") { url } else { "the cache".to_owned() };
    let tell = |event: WorkEvent<'_>| match event {
        WorkEvent::Ready => session.note(&format!("carrying out what is queued in {place}; ctrl-c stops")),
        WorkEvent::Batch(carried) => {
            if let Some((work, error)) = carried.failed.first() {
                let others = match carried.failed.len() as u64 - 1 {
                    0 => String::new(),
                    n => format!(" and {}", count(n, "other item", "other items")),
                };
                let item = work.member();
                output::warning(&format!("`{item}`{others} failed, and will be tried again: {error}"));
            }
            if verbose && carried.done.total() > 0 {
                output::note(&summary(carried));
            }
        }
        WorkEvent::Lost(error, wait) => {
            let hint = error.hint().map_or_else(String::new, |hint| format!(" ({hint})"));
            output::warning(&format!(
                "{error}{hint}; trying again after {} ms, then less and less often",
                wait.as_millis()
            ));
        }
        WorkEvent::Back => session.note("the cache answers again"),
        WorkEvent::Stopping => session.note("stopping: finishing what has begun"),
        WorkEvent::HandedBack(items) => {
            session.note(&format!("{} handed back to the queue", count(items, "item", "items")));
        }
    };
    Ok(work(cache, stop, &tell).await?)
}

/// `3 tags and 2 keys carried out, 12 entries gone, 1 by dependency`.
fn summary(carried: &Carried) -> String {
    let parts: Vec<String> = named(&carried.done).map(|(name, n)| format!("{n} {name}")).collect();
    if parts.is_empty() {
        return "nothing was carried out".to_owned();
    }
    format!("{} carried out, {}", parts.join(", "), gone(carried))
}
