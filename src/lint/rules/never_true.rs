//! W201: a condition, or a part of one, that no write satisfies.

use super::super::truths::{ConstantPart, Truths, Whole};
use super::super::{Lint, Subject};
use crate::check::ruleset::{Rule, Trigger};
use crate::diagnostic::{Code, Diagnostic, Fix, quoted_list};
use crate::syntax::ast::Event;

pub const LINT: Lint = Lint { code: Code::NeverTrue, check };

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    for truths in subject.truths() {
        let rule = subject.rules.rule(truths.rule);
        let never = truths.parts.iter().filter(|p| !p.truth);
        match &truths.whole {
            Whole::Never => findings.push(whole(rule, truths, never)),
            Whole::NeverOf(entities) => {
                let names: Vec<&str> =
                    entities.iter().map(|e| subject.rules.entity(*e).name.as_str()).collect();
                let mut out = Diagnostic::at(
                    Code::NeverTrue,
                    truths.when.span,
                    format!(
                        "the condition of `{}` is never true of a write of {}",
                        rule.name,
                        quoted_list(&names)
                    ),
                    "",
                )
                .help("take the entity out of `on`, or write a rule of its own for it");
                for event in &subject.rule(truths.rule).events {
                    if let Event::Entity { entity, .. } = event
                        && names.contains(&entity.text.as_str())
                    {
                        out = out.also(entity.span, "fires the rule in vain");
                    }
                }
                findings.push(out);
            }
            _ => {
                for part in never.filter(|p| !p.by_regex) {
                    findings.push(self::part(rule, part));
                }
            }
        }
    }
}

fn whole<'p>(rule: &Rule, truths: &Truths<'_>, never: impl Iterator<Item = &'p ConstantPart>) -> Diagnostic {
    let what = match rule.trigger {
        Trigger::Writes(_) => "no write that it is on satisfies its condition",
        Trigger::Tags(_) => "no tag that it is on satisfies its condition",
    };
    let mut out = Diagnostic::at(
        Code::NeverTrue,
        truths.when.span,
        format!("`{}` never fires: {what}", rule.name),
        "never true",
    );
    for part in never {
        out = out.also(part.span, "this part alone is never true");
    }
    out.help("mend the condition, or remove the rule")
}

fn part(rule: &Rule, part: &ConstantPart) -> Diagnostic {
    let out = Diagnostic::at(
        Code::NeverTrue,
        part.span,
        format!("a part of the condition of `{}` is never true", rule.name),
        "never true",
    )
    .help("mend it, or take it out: the rest decides alone");
    match part.removal {
        Some(span) => out.fix(Fix::guess("take the part out", span, "")),
        None => out,
    }
}
