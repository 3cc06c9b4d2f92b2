//! W209: a regex that matches nothing.

use super::super::regexes::Place;
use super::super::{Lint, Subject};
use crate::decide::regex::Reach;
use crate::diagnostic::{Code, Diagnostic};

pub const LINT: Lint = Lint { code: Code::EmptyRegex, check };

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    for written in subject.regexes() {
        if written.reach != Ok(Reach::Nothing) {
            continue;
        }
        let rule = &subject.rules.rule(written.rule).name;
        let message = match &written.place {
            Place::Drop => format!("`/{}/` matches no key: `{rule}` drops nothing by it", written.regex.node),
            Place::Condition { .. } => format!("`/{}/` matches no text at all", written.regex.node),
        };
        findings.push(
            Diagnostic::at(Code::EmptyRegex, written.regex.span, message, "matches nothing")
                .help("nothing stands before the start (`^`) or behind the end (`$`): write `\\^` and `\\$` for the characters"),
        );
    }
}
