//! Findings with the source beneath, for people.

use invalidate::diagnostic::render;

use super::report::Report;

/// Findings printed at most; what follows is nearly always the same mistake again.
pub const MAX_PRINTED: usize = 100;

pub fn text(report: &Report<'_>, styled: bool, width: Option<usize>) -> String {
    let shown = report.findings.iter().take(MAX_PRINTED);
    shown.map(|found| render(found.diagnostic, found.sources, styled, width) + "\n\n").collect()
}
