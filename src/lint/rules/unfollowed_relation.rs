//! W303: a relation over which no cascade goes.

use rustc_hash::FxHashSet;

use crate::check::ruleset::{Follow, RelationId, RuleId, TagOrigin};
use crate::diagnostic::{Code, Diagnostic};
use crate::lint::flow::Carrying;
use crate::lint::{Lint, Subject, cascades};

pub const LINT: Lint = Lint { code: Code::UnfollowedRelation, check };

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    let rules = subject.rules;
    if rules.rules().is_empty() {
        return;
    }
    let mut followed: FxHashSet<RelationId> = FxHashSet::default();
    for cascade in subject.cascades() {
        followed.extend(cascade.steps.iter().map(|link| link.relation));
    }
    for (index, relation) in rules.relations().iter().enumerate() {
        let id = RelationId::at(index);
        if followed.contains(&id) || is_named(subject, id) {
            continue;
        }
        let name = &relation.name;
        let source = &rules.entity(relation.source).name;
        let naming = rules.rules().iter().position(|r| match &r.follow {
            Follow::Some(list) => list.contains(&id),
            Follow::All | Follow::Nothing => false,
        });
        let mut finding = Diagnostic::at(
            Code::UnfollowedRelation,
            relation.span,
            format!("no cascade goes along `{name}`"),
            match naming {
                Some(_) => "followed, but never reached",
                None => "no rule follows it",
            },
        );
        if let Some(at) = naming.map(RuleId::at) {
            let rule = &rules.rule(at).name;
            finding = finding.also(
                cascades::clause(subject, at),
                format!("the cascade of `{rule}` ends before it comes to `{source}`"),
            );
        }
        findings.push(finding.help(match naming {
            Some(_) => {
                format!("follow it in a rule on `{source}`, or give the relations before it more `depth`")
            }
            None => format!("write `follow {name}` in a rule on `{source}`, or remove the relation"),
        }));
    }
}

/// Whether a rule drops by name the tags that entries carry for the sake of the relation.
fn is_named(subject: &Subject<'_>, relation: RelationId) -> bool {
    let flow = subject.flow();
    subject.rules.links().iter().filter(|l| l.relation == relation).any(|link| {
        let scoped = |what: Carrying| what == Carrying::Tag(TagOrigin::Scoped(link.from));
        let mut tags = flow.carried(link.to).iter().filter(|c| scoped(c.what));
        tags.any(|tag| subject.relied().by_name(flow, tag).is_some())
    })
}
