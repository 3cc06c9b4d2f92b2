//! W206: two rules on one target whose order only their names decide.

use rustc_hash::FxHashSet;

use super::super::flow::FiringId;
use super::super::{Lint, Subject};
use crate::check::ruleset::RuleId;
use crate::diagnostic::{Code, Diagnostic};

pub const LINT: Lint = Lint { code: Code::EqualPriorities, check };

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    let flow = subject.flow();
    let mut done: FxHashSet<RuleId> = FxHashSet::default();
    for (id, firing) in flow.firings() {
        if done.contains(&firing.rule) || subject.rule(firing.rule).priority.is_none() {
            continue;
        }
        let rule = subject.rules.rule(firing.rule);
        let mut proofs = 0;
        for rival in subject.rivals().rivals(id) {
            let other_id = flow.firing(rival).rule;
            let other = subject.rules.rule(other_id);
            let same = other.priority == rule.priority && other.timing == rule.timing;
            // The later of the two is blamed.
            if !same || other_id > firing.rule || subject.rule(other_id).priority.is_none() {
                continue;
            }
            if let Some(target) = contested(subject, id, rival, &mut proofs) {
                done.insert(firing.rule);
                findings.push(finding(subject, firing.rule, other_id, &target));
                break;
            }
        }
    }
}

/// A target that both drop on some write, where each drops something else besides: only then is there
/// an order between the two.
fn contested(subject: &Subject<'_>, a: FiringId, b: FiringId, proofs: &mut usize) -> Option<String> {
    let rivals = subject.rivals();
    let (_, second_adds_nothing) = rivals.shared(a, b);
    let (shared, first_adds_nothing) = rivals.shared(b, a);
    let target = shared.first()?.template.map_or_else(|| "the pattern".to_owned(), |t| t.text().to_owned());
    if first_adds_nothing || second_adds_nothing || !rivals.fire_together(a, b, proofs) {
        return None;
    }
    Some(target)
}

fn finding(subject: &Subject<'_>, later: RuleId, earlier: RuleId, target: &str) -> Diagnostic {
    let (rule, other) = (subject.rules.rule(later), subject.rules.rule(earlier));
    let span = |id: RuleId| {
        let name = subject.rules.rule(id).name_span;
        subject.rule(id).priority.as_ref().map_or(name, |p| p.span)
    };
    let (first, second) =
        if rule.name < other.name { (&rule.name, &other.name) } else { (&other.name, &rule.name) };
    Diagnostic::at(
        Code::EqualPriorities,
        span(later),
        format!(
            "`{}` and `{}` drop `{target}` at one priority: `{first}` comes before `{second}` by its name alone",
            other.name, rule.name
        ),
        format!("priority {}", rule.priority),
    )
    .also(span(earlier), "the same")
    .help("give that which must be gone first the higher priority, or leave both out if it does not matter")
}
