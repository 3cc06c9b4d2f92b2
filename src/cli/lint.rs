//! `invalidate lint`: checks rule files.

mod coverage;
mod roots;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use invalidate::check::{Checked, Files, check};
use invalidate::diagnostic::{Code, Diagnostic, Severity, render};
use invalidate::lint::{Levels, lint};
use invalidate::span::{Sources, Span};
use serde::Serialize;

use super::error::{CommandError, Exit};
use super::output;
use super::session::{RulesFrom, Session};

/// Findings printed for people at most; what follows is nearly always the same mistake again.
const MAX_PRINTED: usize = 100;

#[derive(Debug, Args)]
pub struct LintArgs {
    /// Rule files, or folders in which every root file is checked [default: the configured rules,
    /// else rules/, else the built-in default rules]
    paths: Vec<PathBuf>,

    /// How findings are printed
    #[arg(long, value_name = "FORMAT", default_value = "full")]
    format: LintFormat,

    /// The weakest finding that makes the exit code 1
    #[arg(long, value_name = "LEVEL", default_value = "warning")]
    fail_level: Level,

    /// Print which rules every write can fire, by entity, operation and column, in place of findings
    #[arg(long)]
    coverage: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LintFormat {
    /// With the source beneath
    Full,
    /// One line each
    Concise,
    /// For programs
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Level {
    Warning,
    Error,
}

pub fn run(session: &Session, args: &LintArgs) -> Result<Exit, CommandError> {
    let checked = check_all(session, &args.paths)?;
    if args.coverage {
        return coverage::run(session, &checked, args.format == LintFormat::Json);
    }
    let files: usize = checked.iter().map(|c| c.sources.iter().count()).sum();
    let levels = Levels::default();
    let found: Vec<_> = checked.iter().map(|c| (lint(c, &levels), &c.sources)).collect();
    let findings = distinct(&found);
    match args.format {
        LintFormat::Json => output::json(&document(&findings))?,
        LintFormat::Concise => {
            let lines: String = findings.iter().map(|(d, sources)| concise(d, sources) + "\n").collect();
            output::data(&lines)?;
        }
        LintFormat::Full => {
            let (styled, width) = (output::is_styled(), output::width());
            for (finding, sources) in findings.iter().take(MAX_PRINTED) {
                output::data(&format!("{}\n\n", render(finding, sources, styled, width)))?;
            }
            if findings.len() > MAX_PRINTED {
                session.note(&format!(
                    "{} more findings; `--format concise` prints all of them",
                    findings.len() - MAX_PRINTED
                ));
            }
        }
    }
    let count = |severity| findings.iter().filter(|(d, _)| d.severity == severity).count() as u64;
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let files = output::count(files as u64, "file", "files");
    session.note(&match (errors, warnings) {
        (0, 0) => format!("{files} checked, nothing found"),
        _ => format!(
            "{files} checked: {}, {}",
            output::count(errors, "error", "errors"),
            output::count(warnings, "warning", "warnings")
        ),
    });
    // A path that was named and cannot be read is a mistake of the command line, not of the rules.
    if findings.iter().any(|(d, _)| d.code == Code::UnreadableFile && d.primary.is_none()) {
        return Ok(Exit::Usage);
    }
    let fails = errors > 0 || (args.fail_level == Level::Warning && warnings > 0);
    Ok(if fails { Exit::Findings } else { Exit::Clean })
}

/// Checks every root that the paths name, or the configured rules.
fn check_all(session: &Session, paths: &[PathBuf]) -> Result<Vec<Checked>, CommandError> {
    let mut out = Vec::new();
    if paths.is_empty() {
        let folder = Path::new("rules");
        let explicit = session.global.rules.is_some() || session.config.rules.is_some();
        if !explicit && folder.is_dir() && session.rules_from() != RulesFrom::BuiltIn {
            return check_all(session, &[folder.to_path_buf()]);
        }
        out.push(session.check());
        return Ok(out);
    }
    for path in paths {
        if path.is_dir() {
            let roots = roots::roots(path)?;
            if roots.is_empty() {
                return Err(CommandError::usage(format!("`{}` holds no .inv file", path.display()))
                    .help("name the folder of the rules, or run `invalidate init` to get some"));
            }
            out.extend(roots.iter().map(|root| check(root, &Files::Disk)));
        } else {
            out.push(check(path, &Files::Disk));
        }
    }
    Ok(out)
}

/// Every finding once, though several roots may import one file.
fn distinct<'a>(found: &'a [(Vec<Diagnostic>, &'a Sources)]) -> Vec<(&'a Diagnostic, &'a Sources)> {
    let mut seen = std::collections::HashSet::new();
    let all = found.iter().flat_map(|(findings, sources)| findings.iter().map(move |d| (d, *sources)));
    all.filter(|(d, sources)| {
        let place =
            d.primary.as_ref().map(|l| (sources.get(l.span.file).name.clone(), l.span.start, l.span.end));
        seen.insert((d.code, d.message.clone(), place))
    })
    .collect()
}

/// `rules/shop.inv:3:5: error[E010/unknown-name]: unknown entity `usr` (did you mean `user`?)`.
fn concise(finding: &Diagnostic, sources: &Sources) -> String {
    let place = finding.primary.as_ref().map_or_else(String::new, |label| {
        let (line, column) = sources.position(label.span);
        format!("{}:{line}:{column}: ", sources.get(label.span.file).name)
    });
    let help = match finding.help.first() {
        Some(help) => format!(" ({help})"),
        None => String::new(),
    };
    let code = finding.code;
    format!("{place}{}[{}/{}]: {}{help}", word(finding.severity), code.number(), code.slug(), finding.message)
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    findings: Vec<Finding<'a>>,
}

#[derive(Serialize)]
struct Finding<'a> {
    code: &'static str,
    slug: &'static str,
    severity: &'static str,
    message: &'a str,
    place: Option<Place<'a>>,
    also: Vec<Place<'a>>,
    help: &'a [String],
}

/// Lines and columns count from 1, columns in characters; `start` and `end` are bytes.
#[derive(Serialize)]
struct Place<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    start: u32,
    end: u32,
    label: &'a str,
}

fn document<'a>(findings: &[(&'a Diagnostic, &'a Sources)]) -> Document<'a> {
    let findings = findings
        .iter()
        .map(|(d, sources)| {
            let place = |span: Span, label: &'a str| {
                let (line, column) = sources.position(span);
                let file = sources.get(span.file).name.as_str();
                Place { file, line, column, start: span.start, end: span.end, label }
            };
            Finding {
                code: d.code.number(),
                slug: d.code.slug(),
                severity: word(d.severity),
                message: &d.message,
                place: d.primary.as_ref().map(|l| place(l.span, &l.text)),
                also: d.secondary.iter().map(|l| place(l.span, &l.text)).collect(),
                help: &d.help,
            }
        })
        .collect();
    Document { schema: 1, findings }
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
