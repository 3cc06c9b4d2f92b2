//! Findings as our own JSON.

use invalidate::diagnostic::{Edit, Fix, visible};
use invalidate::span::Span;
use serde::Serialize;

use super::report::{Finding, Report};
use crate::cli::output;

pub fn text(report: &Report<'_>) -> String {
    let findings = report.findings.iter().map(Entry::of).collect();
    output::pretty(&Document { schema: 1, findings }) + "\n"
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    findings: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    code: &'static str,
    slug: &'static str,
    severity: &'static str,
    message: String,
    /// The item it stands in, e.g. `rule users`.
    item: &'a str,
    place: Option<Labelled<'a>>,
    also: Vec<Labelled<'a>>,
    help: Vec<String>,
    fixes: Vec<Mending<'a>>,
    /// Stays the same while lines move.
    fingerprint: &'a str,
}

/// Lines and columns count from 1, columns in characters; `start` and `end` are bytes, and `end`
/// is behind the last one.
#[derive(Serialize)]
struct Place<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    start: u32,
    end: u32,
}

#[derive(Serialize)]
struct Labelled<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    label: String,
}

#[derive(Serialize)]
struct Mending<'a> {
    title: String,
    /// Whether `--fix` applies it without `--unsafe-fixes`.
    safe: bool,
    edits: Vec<Replacement<'a>>,
}

/// `text` stands in the place of what stood there, to the letter.
#[derive(Serialize)]
struct Replacement<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    text: &'a str,
}

impl<'a> Entry<'a> {
    fn of(found: &'a Finding<'a>) -> Self {
        let finding = found.diagnostic;
        let place = |span: Span, label: &str| Labelled {
            place: Place::of(found, span),
            label: visible(label).into_owned(),
        };
        Self {
            code: finding.code.number(),
            slug: finding.code.slug(),
            severity: finding.severity.word(),
            message: visible(&finding.message).into_owned(),
            item: &found.identity.item,
            place: finding.primary.as_ref().map(|l| place(l.span, &l.text)),
            also: finding.secondary.iter().map(|l| place(l.span, &l.text)).collect(),
            help: finding.help.iter().map(|help| visible(help).into_owned()).collect(),
            fixes: finding.fixes.iter().map(|fix| Mending::of(found, fix)).collect(),
            fingerprint: &found.fingerprint,
        }
    }
}

impl<'a> Place<'a> {
    fn of(found: &'a Finding<'a>, span: Span) -> Self {
        let range = found.range_of(span);
        Self {
            file: found.file_of(span),
            line: range.start.line,
            column: range.start.column,
            end_line: range.end.line,
            end_column: range.end.column,
            start: span.start,
            end: span.end,
        }
    }
}

impl<'a> Mending<'a> {
    fn of(found: &'a Finding<'a>, fix: &'a Fix) -> Self {
        let replacement =
            |edit: &'a Edit| Replacement { place: Place::of(found, edit.span), text: &edit.text };
        let edits = fix.edits.iter().map(replacement).collect();
        Self { title: visible(&fix.title).into_owned(), safe: fix.is_safe(), edits }
    }
}
