//! W214: a condition about which nobody can say whether it is ever, or always, true.

use super::super::regexes::Place;
use super::super::truths::Whole;
use super::super::{Lint, Subject};
use crate::diagnostic::{Code, Diagnostic};

pub const LINT: Lint = Lint { code: Code::UndecidedCondition, check };

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    for truths in subject.truths() {
        if let Whole::Undecided(why) = &truths.whole {
            let rule = subject.rules.rule(truths.rule);
            findings.push(
                Diagnostic::at(
                    Code::UndecidedCondition,
                    truths.when.span,
                    format!(
                        "whether the condition of `{}` is ever true could not be decided: {why}",
                        rule.name
                    ),
                    "",
                )
                .help("split the rule in two, or simplify the condition; the rule itself works as it stands"),
            );
        }
    }
    // Of a condition it is said already.
    for written in subject.regexes().iter().filter(|w| matches!(w.place, Place::Drop)) {
        if let Err(why) = &written.reach {
            let message = format!("what this regex matches could not be decided: {why}");
            let finding = Diagnostic::at(Code::UndecidedCondition, written.regex.span, message, "");
            findings.push(finding.help("a shorter regex without `\\b` can be decided"));
        }
    }
    let left = subject.rivals().not_looked_at();
    if left > 0 {
        findings.push(
            Diagnostic::nowhere(
                Code::UndecidedCondition,
                format!("{left} rules were not compared with all others that drop the same names"),
            )
            .help("so many rules on one entity are better written as fewer"),
        );
    }
}
