//! W405: a context attribute that no template and no condition uses.

use crate::diagnostic::{Code, Diagnostic};
use crate::lint::{Lint, Subject};

pub const LINT: Lint = Lint { code: Code::UnusedContext, check };

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    if subject.rules.rules().is_empty() {
        return;
    }
    for (index, attribute) in subject.rules.context().iter().enumerate() {
        if subject.usage().has_context(index) {
            continue;
        }
        let message = format!("no template and no condition uses `context.{}`", attribute.name);
        findings.push(
            Diagnostic::at(Code::UnusedContext, attribute.span, message, "declared, and never used")
                .help("remove it, or use it in the rules that it should make a difference to"),
        );
    }
}
