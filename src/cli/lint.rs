//! `invalidate lint`: checks rule files.

mod concise;
mod fix;
mod full;
mod github;
mod gitlab;
mod json;
mod junit;
mod known;
mod levels;
mod report;
mod roots;
mod sarif;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use invalidate::diagnostic::{Code, Diagnostic, Severity, render};
use invalidate::lint::{Levels, Project, lint};
use invalidate::span::Sources;

use super::config::FailLevel;
use super::error::{CommandError, Exit};
use super::output;
use super::replace::replace;
use super::session::Session;
use full::MAX_PRINTED;
use report::{Looked, Report};
use roots::Root;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
invalidate lint rules --format github\n  \
invalidate lint --format sarif --output-file lint.sarif\n  \
invalidate lint --diff; invalidate lint --fix\n  \
invalidate lint --deny all --allow dead-end\n  \
git show :rules/shop.inv | invalidate lint - --stdin-filename rules/shop.inv")]
pub struct LintArgs {
    /// Rule files, folders in which every root file is checked, or `-` for stdin [default: the
    /// configured rules, else rules/, else the built-in default rules]
    paths: Vec<PathBuf>,

    /// How findings are printed; notes go to stderr
    #[arg(long, value_name = "FORMAT", default_value = "full")]
    format: LintFormat,

    /// Write the findings into a file, whole or not at all
    #[arg(long, value_name = "FILE")]
    output_file: Option<PathBuf>,

    /// The name of what comes on stdin, for its imports and in the findings
    #[arg(long, value_name = "FILE", default_value = "<stdin>")]
    stdin_filename: PathBuf,

    /// Print every code with its level and meaning, as a table or `--format json`
    #[arg(long, group = "instead")]
    list: bool,

    /// Print the level of every lint and who gave it, as a table or `--format json`
    #[arg(long, group = "instead")]
    show_config: bool,

    #[command(flatten)]
    weight: WeightArgs,

    #[command(flatten)]
    baseline: BaselineArgs,

    #[command(flatten)]
    fix: FixArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Levels")]
struct WeightArgs {
    /// The weakest finding that makes the exit code 1 [default: from invalidate.yaml, else warning]
    #[arg(long, value_name = "LEVEL")]
    fail_level: Option<FailLevel>,

    /// Count every warning as an error
    #[arg(long)]
    deny_warnings: bool,

    /// Do not report a lint, by slug or code; `all` is every lint that no flag names
    #[arg(long, value_name = "LINT", value_delimiter = ',')]
    allow: Vec<String>,

    /// Report a lint as a warning
    #[arg(long, value_name = "LINT", value_delimiter = ',')]
    warn: Vec<String>,

    /// Report a lint as an error
    #[arg(long, value_name = "LINT", value_delimiter = ',')]
    deny: Vec<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Baseline")]
struct BaselineArgs {
    /// Hide the findings that this file knows [default: from invalidate.yaml, else none]
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// Write all present findings but errors into the baseline
    #[arg(long, group = "instead")]
    write_baseline: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Fixes")]
struct FixArgs {
    /// Apply the fixes that change no meaning, then report what is left
    #[arg(long, group = "instead")]
    fix: bool,

    /// Print the fixes as a unified diff instead of findings; the exit code is 1 if there are any
    #[arg(long, group = "instead", conflicts_with = "format")]
    diff: bool,

    /// With --fix or --diff: guesses, too, such as a name for a misspelt one
    #[arg(long)]
    unsafe_fixes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LintFormat {
    /// With the source beneath
    Full,
    /// One line each
    Concise,
    /// For programs
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of GitHub Actions
    Github,
    /// A code quality report of GitLab
    Gitlab,
    /// JUnit XML, a suite for each file
    Junit,
}

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
    let looked = look(roots, &levels);
    report(session, args, &looked, &project)
}

/// Where names of files in levels and baselines count from.
fn project(session: &Session) -> Project {
    Project::new(&session.here, session.config.folder.as_ref().unwrap_or(&session.here))
}

fn look(roots: Vec<Root>, levels: &Levels) -> Vec<Looked> {
    let look = |root: Root| {
        let checked = root.check();
        let findings = lint(&checked, levels);
        Looked { root, checked, findings }
    };
    roots.into_iter().map(look).collect()
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
    // A rule file that cannot be read is a mistake of the command line, not of the rules.
    let is_missing = |d: &Diagnostic| d.code == Code::UnreadableFile && d.primary.is_none();
    let is_missing = report.findings.iter().any(|found| is_missing(found.diagnostic));
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
