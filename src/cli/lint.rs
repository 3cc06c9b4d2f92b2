//! `invalidate lint`: checks rule files.

mod args;
mod concise;
mod coverage;
mod fix;
mod full;
mod github;
mod gitlab;
mod json;
mod junit;
mod known;
mod levels;
mod report;
pub mod roots;
mod sarif;
mod shared;
mod watch;

use std::collections::BTreeMap;

use invalidate::check::Checked;
use invalidate::diagnostic::{Diagnostic, Severity, render};
use invalidate::lint::{Identities, Levels, Linted, Project, lint_against};
use invalidate::source::{Catalog, TableSettings, completeness};
use invalidate::span::Sources;

use super::config::FailLevel;
use super::error::{CommandError, Exit};
use super::explain;
use super::output;
use super::replace::replace;
use super::schema;
use super::session::Session;
pub use args::LintArgs;
use args::{LintFormat, WeightArgs};
use fix::is_unreadable_root;
use full::MAX_PRINTED;
pub use junit::escaped as escaped_xml;
use report::{Looked, Report};
use roots::Root;

pub fn run(session: &Session, args: &LintArgs) -> Result<Exit, CommandError> {
    let project = project(session);
    let levels = levels::of(session, &args.weight, &project)?;
    if args.list || args.show_config {
        let text = levels::show(&levels, args.list, args.format)?;
        return print(args, &text).map(|()| Exit::Clean);
    }
    if args.fix.unsafe_fixes && !args.fix.fix && !args.fix.diff {
        return Err(CommandError::usage("`--unsafe-fixes` says which fixes `--fix` and `--diff` take")
            .help("add `--diff` to look at them, or `--fix` to apply them"));
    }
    if args.watch {
        return watch::run(session, args, &levels, &project);
    }
    let roots = roots::all(session, &args.paths, &args.stdin_filename)?;
    if args.fix.diff {
        return diff(session, args, &roots, &levels);
    }
    if args.fix.fix {
        if args.paths.iter().any(|path| path.as_os_str() == "-") {
            return Err(CommandError::usage("`--fix` cannot write what comes on stdin")
                .help("`--diff` prints the change"));
        }
        let mended = fix::mend(&roots, &levels, args.fix.unsafe_fixes);
        fix::write(&mended)?;
        session.note(&mended.summary("applied"));
    }
    if args.coverage {
        return coverage::run(session, args, &roots);
    }
    let against = Against::new(session, args)?;
    let looked = look(roots, &levels, &against, Root::check)?;
    report(session, args, &looked, &project)
}

/// Where names of files in levels and baselines count from.
fn project(session: &Session) -> Project {
    Project::new(&session.here, session.config.folder.as_ref().unwrap_or(&session.here))
}

/// What rules are held against besides themselves: the tables of a database, and how they are configured.
struct Against<'a> {
    catalog: Option<Catalog>,
    tables: &'a BTreeMap<String, TableSettings>,
}

impl<'a> Against<'a> {
    fn new(session: &'a Session, args: &LintArgs) -> Result<Self, CommandError> {
        let catalog = match &args.schema {
            Some(source) => Some(schema::read(source, &args.schema_names)?),
            None if args.schema_names.names.is_empty() => None,
            None => {
                return Err(CommandError::usage("`--schema-name` says which tables `--schema` looks at")
                    .help("add `--schema postgres://USER@HOST:PORT/DATABASE`"));
            }
        };
        Ok(Self { catalog, tables: &session.config.sources.postgres.tables })
    }
}

fn look(
    roots: Vec<Root>,
    levels: &Levels,
    against: &Against<'_>,
    mut check: impl FnMut(&Root) -> Checked,
) -> Result<Vec<Looked>, CommandError> {
    let look = |root: Root| {
        let checked = check(&root);
        let catalog = against.catalog.as_ref();
        let schema = catalog.map(|catalog| completeness::check(&checked, catalog, against.tables));
        let Linted { findings, allowed } = lint_against(&checked, levels, schema.transpose()?);
        Ok(Looked { root, identities: Identities::of(&checked), sources: checked.sources, findings, allowed })
    };
    let mut looked: Vec<Looked> = roots.into_iter().map(look).collect::<Result<_, CommandError>>()?;
    shared::agree(looked.iter_mut().map(|l| (&l.sources, &mut l.findings)).collect());
    Ok(looked)
}

