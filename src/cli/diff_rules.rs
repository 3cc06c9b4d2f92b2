//! `invalidate diff`: what two rule sets mean, held against each other.

mod github;
mod show;
pub mod source;

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use invalidate::RuleSet;
use invalidate::compare::{Class, Comparison, compare};

use super::error::{CommandError, Exit};
use super::output;
use super::session::Session;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
invalidate diff git:HEAD~1 git:HEAD                      # the configured rules, as they were and are\n  \
invalidate diff git:main rules/ --fail-on narrower       # possible stale data fails the build\n  \
invalidate diff old.inv new.inv --format github > comment.md\n  \
invalidate diff git:v1.2:rules/shop.inv rules/shop.inv\n\n\
Compared are all writes that give everything the rules look at. Names of rules, their order, comments and files make no \
difference. Exit codes: 0 unless `--exit-code` or `--fail-on` ask for another; then 1 for a difference that counts, else \
4 where something could not be decided.")]
pub struct DiffArgs {
    /// A rule file, a folder of them, `git:REV` for the configured rules at a revision, or `git:REV:PATH`
    old: String,

    /// The same, for the rules that are to take their place
    new: String,

    /// How the differences are printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: DiffFormat,

    /// Exit with 1 where anything differs
    #[arg(long)]
    exit_code: bool,

    /// Exit with 1 where something differs in one of these ways
    #[arg(long, value_name = "WAYS", value_delimiter = ',')]
    fail_on: Vec<Way>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DiffFormat {
    /// For people
    Table,
    /// For programs; sorted, stable, with a schema number, the equal operations too
    Json,
    /// Markdown for a comment on a pull request
    Github,
}

/// In which way rules differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Way {
    /// Something is not dropped any more: possibly stale data
    Narrower,
    /// More is dropped: more load
    Wider,
    /// Something is dropped at another time
    Timing,
    /// Something is dropped at another priority
    Order,
    /// Entries have or carry other names
    Names,
}

/// One pair of rule sets.
struct Compared {
    /// The root that both have, where there are several.
    root: Option<PathBuf>,
    comparison: Comparison,
}

pub fn run(session: &Session, args: &DiffArgs) -> Result<Exit, CommandError> {
    let (old, new) = (source::read(session, &args.old)?, source::read(session, &args.new)?);
    let mut pairs = Vec::new();
    if old.len() == 1 && new.len() == 1 {
        // One rule set is one, wherever it has moved.
        pairs.extend(old.into_values().zip(new.into_values()).map(|(old, new)| (None, Some(old), Some(new))));
    } else {
        let (mut old, mut new) = (old, new);
        let roots: BTreeSet<PathBuf> = old.keys().chain(new.keys()).cloned().collect();
        for root in roots {
            let (before, after) = (old.remove(&root), new.remove(&root));
            pairs.push((Some(root), before, after));
        }
    }
    let mut out = Vec::new();
    for (root, old, new) in pairs {
        let name = |side: &str| match &root {
            Some(root) => format!("the rules of `{side}`, in `{}`,", root.display()),
            None => format!("the rules of `{side}`"),
        };
        let program = |checked: Option<_>, side: &str| match checked {
            Some(checked) => Session::made(checked, &name(side)),
            // A root that only one side has is held against rules that say nothing.
            None => Session::made(RuleSet::parse(""), &name(side)),
        };
        let (before, after) = (program(old, &args.old)?, program(new, &args.new)?);
        out.push(Compared { comparison: compare(&before, &after), root });
    }
    match args.format {
        DiffFormat::Table => output::data(&show::text(&out))?,
        DiffFormat::Json => output::json(&show::Document::new(&out))?,
        DiffFormat::Github => output::data(&github::text(&out, &args.old, &args.new))?,
    }
    Ok(exit(args, &out))
}

fn exit(args: &DiffArgs, all: &[Compared]) -> Exit {
    if !args.exit_code && args.fail_on.is_empty() {
        return Exit::Clean;
    }
    let counts = |way: Way| args.exit_code || args.fail_on.contains(&way);
    let differs = all.iter().any(|c| ways(&c.comparison).into_iter().any(counts));
    match all.iter().any(|c| c.comparison.undecided_count() > 0) {
        _ if differs => Exit::Findings,
        true => Exit::Unresolved,
        false => Exit::Clean,
    }
}

/// In which ways two rule sets differ.
fn ways(comparison: &Comparison) -> Vec<Way> {
    let mut out: Vec<Way> = comparison
        .differences()
        .map(|(_, difference)| match difference.class {
            Class::Narrower => Way::Narrower,
            Class::Wider => Way::Wider,
            Class::Timing => Way::Timing,
            Class::Order => Way::Order,
        })
        .collect();
    if !comparison.names.is_empty() || !comparison.entities.is_empty() {
        out.push(Way::Names);
    }
    out
}
