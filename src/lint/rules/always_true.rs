//! W202: a condition, or a part of one, that every write satisfies.

use super::super::spelling::with_blanks;
use super::super::truths::{ConstantPart, Whole};
use super::super::{Lint, Subject};
use crate::check::ruleset::{Rule, Trigger};
use crate::diagnostic::{Code, Diagnostic, Fix};

pub const LINT: Lint = Lint { code: Code::AlwaysTrue, check };

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    for truths in subject.truths() {
        let rule = subject.rules.rule(truths.rule);
        let always = truths.parts.iter().filter(|p| p.truth);
        match &truths.whole {
            Whole::Always => {
                let what = match rule.trigger {
                    Trigger::Writes(_) => "every write that the rule is on satisfies it",
                    Trigger::Tags(_) => "every tag that the rule is on satisfies it",
                };
                let mut out = Diagnostic::at(
                    Code::AlwaysTrue,
                    truths.when.span,
                    format!("the condition of `{}` says nothing: {what}", rule.name),
                    "always true",
                );
                for part in always {
                    out = out.also(part.span, "this part alone is always true");
                }
                out = out.help("mend the condition, or leave it out");
                if let Some(span) = with_blanks(subject.rules.sources(), "when", truths.when.span) {
                    out = out.fix(Fix::safe("leave the condition out", span, ""));
                }
                findings.push(out);
            }
            Whole::Some | Whole::NeverOf(_) => {
                findings.extend(always.filter(|p| !p.by_regex).map(|part| self::part(rule, part)));
            }
            Whole::Never | Whole::Undecided(_) => {}
        }
    }
}

fn part(rule: &Rule, part: &ConstantPart) -> Diagnostic {
    let out = Diagnostic::at(
        Code::AlwaysTrue,
        part.span,
        format!("a part of the condition of `{}` is always true", rule.name),
        "always true",
    )
    .help("mend it, or take it out: the rest decides alone");
    match part.removal {
        Some(span) if part.is_safe => out.fix(Fix::safe("take the part out", span, "")),
        Some(span) => out.fix(Fix::guess("take the part out", span, "")),
        None => out,
    }
}
