//! W207: a chained rule that is carried out before the drop that fires it.

use super::super::flow::{Name, NameId};
use super::super::spelling::duration;
use super::super::{Lint, Subject};
use crate::check::ruleset::{Rule, RuleId, Trigger};
use crate::diagnostic::{Code, Diagnostic, Fix};
use crate::model::Timing;

pub const LINT: Lint = Lint { code: Code::PriorityInversion, check };

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    let flow = subject.flow();
    let chained: Vec<RuleId> = (0..subject.rules.rules().len())
        .map(RuleId::at)
        .filter(|id| matches!(subject.rules.rule(*id).trigger, Trigger::Tags(_)))
        .collect();
    if chained.is_empty() {
        return;
    }
    let first = flow.first_droppers(subject.rules);
    for id in chained {
        let rule = subject.rules.rule(id);
        let Trigger::Tags(trigger) = &rule.trigger else { continue };
        // Of all that could fire it the rule that is carried out first.
        let mut earliest: Option<(NameId, &Rule)> = None;
        let mut open = false;
        for pattern in &trigger.patterns {
            let found = flow.meeting(pattern);
            open |= !found.complete;
            for (name, _) in &found.meeting {
                let Some(dropper) = first.get(name).map(|r| subject.rules.rule(*r)) else { continue };
                if earliest.is_none_or(|(_, e)| is_before(dropper, e)) {
                    earliest = Some((*name, dropper));
                }
            }
        }
        if let Some((name, dropper)) = earliest.filter(|(_, e)| !open && is_before(rule, e)) {
            findings.push(finding(subject, id, flow.name(name), dropper));
        }
    }
}

/// Whether what `a` drops is carried out before what `b` drops.
fn is_before(a: &Rule, b: &Rule) -> bool {
    a.timing < b.timing || (a.timing == b.timing && a.priority > b.priority)
}

fn finding(subject: &Subject<'_>, id: RuleId, name: &Name<'_>, dropper: &Rule) -> Diagnostic {
    let rule = subject.rules.rule(id);
    let written = subject.rule(id);
    let tag = name.template.map_or("", |t| t.text());
    let message = format!("`{}` is carried out before `{tag}` is dropped, which fires it", rule.name);
    if rule.timing < dropper.timing {
        let span = written.strategy.as_ref().map_or(rule.name_span, |s| s.span);
        return Diagnostic::at(Code::PriorityInversion, span, message, format!("{} here", said(rule.timing)))
            .also(dropper.name_span, format!("drops `{tag}` {}", said(dropper.timing)))
            .help(match dropper.timing {
                Timing::Batched { delay } => format!(
                    "make `{}` batched with a delay of {} or more, or lazy, or drop `{tag}` sooner",
                    rule.name,
                    duration(delay)
                ),
                _ => format!("make `{}` {} too, or drop `{tag}` sooner", rule.name, dropper.timing.word()),
            });
    }
    let span = written.priority.as_ref().map_or(rule.name_span, |p| p.span);
    let out =
        Diagnostic::at(Code::PriorityInversion, span, message, format!("priority {} here", rule.priority))
            .also(dropper.name_span, format!("drops `{tag}` at priority {}", dropper.priority))
            .help(format!("give `{}` a priority of {} or less", rule.name, dropper.priority));
    match &written.priority {
        Some(priority) => {
            let lower = dropper.priority.to_string();
            out.fix(Fix::guess(format!("lower the priority to {lower}"), priority.span, lower))
        }
        None => out,
    }
}

/// A timing in a few words.
fn said(timing: Timing) -> String {
    match timing {
        Timing::Batched { delay } => format!("batched, after {}", duration(delay)),
        other => other.word().to_owned(),
    }
}
