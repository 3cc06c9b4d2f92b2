//! The levels of a run: configuration, then flags; and both as a table.

use std::collections::BTreeMap;

use invalidate::diagnostic::{Code, Severity};
use invalidate::lint::{Given, Level, Levels, Origin, Project};
use serde::Serialize;

use super::{LintFormat, WeightArgs};
use crate::cli::config::{FILE, LevelOf, lint_named};
use crate::cli::error::CommandError;
use crate::cli::output;
use crate::cli::session::Session;
use crate::cli::table;

/// The levels that the configuration and the flags give.
pub fn of(session: &Session, args: &WeightArgs, project: &Project) -> Result<Levels, CommandError> {
    let mut levels = Levels::of_project(project.clone());
    let config = &session.config.lint;
    for (lint, given) in named(&config.levels) {
        levels.set(lint, given);
    }
    for path in &config.paths {
        levels.set_below(path.files.clone(), named(&path.levels));
    }
    for (lint, given) in flags(args)? {
        levels.force(lint, given);
    }
    if args.deny_warnings {
        levels.deny_warnings("--deny-warnings");
    }
    Ok(levels)
}

/// `all` for every lint that is not named itself.
fn named(list: &[LevelOf]) -> BTreeMap<Code, Given> {
    let mut out = BTreeMap::new();
    let given = |one: &LevelOf| Given {
        level: one.level,
        origin: Origin::Config { file: FILE.to_owned(), key: one.key.clone() },
    };
    for one in list.iter().filter(|one| one.lint.is_none()) {
        out.extend(Levels::lints().map(|lint| (lint, given(one))));
    }
    out.extend(list.iter().filter_map(|one| Some((one.lint?, given(one)))));
    out
}

fn flags(args: &WeightArgs) -> Result<BTreeMap<Code, Given>, CommandError> {
    let mut all: Option<Given> = None;
    let mut out: BTreeMap<Code, Given> = BTreeMap::new();
    let lists = [(Level::Allow, &args.allow), (Level::Warn, &args.warn), (Level::Deny, &args.deny)];
    for (level, name) in lists.iter().flat_map(|(level, names)| names.iter().map(|name| (*level, name))) {
        let given = Given { level, origin: Origin::Flag(format!("--{} {name}", level.word())) };
        let earlier = match lint_named(name)? {
            None => all.replace(given),
            Some(lint) => out.insert(lint, given),
        };
        if let Some(earlier) = earlier.filter(|earlier| earlier.level != level) {
            let message =
                format!("`{}` and `--{} {name}` contradict each other", earlier.origin, level.word());
            return Err(CommandError::usage(message).help("give a lint one level"));
        }
    }
    if let Some(given) = all {
        for lint in Levels::lints() {
            out.entry(lint).or_insert_with(|| given.clone());
        }
    }
    Ok(out)
}

#[derive(Serialize)]
struct Listed {
    code: &'static str,
    slug: &'static str,
    /// `error` for what has no level.
    level: &'static str,
    summary: &'static str,
}

#[derive(Serialize)]
struct Shown {
    code: &'static str,
    slug: &'static str,
    level: &'static str,
    /// The glob that it holds for; `null` where no glob says otherwise.
    files: Option<String>,
    from: String,
}

/// `--list` or `--show-config`.
pub fn show(levels: &Levels, list: bool, format: LintFormat) -> Result<String, CommandError> {
    Ok(match (list, is_table(format)?) {
        (true, true) => list_table(&listed(levels)),
        (true, false) => document("codes", &listed(levels)),
        (false, true) => config_table(&shown(levels)),
        (false, false) => document("levels", &shown(levels)),
    })
}

/// Whether what is no finding is printed as a table, and not as JSON.
pub fn is_table(format: LintFormat) -> Result<bool, CommandError> {
    match format {
        LintFormat::Full => Ok(true),
        LintFormat::Json => Ok(false),
        _ => Err(CommandError::usage("this is printed as a table or as JSON")
            .help("leave `--format` out, or write `--format json`")),
    }
}

fn document(name: &str, rows: &impl Serialize) -> String {
    let rows = serde_json::to_value(rows).unwrap_or_default();
    output::pretty(&serde_json::json!({ "schema": 1, name: rows })) + "\n"
}

fn listed(levels: &Levels) -> Vec<Listed> {
    let row = |code: &Code| Listed {
        code: code.number(),
        slug: code.slug(),
        level: match code.severity() {
            Severity::Error => "error",
            Severity::Warning => levels.general(*code).level.word(),
        },
        summary: code.summary(),
    };
    Code::ALL.iter().map(row).collect()
}

fn list_table(rows: &[Listed]) -> String {
    let mut table = table::table(&["code", "slug", "level", "meaning"]);
    for row in rows {
        table.add_row([row.code, row.slug, row.level, row.summary]);
    }
    table::render(&table)
}

fn shown(levels: &Levels) -> Vec<Shown> {
    let row = |lint: Code, files: Option<String>, given: &Given| Shown {
        code: lint.number(),
        slug: lint.slug(),
        level: given.level.word(),
        files,
        from: given.origin.to_string(),
    };
    let rows = |lint: Code| {
        let below = levels.below(lint).map(move |(files, given)| row(lint, Some(files.to_string()), given));
        std::iter::once(row(lint, None, &levels.general(lint))).chain(below)
    };
    Levels::lints().flat_map(rows).collect()
}

fn config_table(rows: &[Shown]) -> String {
    let mut table = table::table(&["code", "slug", "level", "files", "from"]);
    for row in rows {
        table.add_row([row.code, row.slug, row.level, row.files.as_deref().unwrap_or("all"), &row.from]);
    }
    table::render(&table)
}
