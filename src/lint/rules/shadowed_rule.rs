//! W204: a rule that makes no difference beside another one.

use rustc_hash::FxHashMap;

use super::super::flow::FiringId;
use super::super::{Lint, Subject};
use crate::check::ruleset::RuleId;
use crate::diagnostic::{Code, Diagnostic};

pub const LINT: Lint = Lint { code: Code::ShadowedRule, check };

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    let flow = subject.flow();
    // For each rule the rules that make all of its drops, by what fires it.
    let mut by: FxHashMap<FiringId, Vec<RuleId>> = FxHashMap::default();
    for covering in subject.rivals().coverings(subject).iter().filter(|c| c.all) {
        by.entry(covering.narrow).or_default().push(flow.firing(covering.wide).rule);
    }
    let shadows = |wide: RuleId, narrow: RuleId| {
        let mut all = flow.of_rule(narrow);
        all.len() > 0 && all.all(|id| by.get(&id).is_some_and(|list| list.contains(&wide)))
    };
    for index in 0..subject.rules.rules().len() {
        let narrow = RuleId::at(index);
        let Some(first) = flow.of_rule(narrow).next().and_then(|id| by.get(&id)) else { continue };
        // Of two that shadow each other the later one is too many.
        let wide = first
            .iter()
            .copied()
            .find(|wide| shadows(*wide, narrow) && (*wide < narrow || !shadows(narrow, *wide)));
        if let Some(wide) = wide {
            findings.push(finding(subject, narrow, wide));
        }
    }
}

fn finding(subject: &Subject<'_>, narrow: RuleId, wide: RuleId) -> Diagnostic {
    let (rule, other) = (subject.rules.rule(narrow), subject.rules.rule(wide));
    let also =
        if other.timing < rule.timing { "drops all of it too, and sooner" } else { "drops all of it too" };
    Diagnostic::at(
        Code::ShadowedRule,
        rule.name_span,
        format!("`{}` makes no difference: whenever it fires, `{}` drops the same", rule.name, other.name),
        "makes no difference",
    )
    .also(other.name_span, also)
    .help(format!("remove `{}`, or narrow one of the two", rule.name))
}
