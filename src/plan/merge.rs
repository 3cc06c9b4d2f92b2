//! Wishes to steps: a target that several rules drop is dropped once.

use std::cmp::Ordering;
use std::sync::Arc;

use compact_str::CompactString;
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

/// Merges wishes for equal targets and puts the steps in order. The targets' names end up in the steps.
fn steps(targets: &mut Targets, wishes: &[Wish<'_>]) -> Vec<Step> {
    let merged = if all_differ(wishes) { Vec::new() } else { merged(targets, wishes) };
    let wishes = if merged.is_empty() { wishes } else { &merged };
    let mut wishes: SmallVec<[&Wish<'_>; 16]> = wishes.iter().collect();
    wishes.sort_unstable_by(|a, b| order(a, b, targets));
    let mut steps = Vec::with_capacity(wishes.len());
    steps.extend(wishes.iter().map(|wish| step(wish, targets)));
    // A target may be what triggered another step, which has its name by now.
    for (step, wish) in steps.iter_mut().zip(&wishes) {
        step.target = targets.take(wish.target);
    }
    steps
}

/// Wishes that are held against each other rather than sorted.
const FEW: usize = 16;

/// Whether no two wishes are certainly for one target; the usual case.
fn all_differ(wishes: &[Wish<'_>]) -> bool {
    if wishes.len() <= FEW {
        return wishes.iter().enumerate().all(|(at, a)| wishes[..at].iter().all(|b| a.hash != b.hash));
    }
    let mut hashes: Vec<u64> = wishes.iter().map(|wish| wish.hash).collect();
    hashes.sort_unstable();
    hashes.windows(2).all(|two| two[0] != two[1])
}

/// The wishes of each target as one.
fn merged<'p>(targets: &Targets, wishes: &[Wish<'p>]) -> Vec<Wish<'p>> {
    // Equal targets come to stand together. Hashes first: most targets begin alike.
    let mut by_name: Vec<&Wish<'_>> = wishes.iter().collect();
    let name = |wish: &Wish<'_>| (wish.hash, wish.kind, targets.get(wish.target));
    by_name.sort_unstable_by(|a, b| name(a).cmp(&name(b)));
    by_name.chunk_by(|a, b| name(a) == name(b)).map(|same| one_of(targets, same)).collect()
}

/// Of the wishes for one target (at least one): the most urgent timing, the highest priority with
/// that timing, the shortest way with it; every rule is named.
fn one_of<'p>(targets: &Targets, wishes: &[&Wish<'p>]) -> Wish<'p> {
    let mut way = wishes[0];
    let mut priority = way.priority;
    for wish in &wishes[1..] {
        match wish.rule.timing.cmp(&way.rule.timing) {
            Ordering::Less => (way, priority) = (wish, wish.priority),
            Ordering::Equal => {
                priority = priority.max(wish.priority);
                if place(targets, wish) < place(targets, way) {
                    way = wish;
                }
            }
            Ordering::Greater => {}
        }
    }
    Wish { priority, rules: rules(wishes), ..way.clone() }
}

/// The order in which steps are carried out, as [`Step::order`] has it.
fn order(a: &Wish<'_>, b: &Wish<'_>, targets: &Targets) -> Ordering {
    // Most steps of a plan are of one rule.
    let is_one_rule = std::ptr::eq(a.rule, b.rule) && a.rules.is_none() && b.rules.is_none();
    let rule = if is_one_rule {
        a.hop.cmp(&b.hop)
    } else {
        let order = b.priority.cmp(&a.priority).then(a.hop.cmp(&b.hop));
        order.then_with(|| a.first_rule().cmp(b.first_rule()))
    };
    let name = |wish: &Wish<'_>| targets.get(wish.target).as_bytes();
    rule.then(a.kind.cmp(&b.kind)).then_with(|| name(a).cmp(name(b)))
}

/// The step of a wish, but for the name of its target.
fn step(wish: &Wish<'_>, targets: &Targets) -> Step {
    let timing = wish.rule.timing;
    Step {
        kind: wish.kind,
        target: CompactString::default(),
        strategy: match timing {
            Timing::Immediate => Strategy::Immediate,
            Timing::Batched { .. } => Strategy::Batched,
            Timing::Lazy => Strategy::Lazy,
        },
        delay_ms: timing.delay(),
        priority: wish.priority,
        rules: wish.rules.clone().unwrap_or_else(|| Names::one(wish.rule.name.clone())),
        via: wish.via.clone(),
        hop: wish.hop,
        cascade: wish.cascade(),
        trigger: wish.trigger.map(|tag| targets.get(tag).to_owned()),
    }
}

/// What of two ways to a target comes first: the shorter one, then by the names of its relations.
fn place<'w>(targets: &'w Targets, wish: &Wish<'w>) -> (u32, &'w Names, Option<&'w str>) {
    (wish.hop, wish.via, wish.trigger.map(|tag| targets.get(tag)))
}

/// The names of all rules, each once, in order; `None` of one rule.
fn rules(wishes: &[&Wish<'_>]) -> Option<Names> {
    if wishes.iter().all(|wish| std::ptr::eq(wish.rule, wishes[0].rule)) {
        return None;
    }
    let mut names: Vec<Arc<str>> = wishes.iter().map(|wish| wish.rule.name.clone()).collect();
    sort(&mut names);
    Some(names.into())
}
