//! W306: a parent whose delete leaves the entries of its children as they are.

use crate::check::ruleset::{EntityId, Hop, Link, Operation, RelationId};
use crate::diagnostic::{Code, Diagnostic, quoted_list};
use crate::lint::drops::droppers;
use crate::lint::firing::Moves;
use crate::lint::flow::{Carried, Firing};
use crate::lint::{Lint, Subject};
use crate::model::Kind;

pub const LINT: Lint = Lint { code: Code::UncascadedDelete, check };

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    let rules = subject.rules;
    if rules.rules().is_empty() {
        return;
    }
    for (index, checked) in rules.relations().iter().enumerate() {
        if !checked.kinds.contains(&Kind::ParentChild) {
            continue;
        }
        let relation = RelationId::at(index);
        let links = rules.links().iter().filter(|l| l.relation == relation && !l.reverse);
        let mut left: Vec<&Link> = Vec::new();
        for link in links.filter(|l| l.kind == Kind::ParentChild) {
            if !left.iter().any(|l| l.to == link.to) && is_left(subject, link) {
                left.push(link);
            }
        }
        if let Some(first) = left.first() {
            findings.push(finding(subject, first, &left));
        }
    }
}

/// Whether no delete of the parent drops anything of these children.
fn is_left(subject: &Subject<'_>, link: &Link) -> bool {
    let deleting = on_delete(subject, link.from);
    if deleting.iter().any(|f| subject.rules.rule(f.rule).follow.allows(link.relation)) {
        return false;
    }
    let below = droppers(subject.flow(), named_by_parent(subject, link));
    let by_name = deleting.iter().any(|f| below.are_dropped_by(subject.flow(), f));
    !by_name && !below.chained && below.complete
}

/// The rules that a delete can fire.
fn on_delete<'s, 'a>(subject: &'s Subject<'a>, parent: EntityId) -> Vec<&'s Firing<'a>> {
    let flow = subject.flow();
    let all = flow.on(parent).iter().map(|id| flow.firing(*id));
    all.filter(|firing| subject.can_fire(parent, firing, &Operation::Delete, Moves::Anything)).collect()
}

/// The tags of the children that name their parent.
fn named_by_parent<'s, 'a>(
    subject: &'s Subject<'a>,
    link: &'s Link,
) -> impl Iterator<Item = &'s Carried<'a>> {
    let through = match &link.hop {
        Hop::Child(name) | Hop::Unlinked(name) | Hop::Parent(name) => name,
    };
    let names_parent = move |carried: &&Carried<'_>| {
        carried.template.row_paths().any(|path| path.names().first() == Some(through))
    };
    subject.flow().carried(link.to).iter().filter(names_parent)
}

fn finding(subject: &Subject<'_>, link: &Link, left: &[&Link]) -> Diagnostic {
    let rules = subject.rules;
    let relation = rules.relation(link.relation);
    let deleting = on_delete(subject, link.from);
    let parent = &rules.entity(link.from).name;
    let children: Vec<&str> = left.iter().map(|l| rules.entity(l.to).name.as_str()).collect();
    let children = quoted_list(&children);
    let written = subject.relation(link.relation);
    let mut finding = Diagnostic::at(
        Code::UncascadedDelete,
        written.kind.as_ref().map_or(relation.span, |k| k.span),
        format!("a deleted `{parent}` leaves the entries of its {children} rows in the cache"),
        format!("no delete of `{parent}` comes to {children}"),
    );
    let help = match deleting.first() {
        Some(firing) => {
            let rule = rules.rule(firing.rule);
            finding = finding.also(
                rule.name_span,
                format!("fires on the delete, and does not follow `{}`", relation.name),
            );
            format!("write `follow {}` in `{}`, or in a rule `on {parent}.delete`", relation.name, rule.name)
        }
        None => format!("write a rule `on {parent}.delete` with `follow {}`", relation.name),
    };
    finding
        .help(help)
        .help("children that outlive their parent are no `parent_child`: write `kind one_to_many`")
}
