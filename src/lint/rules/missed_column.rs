//! W410: a column that fills a name, and whose change fires no rule.

use std::sync::Arc;

use crate::check::ruleset::{EntityId, Operation, TagOrigin};
use crate::diagnostic::{Code, Diagnostic, Fix, quoted_list};
use crate::lint::drops::droppers;
use crate::lint::firing::{Moves, is_silent};
use crate::lint::flow::{Carried, Carrying, Firing, Name, Space};
use crate::lint::{Lint, Subject};
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Ident};

pub const LINT: Lint = Lint { code: Code::MissedColumn, check };

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    let flow = subject.flow();
    for index in 0..subject.rules.entities().len() {
        let id = EntityId::at(index);
        let update =
            |firing: &Firing<'_>, moves: Moves<'_>| subject.can_fire(id, firing, &Operation::Update, moves);
        // The rule that means to drop the row's own names when it is updated.
        let all = || flow.on(id).iter().map(|f| flow.firing(*f));
        let Some(blamed) = all().find(|f| f.itself && update(f, Moves::Anything)) else { continue };
        let mut missed: Vec<(Arc<str>, &Carried<'_>)> = Vec::new();
        let mut covered: Vec<Arc<str>> = Vec::new();
        for carried in flow.carried(id).iter().filter(|c| is_relied_on(subject, c)) {
            for column in columns(subject, carried) {
                if covered.contains(&column) || missed.iter().any(|(c, _)| *c == column) {
                    continue;
                }
                if all().any(|f| f.itself && update(f, Moves::Only(&column))) {
                    covered.push(column);
                } else if !is_dropped(subject, carried, |f| update(f, Moves::Only(&column))) {
                    missed.push((column, carried));
                }
            }
        }
        if !missed.is_empty() {
            findings.push(finding(subject, blamed, id, &missed));
        }
    }
}

/// Whether anything looks for the name: a tag that is implied, and that no cascade drops, is no loss.
fn is_relied_on(subject: &Subject<'_>, carried: &Carried<'_>) -> bool {
    match carried.what {
        Carrying::Tag(TagOrigin::Scoped(_)) => {
            !subject.relied().by_cascade(carried).is_empty()
                || subject.relied().by_name(subject.flow(), carried).is_some()
        }
        Carrying::Tag(TagOrigin::Written) => {
            let dropping = droppers(subject.flow(), [carried]);
            !dropping.is_empty()
        }
        Carrying::Tag(TagOrigin::Instance) | Carrying::Key | Carrying::List => true,
    }
}

/// The entity's own columns that fill the name.
fn columns(subject: &Subject<'_>, carried: &Carried<'_>) -> Vec<Arc<str>> {
    let entity = subject.rules.entity(carried.entity);
    let mut out = Vec::new();
    for first in carried.template.row_paths().filter_map(|path| path.names().first()) {
        let implied = entity.reference(first).is_some_and(|r| r.implied);
        if &**first != "id" && !implied && !out.contains(first) {
            out.push(first.clone());
        }
    }
    out
}

/// Whether a rule that fires drops the name without dropping `self`.
fn is_dropped(subject: &Subject<'_>, carried: &Carried<'_>, fires: impl Fn(&Firing<'_>) -> bool) -> bool {
    let flow = subject.flow();
    if carried.what == Carrying::Key {
        let mut firing = flow.on(carried.entity).iter().map(|id| flow.firing(*id));
        return firing.any(|f| {
            let mut named = f.named.iter().map(|d| flow.name(d.name));
            named.any(|n| can_be_key(n, carried)) && fires(f)
        });
    }
    let dropping = droppers(flow, [carried]);
    let mut firing = flow.on(carried.entity).iter().map(|id| flow.firing(*id));
    dropping.chained || !dropping.complete || firing.any(|f| dropping.are_dropped_by(flow, f) && fires(f))
}

/// Whether a rule that names this may drop the key. What a pattern matches is not looked into.
fn can_be_key(name: &Name<'_>, key: &Carried<'_>) -> bool {
    match (name.space, &name.shape) {
        (Space::Tag, _) => false,
        (Space::Key, Some(shape)) => shape.common(&key.shape).is_some(),
        _ => true,
    }
}

fn finding(
    subject: &Subject<'_>,
    blamed: &Firing<'_>,
    id: EntityId,
    missed: &[(Arc<str>, &Carried<'_>)],
) -> Diagnostic {
    let entity = &subject.rules.entity(id).name;
    let rule = &subject.rules.rule(blamed.rule).name;
    let names: Vec<&str> = missed.iter().map(|(column, _)| &**column).collect();
    let either = names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(" or ");
    let when = subject.rule(blamed.rule).when.as_ref();
    let mut lists = Vec::new();
    if let Some(when) = when {
        changed_lists(when, &mut lists);
    }
    // Of several lists nobody can say which the column belongs to.
    let list = if let [only] = lists[..] { Some(only) } else { None };
    let place = list.map(|(span, _)| span).or(when.map(|w| w.span));
    // Only what says `changed` is decided by a write that says no more than what changed.
    let says_changed =
        blamed.condition.is_some_and(|c| is_silent(c, &Operation::Update, Moves::Only(names[0])));
    let proof = if says_changed {
        format!("`{entity} 1 update --changed {}` does not fire it", names[0])
    } else {
        format!("true of no write that changes only `{}`", names[0])
    };
    let mut finding = Diagnostic::at(
        Code::MissedColumn,
        place.unwrap_or(subject.rules.rule(blamed.rule).name_span),
        format!(
            "`{rule}` does not fire when only {either} of `{entity}` changes, though a name that it drops is \
             filled from that"
        ),
        proof,
    );
    for (column, carried) in missed {
        let what = match carried.what {
            Carrying::Key => "key",
            Carrying::Tag(_) => "tag",
            Carrying::List => "list",
        };
        let text =
            format!("the entries of the old `{column}` and of the new one, under this {what}, stay stale");
        finding = finding.also(carried.span, text);
    }
    let added = names.join(", ");
    let last = list.and_then(|(_, columns)| Some((columns, columns.last()?)));
    match last {
        Some((columns, last)) => {
            let present: Vec<&str> = columns.iter().map(|c| c.text.as_str()).collect();
            let end = Span { start: last.span.end, ..last.span };
            let fix = Fix::guess(format!("add {}", quoted_list(&names)), end, format!(", {added}"));
            finding.help(format!("write `changed({}, {added})`", present.join(", "))).fix(fix)
        }
        None => finding.help(format!("add `or changed({added})`, or write a rule of its own for it")),
    }
}

/// Every `changed(…)` of a condition that a column can be added to: not where it is negated.
fn changed_lists<'e>(expr: &'e Expr, out: &mut Vec<(Span, &'e [Ident])>) {
    match &expr.kind {
        ExprKind::Changed(columns) => out.push((expr.span, columns)),
        ExprKind::And(all) | ExprKind::Or(all) => all.iter().for_each(|e| changed_lists(e, out)),
        _ => {}
    }
}
