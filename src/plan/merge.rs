//! Wishes to steps: a target that several rules drop is dropped once.

use std::cmp::Ordering;
use std::sync::Arc;

use smallvec::SmallVec;

use super::collect::{Collected, Wish, collect};
use super::program::Program;
use super::targets::Targets;
use super::{Assumed, Covered, Names, Plan, SCHEMA, Step, Strategy, Unfilled, chain};
use crate::check::Write;
use crate::model::Timing;

/// The plan of a write.
pub fn plan(program: &Program, write: &Write, unfilled: Unfilled) -> Plan {
    let entity = program.entity(write.entity());
    let mut collected = Collected::new();
    // What other rules declare, these do not know.
    if let Some(operation) = entity.operation(write.operation()) {
        collect(program, entity, operation, write, unfilled, &mut collected);
        chain::fire(program, operation, write, unfilled, &mut collected);
    }
    // Taken from where it stands: the lists that are kept inline are large to move.
    let Collected { targets, wishes, covered, unresolved, assumed, unmoved, firings, .. } = &mut collected;
    let mut unresolved = std::mem::take(unresolved);
    let mut assumed = std::mem::take(assumed);
    assumed.extend(unmoved.iter().map(|(rule, slot)| Assumed {
        rule: rule.name.clone(),
        condition: entity.slots.list[*slot].unmoved.clone(),
        unmoved: true,
    }));
    let mut covered: Vec<Covered> = covered
        .iter()
        .map(|(template, by)| Covered { template: (*template).clone(), by: targets.get(*by).to_owned() })
        .collect();
    sort(&mut covered);
    sort(&mut unresolved);
    sort(&mut assumed);
    Plan {
        schema: SCHEMA,
        write: write.raw().clone(),
        steps: steps(targets, wishes),
        covered,
        unresolved,
        assumed,
        ignored: write.ignored().to_vec(),
        firings: std::mem::take(firings),
    }
}

fn sort<T: Ord>(list: &mut Vec<T>) {
    list.sort_unstable();
    list.dedup();
}

/// Merges wishes for equal targets and puts the steps in order.
fn steps(targets: &Targets, wishes: &[Wish<'_>]) -> Vec<Step> {
    // Equal targets come to stand together. Hashes first: most targets begin alike.
    let mut by_name: SmallVec<[(u64, &Wish<'_>); 16]> = wishes.iter().map(|wish| (wish.hash, wish)).collect();
    let name = |wish: &Wish<'_>| (wish.kind, targets.bytes(wish.target));
    let is_same = |a: &(u64, &Wish<'_>), b: &(u64, &Wish<'_>)| a.0 == b.0 && name(a.1) == name(b.1);
    by_name.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| name(a.1).cmp(&name(b.1))));
    let mut merged: SmallVec<[Merged<'_, '_>; 16]> =
        by_name.chunk_by(is_same).map(|same| Merged::of(targets, same)).collect();
    merged.sort_unstable_by(|a, b| a.order(b, targets));
    merged.drain(..).map(|merged| merged.step(targets)).collect()
}

/// What becomes one step.
struct Merged<'w, 'p> {
    /// The shortest way to the target.
    way: &'w Wish<'p>,
    timing: Timing,
    priority: u16,
    rules: Rules<'p>,
}

enum Rules<'p> {
    One(&'p Arc<str>),
    Several(Names),
}

impl Rules<'_> {
    fn first(&self) -> Option<&Arc<str>> {
        match self {
            Self::One(name) => Some(name),
            Self::Several(names) => names.first(),
        }
    }
}

impl<'w, 'p> Merged<'w, 'p> {
    /// Of the wishes for one target (at least one): the most urgent timing, the highest priority with
    /// that timing, the shortest way with it; every rule is named.
    fn of(targets: &Targets, wishes: &[(u64, &'w Wish<'p>)]) -> Self {
        let (_, first) = wishes[0];
        let mut timing = first.rule.timing;
        let mut priority = first.rule.priority;
        let mut way = first;
        for (_, wish) in &wishes[1..] {
            if wish.rule.timing < timing {
                (timing, priority, way) = (wish.rule.timing, wish.rule.priority, wish);
            } else if wish.rule.timing == timing {
                priority = priority.max(wish.rule.priority);
                if place(targets, wish) < place(targets, way) {
                    way = wish;
                }
            }
        }
        Self { way, timing, priority, rules: rules(wishes) }
    }

    /// The order in which steps are carried out, as [`Step::order`] has it.
    fn order(&self, other: &Self, targets: &Targets) -> Ordering {
        let first_rule = || match (&self.rules, &other.rules) {
            (Rules::One(a), Rules::One(b)) if Arc::ptr_eq(a, b) => Ordering::Equal,
            (a, b) => a.first().cmp(&b.first()),
        };
        let order = other.priority.cmp(&self.priority).then(self.way.hop.cmp(&other.way.hop));
        order
            .then_with(first_rule)
            .then_with(|| self.way.kind.cmp(&other.way.kind))
            .then_with(|| targets.bytes(self.way.target).cmp(targets.bytes(other.way.target)))
    }

    fn step(self, targets: &Targets) -> Step {
        let Self { way, timing, priority, rules } = self;
        Step {
            kind: way.kind,
            target: targets.get(way.target).to_owned(),
            strategy: match timing {
                Timing::Immediate => Strategy::Immediate,
                Timing::Batched { .. } => Strategy::Batched,
                Timing::Lazy => Strategy::Lazy,
            },
            delay_ms: timing.delay(),
            priority,
            rules: match rules {
                Rules::One(name) => Names::one(name.clone()),
                Rules::Several(names) => names,
            },
            via: way.via.clone(),
            hop: way.hop,
            cascade: way.cascade(),
            trigger: way.trigger.map(|tag| targets.get(tag).to_owned()),
        }
    }
}

/// What of two ways to a target comes first: the shorter one, then by the names of its relations.
fn place<'w>(targets: &'w Targets, wish: &Wish<'w>) -> (u32, &'w Names, Option<&'w str>) {
    (wish.hop, wish.via, wish.trigger.map(|tag| targets.get(tag)))
}

/// The names of all rules, each once, in order.
fn rules<'p>(wishes: &[(u64, &Wish<'p>)]) -> Rules<'p> {
    let first = wishes[0].1.rule;
    if wishes.iter().all(|(_, wish)| std::ptr::eq(wish.rule, first)) {
        return Rules::One(&first.name);
    }
    let mut names: Vec<Arc<str>> = wishes.iter().map(|(_, wish)| wish.rule.name.clone()).collect();
    sort(&mut names);
    Rules::Several(names.into())
}
