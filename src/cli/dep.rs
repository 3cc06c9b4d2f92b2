//! `invalidate dep`: key dependencies, recorded in the cache.

use clap::{Args, Subcommand};
use invalidate::cache::{AnyCache, Cache, Dependent, Reach};
use invalidate::model::Key;
use serde::Serialize;

use super::args::Format;
use super::cache::key;
use super::error::{CommandError, Exit};
use super::output;
use super::runtime::block_on;
use super::session::Session;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
invalidate dep add page:home --on user:123:profile --on catalog:top\n  \
invalidate dep show user:123:profile --transitive")]
pub struct DepArgs {
    #[command(subcommand)]
    command: DepCommand,
}

#[derive(Debug, Subcommand)]
enum DepCommand {
    /// Record that KEY was built from others: dropping any of them drops KEY too
    Add {
        #[arg(value_parser = key)]
        key: Key,
        /// A key that it was built from; may be given several times
        #[arg(long, value_name = "KEY", required = true, value_parser = key)]
        on: Vec<Key>,
    },
    /// Forget that KEY was built from others
    Remove {
        #[arg(value_parser = key)]
        key: Key,
        /// A key that it was built from; may be given several times
        #[arg(long, value_name = "KEY", required = true, value_parser = key)]
        on: Vec<Key>,
    },
    /// Print the keys that go when KEY goes
    Show {
        #[arg(value_parser = key)]
        key: Key,
        /// Their dependents as well, and so on
        #[arg(long)]
        transitive: bool,
        /// How the keys are printed
        #[arg(long, value_name = "FORMAT", default_value = "table")]
        format: Format,
    },
}

pub fn run(session: &Session, args: DepArgs) -> Result<Exit, CommandError> {
    let cache = session.cache()?;
    block_on(async {
        match args.command {
            DepCommand::Add { key, on } => {
                cache.add_dependency(&key, &on).await?;
                session.note(&format!(
                    "`{key}` now goes with {}",
                    on.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")
                ));
                Ok(Exit::Clean)
            }
            DepCommand::Remove { key, on } => {
                let removed = cache.remove_dependency(&key, &on).await?;
                session.note(&format!("{} forgotten", output::count(removed, "dependency", "dependencies")));
                Ok(if removed == 0 { Exit::Findings } else { Exit::Clean })
            }
            DepCommand::Show { key, transitive, format } => {
                show(&cache, &key, if transitive { Reach::Transitive } else { Reach::Direct }, format).await
            }
        }
    })
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    key: &'a Key,
    dependents: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    key: &'a Key,
    /// 1 for a direct dependent.
    distance: u32,
}

async fn show(cache: &AnyCache, key: &Key, reach: Reach, format: Format) -> Result<Exit, CommandError> {
    let dependents: Vec<Dependent> = cache.dependents(key, reach).await?;
    match format {
        Format::Json => {
            let lines = dependents.iter().map(|d| Line { key: &d.key, distance: d.distance }).collect();
            output::json(&Document { schema: 1, key, dependents: lines })?;
        }
        Format::Table => {
            let indent = |d: &Dependent| "  ".repeat(d.distance.saturating_sub(1) as usize);
            output::data(
                &dependents.iter().map(|d| format!("{}{}\n", indent(d), d.key)).collect::<String>(),
            )?;
        }
    }
    Ok(Exit::Clean)
}
