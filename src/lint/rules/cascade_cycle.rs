//! W301: relations that cascades follow and that lead back to where they began.

use std::collections::{BTreeMap, VecDeque};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::check::RuleSet;
use crate::check::ruleset::{EntityId, Hop, RelationId, RuleId};
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
        let circle = |step: &Step| circle(*step, &inside, |back| undoes(rules, *step, back));
        if let Some(circle) = inside.iter().find_map(circle) {
            findings.push(finding(subject, &circle, &steps));
        }
    }
}

/// Whether a step merely goes back over what the other came by: its relation, or the same refs.
fn undoes(rules: &RuleSet, there: Step, back: Step) -> bool {
    let hops = |step: Step| {
        let (from, to, relation) = step;
        let links = rules.links().iter().filter(move |l| (l.from, l.to, l.relation) == (from, to, relation));
        links.map(|l| &l.hop)
    };
    let inverse = |a: &Hop, b: &Hop| match (a, b) {
        (Hop::Child(a), Hop::Parent(b)) | (Hop::Parent(a), Hop::Child(b)) => a == b,
        _ => false,
    };
    there.2 == back.2 || hops(there).all(|a| hops(back).all(|b| inverse(a, b)))
}

/// The shortest way round that begins with a step and is not merely undone by the next.
fn circle(first: Step, steps: &[Step], undone_by: impl Fn(Step) -> bool) -> Option<Vec<Step>> {
    let (start, from, _) = first;
    let mut came: FxHashMap<EntityId, Step> = FxHashMap::default();
    let mut open = VecDeque::from([from]);
    while let Some(at) = open.pop_front() {
        for step in steps.iter().filter(|(a, ..)| *a == at) {
            let (_, to, _) = *step;
            if to == start && !(at == from && undone_by(*step)) {
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
