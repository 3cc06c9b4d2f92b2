//! Findings as a GitLab code quality report.

use invalidate::diagnostic::Severity;
use serde::Serialize;

use super::report::{Finding, Report};
use crate::cli::output;

pub fn text(report: &Report<'_>) -> String {
    let issues: Vec<Issue<'_>> = report.findings.iter().map(Issue::of).collect();
    output::pretty(&issues) + "\n"
}

#[derive(Serialize)]
struct Issue<'a> {
    description: String,
    check_name: &'static str,
    fingerprint: &'a str,
    severity: &'static str,
    location: Location<'a>,
}

#[derive(Serialize)]
struct Location<'a> {
    path: &'a str,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: usize,
    end: usize,
}

impl<'a> Issue<'a> {
    fn of(found: &'a Finding<'a>) -> Self {
        // What has no place is about its file.
        let (begin, end) = found.range().map_or((1, 1), |range| (range.start.line, range.end.line));
        Self {
            description: found.sentences().join("; "),
            check_name: found.diagnostic.code.slug(),
            fingerprint: &found.fingerprint,
            severity: match found.diagnostic.severity {
                Severity::Error => "major",
                Severity::Warning => "minor",
            },
            location: Location { path: found.file(), lines: Lines { begin, end } },
        }
    }
}
