//! `invalidate cache sweep`.

use std::num::NonZeroU32;

use clap::Args;
use invalidate::cache::{Cache, Rate, Swept};
use serde::Serialize;

use crate::cli::args::Format;
use crate::cli::error::{CommandError, Exit};
use crate::cli::output;
use crate::cli::runtime::{block_on, unless_interrupted};
use crate::cli::session::Session;
use crate::cli::table::{render, table};

#[derive(Debug, Args)]
pub struct SweepArgs {
    /// How many keys to look at in a second, at most [default: as many as the cache can]
    #[arg(long, value_name = "KEYS")]
    rate: Option<NonZeroU32>,

    /// How the outcome is printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
}

#[derive(Serialize)]
struct Document {
    schema: u32,
    /// Index members forgotten because their entries had expired.
    expired: u64,
    /// Index members forgotten because their entries were gone before their time.
    missing: u64,
    /// Entries removed that lazy or broken-off drops had left.
    removed: u64,
    /// Generations forgotten that no entry carries.
    generations: u64,
}

pub fn run(session: &Session, args: &SweepArgs) -> Result<Exit, CommandError> {
    let cache = session.cache()?;
    let rate = args.rate.map_or(Rate::UNLIMITED, Rate::per_second);
    let swept = block_on(async { Ok(unless_interrupted(cache.sweep(rate)).await) })?;
    let Some(swept) = swept.transpose()? else {
        return Err(CommandError::new(
            Exit::Cache,
            "interrupted: the sweep has not been all through the cache",
        )
        .help("what it did is done; the next sweep does the rest"));
    };
    print(&swept, args.format)?;
    Ok(Exit::Clean)
}

fn print(swept: &Swept, format: Format) -> Result<(), CommandError> {
    let document = Document {
        schema: 1,
        expired: swept.expired,
        missing: swept.missing,
        removed: swept.collected.entries(),
        generations: swept.generations,
    };
    match format {
        Format::Json => output::json(&document),
        Format::Table => {
            let mut rows = table(&["swept", "#count"]);
            rows.add_row(["members whose entries expired", &document.expired.to_string()]);
            rows.add_row(["members whose entries are gone", &document.missing.to_string()]);
            rows.add_row(["entries that drops had left", &document.removed.to_string()]);
            rows.add_row(["generations that nothing carries", &document.generations.to_string()]);
            output::data(&render(&rows))
        }
    }
}
