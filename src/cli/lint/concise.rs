//! Findings on a line each:
//! `rules/shop.inv:3:5: error[E010/unknown-name]: unknown entity `usr` (did you mean `user`?)`.

use invalidate::diagnostic::visible;

use super::report::{Finding, Report};

pub fn text(report: &Report<'_>) -> String {
    report.findings.iter().map(|found| line(found) + "\n").collect()
}

fn line(found: &Finding<'_>) -> String {
    let place = match found.range() {
        Some(range) => format!("{}:{}:{}: ", visible(found.file()), range.start.line, range.start.column),
        None => String::new(),
    };
    let finding = found.diagnostic;
    let help = match finding.advice().next() {
        Some(help) => format!(" ({})", visible(help)),
        None => String::new(),
    };
    let (severity, code) = (finding.severity.word(), finding.code);
    format!("{place}{severity}[{}/{}]: {}{help}", code.number(), code.slug(), visible(&finding.message))
}
