//! W402: an operation of an entity with rules that fires none of them.

use crate::check::ruleset::{EntityId, Hop, Operation, Operations};
use crate::diagnostic::{Code, Diagnostic, quoted_list};
use crate::lint::firing::{Moves, operations};
use crate::lint::{Lint, Subject};
use crate::span::Span;

pub const LINT: Lint = Lint { code: Code::UncoveredOperation, check };

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    for index in 0..subject.rules.entities().len() {
        let id = EntityId::at(index);
        // Without any rule it is the entity that is uncovered.
        if subject.flow().on(id).is_empty() {
            continue;
        }
        let all = operations(subject.rules, id);
        let open: Vec<Operation> =
            all.into_iter().filter(|op| matters(subject, id, op) && !is_covered(subject, id, op)).collect();
        if let Some(first) = open.first() {
            findings.push(finding(subject, id, first, &open));
        }
    }
}

fn is_covered(subject: &Subject<'_>, entity: EntityId, operation: &Operation) -> bool {
    subject
        .flow()
        .on(entity)
        .iter()
        .any(|id| subject.can_fire(entity, subject.flow().firing(*id), operation, Moves::Anything))
}

/// Whether the operation can make anything stale. Nothing was made from a row before it existed but
/// what shows many rows, and what the row points at.
fn matters(subject: &Subject<'_>, entity: EntityId, operation: &Operation) -> bool {
    if *operation != Operation::Create || !subject.rules.entity(entity).lists.is_empty() {
        return true;
    }
    let to_parents =
        subject.rules.links().iter().filter(|l| l.from == entity && matches!(l.hop, Hop::Parent(_)));
    let parents: Vec<_> = to_parents.map(|l| l.relation).collect();
    let rules =
        subject.flow().on(entity).iter().map(|id| subject.rules.rule(subject.flow().firing(*id).rule));
    rules.into_iter().any(|rule| parents.iter().any(|relation| rule.follow.allows(*relation)))
}

fn finding(subject: &Subject<'_>, id: EntityId, first: &Operation, open: &[Operation]) -> Diagnostic {
    let flow = subject.flow();
    let entity = subject.rules.entity(id);
    let names: Vec<&str> = open.iter().map(Operation::name).collect();
    // A rule that names the operation, and whose condition keeps it from firing, explains most.
    let naming = flow.on(id).iter().find(|f| flow.firing(**f).operations.contains(first));
    let label = match naming {
        Some(_) => format!("no {first} of `{}` makes a condition true", entity.name),
        None => format!("`{} 1 {first}` drops nothing", entity.name),
    };
    let message = format!("no rule fires on {} of `{}`", quoted_list(&names), entity.name);
    let mut finding = Diagnostic::at(Code::UncoveredOperation, place(subject, id, first), message, label);
    if let Some(at) = naming.or(flow.on(id).first()) {
        let firing = flow.firing(*at);
        let rule = subject.rules.rule(firing.rule);
        let when = subject.rule(firing.rule).when.as_ref();
        finding = match when.filter(|_| naming.is_some()) {
            Some(when) => finding.also(when.span, format!("never true of `{first}`")),
            None => finding.also(rule.name_span, covers(firing.operations)),
        };
    }
    let events: Vec<String> = names.iter().map(|op| format!("{}.{op}", entity.name)).collect();
    finding.help(format!(
        "write a rule `on {}`; a rule `on {}` covers every operation",
        events.join(", "),
        entity.name
    ))
}

fn covers(operations: &Operations) -> String {
    match operations {
        Operations::All => "covers every operation".to_owned(),
        Operations::Some(list) => {
            let names: Vec<&str> = list.iter().map(Operation::name).collect();
            format!("covers {}", quoted_list(&names))
        }
    }
}

/// Where the operation is declared, else the entity's name.
fn place(subject: &Subject<'_>, id: EntityId, operation: &Operation) -> Span {
    let declared = subject.entity(id).operations.iter().find(|op| op.text == operation.name());
    declared.map_or(subject.rules.entity(id).span, |op| op.span)
}
