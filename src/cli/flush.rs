//! `invalidate flush`: what waits in the batch queue, carried out now.

use clap::Args;
use invalidate::cache::{DropRequest, DropTarget, Reach, Work, WorkCounts};
use invalidate::engine::{Carried, FlushDocument, flush, flush_these};

use super::args::Format;
use super::error::{CommandError, Exit};
use super::output::{self, count};
use super::progress::Bar;
use super::runtime::block_on;
use super::session::Session;
use super::table::{render, table};
use super::targets::Targets;

#[derive(Debug, Args)]
#[command(
    after_help = "Without targets everything that waits is carried out, else what waits of these. What \
somebody else is carrying out at the moment is carried out once more; that harms nothing.\n\nExamples:\n  \
invalidate flush\n  \
invalidate flush --tag user:123 --key home"
)]
pub struct FlushArgs {
    #[command(flatten)]
    only: Targets,

    /// How the outcome is printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
}

pub fn run(session: &Session, args: FlushArgs) -> Result<Exit, CommandError> {
    let format = args.format;
    let mut items = Vec::new();
    for target in args.only.into_list() {
        let drops = [Reach::Transitive, Reach::Direct];
        items.extend(drops.map(|reach| Work::Drop(DropRequest::new(target.clone(), reach))));
        if let DropTarget::Tag(tag) = target {
            items.push(Work::Collect(tag));
        }
    }

    // No cache, no queue.
    let carried = match session.cache_to_look_at()? {
        None => Carried::default(),
        Some(cache) => {
            let bar = Bar::new(session.global.quiet);
            let carried = block_on(async {
                Ok(if items.is_empty() {
                    flush(&cache, &|progress| bar.update(progress)).await?
                } else {
                    flush_these(&cache, &items, &|progress| bar.update(progress)).await?
                })
            });
            bar.finish();
            carried.map_err(|error| {
                error.help("what is not done stays in the queue; run the same command again")
            })?
        }
    };
    print(&carried, format)?;
    if carried.unknown > 0 {
        output::warning(&format!(
            "{} of the queue not known to this version of the program; a newer one carries them out",
            output::count(carried.unknown, "item is", "items are")
        ));
    }
    match carried.failed.first() {
        None => Ok(Exit::Clean),
        Some((work, why)) => {
            let failed = carried.failed.len();
            let mut error = CommandError::new(
                Exit::Cache,
                format!("{} failed, first `{}`: {why}", count(failed as u64, "item", "items"), work.member()),
            );
            error.help.extend(why.hint().map(str::to_owned));
            Err(error.help("they are in the queue again"))
        }
    }
}

fn print(carried: &Carried, format: Format) -> Result<(), CommandError> {
    let done = &carried.done;
    match format {
        Format::Json => output::json(&FlushDocument::from(carried)),
        Format::Table if done.total() == 0 => output::data("nothing to carry out\n"),
        Format::Table => {
            let mut rows = table(&["carried out", "#items"]);
            for (name, n) in named(done) {
                rows.add_row([name.to_owned(), n.to_string()]);
            }
            output::data(&format!("{}\n{}\n", render(&rows), gone(carried)))
        }
    }
}

/// `12 entries gone, 1 by dependency`.
pub fn gone(carried: &Carried) -> String {
    let dropped = &carried.dropped;
    format!("{} gone, {} by dependency", count(dropped.entries(), "entry", "entries"), dropped.dependents)
}

/// The kinds of which there are any, in words that fit their numbers.
pub fn named(counts: &WorkCounts) -> impl Iterator<Item = (&'static str, u64)> {
    [
        ("tag", "tags", counts.tags),
        ("key", "keys", counts.keys),
        ("match", "matches", counts.matches),
        ("tag match", "tag matches", counts.tag_matches),
        ("unfinished drop", "unfinished drops", counts.collects),
        ("unknown item", "unknown items", counts.unknown),
    ]
    .into_iter()
    .filter(|(.., n)| *n > 0)
    .map(|(one, many, n)| (if n == 1 { one } else { many }, n))
}
