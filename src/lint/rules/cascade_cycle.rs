//! W301: relations that cascades follow and that lead back to where they began.

use std::collections::{BTreeMap, VecDeque};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::check::RuleSet;
use crate::check::ruleset::{EntityId, RelationId, RuleId};
use crate::diagnostic::{Code, Diagnostic};
use crate::graph;
use crate::lint::{Lint, Subject, cascades};

pub const LINT: Lint = Lint { code: Code::CascadeCycle, check };

/// A step from one entity to another along a relation.
type Step = (EntityId, EntityId, RelationId);

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    let rules = subject.rules;
    // With the first rule that takes it.
    let mut steps: BTreeMap<Step, RuleId> = BTreeMap::new();
    for cascade in subject.cascades() {
        for link in &cascade.steps {
            // A tree is related to itself, and no circle: a row is not below itself.
            if link.from != link.to {
                steps.entry((link.from, link.to, link.relation)).or_insert(cascade.rule);
            }
        }
    }
    let ends: Vec<(usize, usize)> = steps.keys().map(|(a, b, _)| (a.index(), b.index())).collect();
    for component in graph::components_among(rules.entities().len(), &ends) {
        let within: FxHashSet<EntityId> = component.into_iter().map(EntityId::at).collect();
        let inside: Vec<Step> =
            steps.keys().filter(|(a, b, _)| within.contains(a) && within.contains(b)).copied().collect();
        if let Some(circle) = inside.iter().find_map(|step| circle(*step, &inside)) {
            findings.push(finding(subject, &circle, &steps));
        }
    }
}

/// The shortest way round that begins with a step and does not merely go back over its relation.
fn circle(first: Step, steps: &[Step]) -> Option<Vec<Step>> {
    let (start, from, relation) = first;
    let mut came: FxHashMap<EntityId, Step> = FxHashMap::default();
    let mut open = VecDeque::from([from]);
    while let Some(at) = open.pop_front() {
        for step in steps.iter().filter(|(a, ..)| *a == at) {
            let (_, to, along) = *step;
            if to == start && !(at == from && along == relation) {
                let mut way = vec![*step];
                let mut back = at;
                while back != from {
                    let step = came.get(&back)?;
                    way.push(*step);
                    back = step.0;
                }
                way.push(first);
                way.reverse();
                return Some(way);
            }
            if to != start && to != from && !came.contains_key(&to) {
                came.insert(to, *step);
                open.push_back(to);
            }
        }
    }
    None
}

fn finding(subject: &Subject<'_>, circle: &[Step], steps: &BTreeMap<Step, RuleId>) -> Diagnostic {
    let rules = subject.rules;
    let name = |id: EntityId| rules.entity(id).name.as_str();
    // The relation that was written last closed the circle.
    let last = circle.iter().map(|(.., relation)| *relation).max_by_key(|r| rules.relation(*r).span);
    let mut turned = circle.to_vec();
    if let Some(at) = last.and_then(|last| circle.iter().position(|(.., r)| *r == last)) {
        turned.rotate_left((at + 1) % circle.len());
    }
    let mut way: Vec<EntityId> = turned.iter().map(|(from, ..)| *from).collect();
    way.extend(turned.last().map(|(_, to, _)| *to));
    let label = |step: &Step| {
        let rule = steps.get(step).map_or("", |r| rules.rule(*r).name.as_str());
        format!("`{}` -> `{}`, followed by `{rule}`", name(step.0), name(step.1))
    };
    let place = |step: &Step| rules.relation(step.2).span;
    let message = format!("cascades form a cycle: {}", cascades::arrows(rules, &way));
    let mut finding = match turned.last() {
        Some(step) => Diagnostic::at(Code::CascadeCycle, place(step), message, label(step)),
        None => Diagnostic::nowhere(Code::CascadeCycle, message),
    };
    for step in &turned[..turned.len().saturating_sub(1)] {
        finding = finding.also(place(step), label(step));
    }
    finding.help(goes_round(subject, rules, &turned)).help(
        "follow only those relations whose targets show something of their source; \
         where both of two entities show each other, one relation with `<->` says so",
    )
}

/// What the cycle does with the depths that are written.
fn goes_round(subject: &Subject<'_>, rules: &RuleSet, circle: &[Step]) -> String {
    let on_it: FxHashSet<RelationId> = circle.iter().map(|(.., r)| *r).collect();
    let round = subject.cascades().iter().find_map(|cascade| {
        let back = cascade.touches.iter().find(|t| {
            t.entity == cascade.start && t.via.len() > 1 && on_it.iter().all(|r| t.via.contains(r))
        })?;
        Some((cascade, back))
    });
    match round {
        Some((cascade, back)) => format!(
            "a write of `{}` goes all the way round under `{}`: it drops other rows of `{}` too, {} hops away",
            rules.entity(cascade.start).name,
            rules.rule(cascade.rule).name,
            rules.entity(cascade.start).name,
            back.hop
        ),
        None => "no single write goes all the way round as yet: `depth` and `follow` end each cascade before"
            .to_owned(),
    }
}