/// Prints the findings and says how it went.
fn report(
    session: &Session,
    args: &LintArgs,
    looked: &[Looked],
    project: &Project,
) -> Result<Exit, CommandError> {
    let names = report::names(looked);
    let mut report = Report::new(looked, &names, project);
    let baseline = args.baseline.baseline.clone();
    let baseline =
        baseline.or_else(|| session.config.lint.baseline.as_ref().map(|p| session.beside_config(p)));
    let is_missing = report.findings.iter().any(|found| is_unreadable_root(found.diagnostic));
    if args.baseline.write_baseline {
        let Some(path) = baseline else {
            return Err(CommandError::usage("`--write-baseline` needs a file to write")
                .help("name it: `--baseline FILE`, or `baseline:` under `lint:` in invalidate.yaml"));
        };
        if report.findings.iter().any(|found| found.diagnostic.is_error()) {
            print(args, &text(args, &report))?;
            session.note("no baseline is written: where there is an error, no lint has run");
            return Ok(if is_missing { Exit::Usage } else { Exit::Findings });
        }
        let count = known::write(&path, &report, project)?;
        session.note(&format!(
            "{} in `{}`",
            output::count(count as u64, "finding", "findings"),
            path.display()
        ));
        return Ok(Exit::Clean);
    }
    let gone = match &baseline {
        Some(path) => known::hide(path, &mut report, project)?,
        None => 0,
    };
    print(args, &text(args, &report))?;
    if args.format == LintFormat::Full && report.findings.len() > MAX_PRINTED {
        let more = report.findings.len() - MAX_PRINTED;
        session.note(&format!("{more} more findings; `--format concise` prints all of them"));
    }
    if matches!(args.format, LintFormat::Full | LintFormat::Concise) {
        fix::offer(session, &report);
    }
    if args.format == LintFormat::Full {
        explain::offer(session, report.findings.first().map(|f| f.diagnostic.code));
    }
    if gone > 0 {
        let gone = output::count(gone as u64, "finding in it is", "findings in it are");
        session.note(&format!("the baseline can shrink: {gone} gone; `--write-baseline` writes it anew"));
    }
    session.note(&summary(&report));
    if is_missing {
        return Ok(Exit::Usage);
    }
    let fail_level = args.weight.fail_level.or(session.config.lint.fail_level).unwrap_or(FailLevel::Warning);
    let fails = match fail_level {
        FailLevel::Error => report.count(Severity::Error) > 0,
        FailLevel::Warning => !report.findings.is_empty(),
        FailLevel::Never => false,
    };
    Ok(if fails { Exit::Findings } else { Exit::Clean })
}

fn diff(session: &Session, args: &LintArgs, roots: &[Root], levels: &Levels) -> Result<Exit, CommandError> {
    let mended = fix::mend(roots, levels, args.fix.unsafe_fixes);
    if let Some(why) = mended.unreadable {
        return Err(CommandError::usage(why));
    }
    let text = mended.diff();
    match &args.output_file {
        Some(path) => replace(path, text.as_bytes())?,
        // A terminal must not obey the rules; a patch must keep them to the letter.
        None if output::width().is_some() => {
            let line =
                |line: &str| invalidate::diagnostic::visible(line.trim_end_matches('\r')).into_owned() + "\n";
            output::data(&text.lines().map(line).collect::<String>())?;
        }
        None => output::raw(text.as_bytes())?,
    }
    session.note(&mended.summary("possible"));
    Ok(if text.is_empty() { Exit::Clean } else { Exit::Findings })
}

/// The findings in the format that was asked for.
fn text(args: &LintArgs, report: &Report<'_>) -> String {
    let to_file = args.output_file.is_some();
    match args.format {
        LintFormat::Full if to_file => full::text(report, false, None),
        LintFormat::Full => full::text(report, output::is_styled(), output::width()),
        LintFormat::Concise => concise::text(report),
        LintFormat::Json => json::text(report),
        LintFormat::Sarif => sarif::text(report),
        LintFormat::Github => github::text(report),
        LintFormat::Gitlab => gitlab::text(report),
        LintFormat::Junit => junit::text(report),
    }
}

/// To stdout, or where `--output-file` says.
fn print(args: &LintArgs, text: &str) -> Result<(), CommandError> {
    match &args.output_file {
        Some(path) => replace(path, text.as_bytes()),
        None => output::data(text),
    }
}

/// `2 files checked: 1 error, 0 warnings, 3 known to the baseline`.
fn summary(report: &Report<'_>) -> String {
    let files = output::count(report.files.len() as u64, "file", "files");
    let (errors, warnings) = (report.count(Severity::Error) as u64, report.count(Severity::Warning) as u64);
    let found = match (errors, warnings) {
        (0, 0) => ", nothing found".to_owned(),
        _ => format!(
            ": {}, {}",
            output::count(errors, "error", "errors"),
            output::count(warnings, "warning", "warnings")
        ),
    };
    let known = match report.known.len() {
        0 => String::new(),
        known => format!(", {known} known to the baseline"),
    };
    format!("{files} checked{found}{known}")
}

/// Prints findings for people on stderr, as commands do that cannot go on.
pub fn print_on_stderr(findings: &[&Diagnostic], sources: &Sources) {
    let styled = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    for finding in findings.iter().take(MAX_PRINTED) {
        anstream::eprintln!("{}\n", render(finding, sources, styled, None));
    }
    if findings.len() > MAX_PRINTED {
        output::note(&format!(
            "{} more; `invalidate lint --format concise` prints all",
            findings.len() - MAX_PRINTED
        ));
    }
}
