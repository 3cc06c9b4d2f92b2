//! How many errors are worth looking for.

use crate::diagnostic::{Code, Diagnostic};

/// Errors reported of one rule set. Beyond them it is no rule set, or one mistake made everywhere.
pub const MAX_ERRORS: usize = 1_000;

/// Counts errors while findings are added, each of them once.
#[derive(Debug, Default)]
pub struct ErrorCount {
    looked_at: usize,
    errors: usize,
}

impl ErrorCount {
    /// Whether there are more errors than are reported, so that no further ones need be found.
    pub fn is_exceeded(&mut self, findings: &[Diagnostic]) -> bool {
        self.errors += findings[self.looked_at..].iter().filter(|finding| finding.is_error()).count();
        self.looked_at = findings.len();
        self.errors > MAX_ERRORS
    }
}

/// Leaves the first errors of findings sorted by place, and says that there are more.
pub fn cut(findings: &mut Vec<Diagnostic>) {
    if findings.iter().filter(|finding| finding.is_error()).count() <= MAX_ERRORS {
        return;
    }
    let mut kept = 0;
    findings.retain(|finding| {
        kept += usize::from(finding.is_error());
        !finding.is_error() || kept <= MAX_ERRORS
    });
    findings.insert(
        0,
        Diagnostic::nowhere(
            Code::TooLarge,
            format!("there are more than {MAX_ERRORS} errors; what follows are the first"),
        )
        .help("mend these first: one mistake in a name can make hundreds"),
    );
}
