//! Findings as workflow commands, which GitHub Actions shows as annotations of the changed lines.

use super::report::{Finding, Report};

pub fn text(report: &Report<'_>) -> String {
    report.findings.iter().map(|found| line(found) + "\n").collect()
}

fn line(found: &Finding<'_>) -> String {
    let finding = found.diagnostic;
    let mut properties = vec![format!("file={}", property(found.file()))];
    if let Some(range) = found.range() {
        properties.push(format!("line={}", range.start.line));
        properties.push(format!("endLine={}", range.end.line));
        properties.push(format!("col={}", range.start.column));
        // Columns on two lines are no range.
        if range.start.line == range.end.line {
            properties.push(format!("endColumn={}", range.end.column));
        }
    }
    let title = format!("{} {}", finding.code.number(), finding.code.slug());
    properties.push(format!("title={}", property(&title)));
    format!(
        "::{} {}::{}",
        finding.severity.word(),
        properties.join(","),
        message(&found.sentences().join("\n"))
    )
}

/// Escaped as the runner reads it back.
fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    let text = message(text).replace(':', "%3A").replace(',', "%2C");
    invalidate::diagnostic::visible(&text).into_owned()
}
