//! W407: a list that a create, or a delete, leaves as it is.

use crate::check::ruleset::{EntityId, Operation};
use crate::diagnostic::{Code, Diagnostic};
use crate::lint::drops::{Droppers, droppers};
use crate::lint::firing::Moves;
use crate::lint::flow::{Carried, Carrying, Firing};
use crate::lint::{Lint, Subject};

pub const LINT: Lint = Lint { code: Code::UnrefreshedList, check };

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    let flow = subject.flow();
    for index in 0..subject.rules.entities().len() {
        let id = EntityId::at(index);
        let lists = flow.carried(id).iter().filter(|c| c.what == Carrying::List);
        for list in lists {
            let dropping = droppers(flow, [list]);
            // What nothing drops at all has a finding of its own, and so has an operation without rules.
            if dropping.is_empty() || dropping.chained || !dropping.complete {
                continue;
            }
            let open: Vec<Open<'_, '_>> = [Operation::Create, Operation::Delete]
                .into_iter()
                .filter_map(|operation| open(subject, id, &dropping, operation))
                .collect();
            if !open.is_empty() {
                findings.push(finding(subject, list, &open));
            }
        }
    }
}

/// An operation that fires rules, none of which drops the list.
struct Open<'s, 'a> {
    operation: Operation,
    firing: &'s Firing<'a>,
}

fn open<'s, 'a>(
    subject: &'s Subject<'a>,
    entity: EntityId,
    dropping: &Droppers,
    operation: Operation,
) -> Option<Open<'s, 'a>> {
    let flow = subject.flow();
    let all = || flow.on(entity).iter().map(|id| flow.firing(*id));
    let can_fire = |firing: &Firing<'_>| subject.can_fire(entity, firing, &operation, Moves::Anything);
    if all().any(|firing| dropping.are_dropped_by(flow, firing) && can_fire(firing)) {
        return None;
    }
    let firing = all().find(|firing| can_fire(firing))?;
    Some(Open { operation, firing })
}

fn finding(subject: &Subject<'_>, list: &Carried<'_>, open: &[Open<'_, '_>]) -> Diagnostic {
    let entity = &subject.rules.entity(list.entity).name;
    let said = |open: &Open<'_, '_>| match open.operation {
        Operation::Create => "a new row does not appear",
        _ => "a deleted row does not disappear",
    };
    let operations: Vec<String> = open.iter().map(|o| o.operation.to_string()).collect();
    let labels: Vec<&str> = open.iter().map(said).collect();
    let mut finding = Diagnostic::at(
        Code::UnrefreshedList,
        list.span,
        format!("no {} of `{entity}` drops its list `{}`", operations.join(" and no "), list.template),
        labels.join(", and "),
    );
    for open in open {
        let rule = subject.rules.rule(open.firing.rule);
        finding = finding.also(
            rule.name_span,
            format!("a {} of `{entity}` fires this, which does not drop the list", open.operation),
        );
    }
    finding.help("add `self` to what the rule drops, or name the list there with `drop tag`")
}
