//! Wishes to steps: a target that several rules drop is dropped once.

use super::collect::{Collected, Wish, collect};
use super::program::Program;
use super::targets::Targets;
use super::{Covered, Names, Plan, SCHEMA, Step, Strategy, Unfilled, chain};
use crate::check::Write;
use crate::model::Timing;

/// The plan of a write.
pub fn plan(program: &Program, write: &Write, unfilled: Unfilled) -> Plan {
    let entity = program.entity(write.entity());
    let collected = match entity.operations.get(write.operation()) {
        Some(operation) => {
            let mut collected = collect(program, entity, operation, write, unfilled);
            chain::fire(program, operation, write, unfilled, &mut collected);
            collected
        }
        // Declared by other rules than these.
        None => Collected::default(),
    };
    let Collected { targets, wishes, covered, mut unresolved, mut assumed, firings, .. } = collected;
    let mut covered: Vec<Covered> = covered
        .into_iter()
        .map(|(template, by)| Covered { template: template.clone(), by: targets.get(by).to_owned() })
        .collect();
    sort(&mut covered);
    sort(&mut unresolved);
    sort(&mut assumed);
    Plan {
        schema: SCHEMA,
        write: write.raw().clone(),
        steps: merge(&targets, wishes),
        covered,
        unresolved,
        assumed,
        ignored: write.ignored().to_vec(),
        firings,
    }
}

fn sort<T: Ord>(list: &mut Vec<T>) {
    list.sort_unstable();
    list.dedup();
}

/// Merges wishes for equal targets and puts the steps in order.
fn merge(targets: &Targets, mut wishes: Vec<Wish<'_>>) -> Vec<Step> {
    // Equal targets come to stand together. Hashes first: most targets begin alike.
    let name = |w: &Wish<'_>| (w.kind, targets.get(w.target));
    wishes.sort_unstable_by(|a, b| a.hash.cmp(&b.hash).then_with(|| name(a).cmp(&name(b))));
    let mut steps = Vec::with_capacity(wishes.len());
    steps.extend(
        wishes.chunk_by(|a, b| a.hash == b.hash && name(a) == name(b)).map(|same| step(targets, same)),
    );
    steps.sort_unstable_by(Step::order);
    steps
}

/// Of the wishes for one target (at least one): the most urgent timing, the highest priority with that
/// timing, the shortest way with it; every rule is named.
fn step(targets: &Targets, wishes: &[Wish<'_>]) -> Step {
    let first = &wishes[0];
    let mut timing = first.rule.timing;
    let mut priority = first.rule.priority;
    let mut way = first;
    for wish in &wishes[1..] {
        if wish.rule.timing < timing {
            (timing, priority, way) = (wish.rule.timing, wish.rule.priority, wish);
        } else if wish.rule.timing == timing {
            priority = priority.max(wish.rule.priority);
            if place(targets, wish) < place(targets, way) {
                way = wish;
            }
        }
    }
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
        rules: rules(wishes),
        via: way.via.clone(),
        hop: way.hop,
        cascade: way.cascade(),
        trigger: way.trigger.map(|tag| targets.get(tag).to_owned()),
    }
}

/// What of two ways to a target comes first: the shorter one, then by the names of its relations.
fn place<'w>(targets: &'w Targets, wish: &Wish<'w>) -> (u32, &'w Names, Option<&'w str>) {
    (wish.hop, wish.via, wish.trigger.map(|tag| targets.get(tag)))
}

/// The names of all rules, each once, in order.
fn rules(wishes: &[Wish<'_>]) -> Names {
    let first = &wishes[0];
    if wishes.iter().all(|wish| std::ptr::eq(wish.rule, first.rule)) {
        return first.rule.names.clone();
    }
    let mut names: Vec<_> = wishes.iter().map(|wish| wish.rule.name.clone()).collect();
    sort(&mut names);
    names.into()
}
