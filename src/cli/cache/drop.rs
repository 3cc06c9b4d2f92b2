//! `invalidate cache drop`.

use std::time::Duration;

use clap::Args;
use invalidate::cache::{Cache, CacheError, DropRequest, DropTarget, Dropped, Reach, quiet};
use invalidate::model::{Key, Pattern, Tag};
use serde::Serialize;

use super::{key, pattern, tag, time};
use crate::cli::args::Format;
use crate::cli::error::{CommandError, Exit};
use crate::cli::output;
use crate::cli::progress::{Bar, interrupted};
use crate::cli::runtime::{block_on, unless_interrupted};
use crate::cli::session::Session;
use crate::cli::table::{render, table};

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

    /// Drop once more after a second, or after TIME: it ends what was filled from old data meanwhile
    #[arg(long, value_name = "TIME", value_parser = time, num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "1s", conflicts_with = "dry_run")]
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
        return dry_run(&targets, &counts, args.format);
    }
    let reach = if args.shallow { Reach::Direct } else { Reach::Transitive };
    let requests: Vec<DropRequest> = targets.iter().map(|t| DropRequest::new(t.clone(), reach)).collect();
    let bar = Bar::new(session.global.quiet);
    let update = |progress| bar.update(progress);
    let outcomes = block_on(async {
        let mut outcomes = unless_interrupted(cache.drop_many(&requests, &update)).await;
        if let (Some(delay), Some(first)) = (args.settle, &mut outcomes) {
            session.note(&format!("dropping once more in {} ms", delay.as_millis()));
            let again = async {
                tokio::time::sleep(delay).await;
                cache.drop_many(&requests, quiet()).await
            };
            let Some(again) = unless_interrupted(again).await else { return Ok(None) };
            for (first, again) in first.iter_mut().zip(again) {
                settle(first, again);
            }
        }
        Ok(outcomes)
    })?;
    bar.finish();
    let Some(outcomes) = outcomes else {
        let names: Vec<String> = targets.iter().map(Line::new).map(|l| l.name()).collect();
        return Err(interrupted(&bar, &names, "run the same command again"));
    };
    print(&targets, &outcomes, args.format)?;
    match outcomes.into_iter().find_map(Result::err) {
        None => Ok(Exit::Clean),
        Some(error) => Err(CommandError::from(error).help(
            "what was dropped stays dropped; running the same command again does the rest and harms nothing",
        )),
    }
}

/// Adds what the second of two drops came to.
fn settle(first: &mut Result<Dropped, CacheError>, again: Result<Dropped, CacheError>) {
    match (first, again) {
        (Ok(first), Ok(again)) => *first += Dropped { tags: 0, ..again },
        (first @ Ok(_), Err(error)) => *first = Err(error),
        (Err(_), _) => {}
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
        Self { kind, target, live: None, removed: None, dependents: None, error: None }
    }

    fn name(&self) -> String {
        format!("{} `{}`", self.kind.replace('_', " "), self.target)
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
    outcomes: &[Result<Dropped, CacheError>],
    format: Format,
) -> Result<(), CommandError> {
    let lines: Vec<Line> = targets
        .iter()
        .zip(outcomes)
        .map(|(target, outcome)| {
            let line = Line::new(target);
            match outcome {
                Ok(d) => Line { removed: Some(d.keys), dependents: Some(d.dependents), ..line },
                Err(error) => Line { error: Some(error.to_string()), ..line },
            }
        })
        .collect();
    match format {
        Format::Json => output::json(&Document { schema: 1, targets: lines }),
        Format::Table => {
            let mut rows = table(&["dropped", "target", "#keys", "#dependents"]);
            for line in &lines {
                let keys = line.removed.map_or_else(|| "failed".to_owned(), |n| n.to_string());
                let dependents = line.dependents.map_or_else(String::new, |n| n.to_string());
                rows.add_row([line.kind, &line.target, &keys, &dependents]);
            }
            output::data(&render(&rows))
        }
    }
}
