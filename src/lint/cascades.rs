//! What the cascades of the rules really do: each distinct one once, and the steps that it takes.

use rustc_hash::{FxHashMap, FxHashSet};

use super::Subject;
use crate::check::RuleSet;
use crate::check::ruleset::{EntityId, Follow, Link, RelationId, RuleId, Trigger};
use crate::check::walk::Touch;
use crate::diagnostic::quoted_list;
use crate::span::Span;

/// A cascade: what a write of one entity touches along some relations.
#[derive(Clone, Debug)]
pub struct Cascade<'a> {
    /// The first rule that has it. What is said of a cascade is said there, once.
    pub rule: RuleId,
    pub start: EntityId,
    pub touches: &'a [Touch],
    /// The single steps that it takes, without repetitions. Of relations that take the very same
    /// step, which the walk counts as one, each has its own.
    pub steps: Vec<&'a Link>,
}

/// Every distinct cascade, in the order of the rules.
pub fn all(rules: &RuleSet) -> Vec<Cascade<'_>> {
    let mut seen: FxHashSet<(EntityId, &Follow)> = FxHashSet::default();
    let mut out = Vec::new();
    for (index, rule) in rules.rules().iter().enumerate() {
        let Trigger::Writes(triggers) = &rule.trigger else { continue };
        if rule.follow == Follow::Nothing {
            continue;
        }
        for trigger in triggers {
            if seen.insert((trigger.entity, &rule.follow)) {
                let touches = rules.cascade(trigger.entity, &rule.follow);
                let steps = steps(rules, trigger.entity, &rule.follow, touches);
                out.push(Cascade { rule: RuleId::at(index), start: trigger.entity, touches, steps });
            }
        }
    }
    out
}

fn steps<'a>(rules: &'a RuleSet, start: EntityId, follow: &Follow, touches: &[Touch]) -> Vec<&'a Link> {
    let mut at: FxHashSet<EntityId> = touches.iter().map(|t| t.entity).collect();
    at.insert(start);
    let arrivals: FxHashSet<(RelationId, EntityId, bool)> = touches
        .iter()
        .filter_map(|t| t.via.last().map(|relation| (*relation, t.entity, t.hop == 1)))
        .collect();
    let takes = |link: &Link| {
        let arrives = |first: bool| arrivals.contains(&(link.relation, link.to, first));
        arrives(true) && link.from == start || arrives(false) && at.contains(&link.from)
    };
    let mut taken: FxHashMap<(EntityId, EntityId), Vec<&Link>> = FxHashMap::default();
    for link in rules.links().iter().filter(|l| takes(l)) {
        taken.entry((link.from, link.to)).or_default().push(link);
    }
    let same_step = |link: &&Link| {
        let between = taken.get(&(link.from, link.to));
        between.is_some_and(|all| all.iter().any(|t| t.hop == link.hop))
    };
    rules.links().iter().filter(|l| follow.allows(l.relation)).filter(same_step).collect()
}

impl Cascade<'_> {
    /// The entities on the way to what it touches, the start first.
    pub fn way(&self, rules: &RuleSet, touch: &Touch) -> Vec<EntityId> {
        let mut out = vec![self.start];
        if !complete(rules, &touch.via, touch.entity, &mut out) {
            // No such way would mean that the touch is not of these rules: its end is true even so.
            out.push(touch.entity);
        }
        out
    }
}

/// Extends a way by these relations so that it ends at an entity.
fn complete(rules: &RuleSet, via: &[RelationId], end: EntityId, way: &mut Vec<EntityId>) -> bool {
    let Some((relation, rest)) = via.split_first() else { return way.last() == Some(&end) };
    let Some(at) = way.last().copied() else { return false };
    let mut tried = Vec::new();
    for link in rules.links().iter().filter(|l| l.relation == *relation && l.from == at) {
        if tried.contains(&link.to) {
            continue;
        }
        tried.push(link.to);
        way.push(link.to);
        if complete(rules, rest, end, way) {
            return true;
        }
        way.pop();
    }
    false
}

/// `user` -> `order` -> `item`, each in backticks.
pub fn arrows(rules: &RuleSet, way: &[EntityId]) -> String {
    let names: Vec<String> = way.iter().map(|e| format!("`{}`", rules.entity(*e).name)).collect();
    names.join(" -> ")
}

/// `orders`, `items`: the relations of a path, in backticks.
pub fn along(rules: &RuleSet, via: &[RelationId]) -> String {
    let names: Vec<&str> = via.iter().map(|r| rules.relation(*r).name.as_str()).collect();
    quoted_list(&names)
}

/// What says that a rule cascades: its `follow`, else its strategy, else its name.
pub fn clause(subject: &Subject<'_>, rule: RuleId) -> Span {
    let written = subject.rule(rule);
    let follow = written.follow.as_ref().map(|f| f.span);
    let strategy = written.strategy.as_ref().filter(|s| s.node.cascade).map(|s| s.span);
    follow.or(strategy).unwrap_or(written.name.span)
}
