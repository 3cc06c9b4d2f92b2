//! W406: a `vary` dimension that no template uses.

use crate::diagnostic::{Code, Diagnostic};
use crate::lint::{Lint, Subject};

pub const LINT: Lint = Lint { code: Code::UnusedVary, check };

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    if subject.rules.rules().is_empty() {
        return;
    }
    for (index, vary) in subject.rules.varies().iter().enumerate() {
        if subject.usage().has_vary(index) {
            continue;
        }
        let message = format!("no template varies by `{}`", vary.name);
        findings.push(Diagnostic::at(Code::UnusedVary, vary.span, message, "declared, and never used").help(
            format!("remove it, or write `{{{}}}` in the keys of the entries that differ in it", vary.name),
        ));
    }
}
