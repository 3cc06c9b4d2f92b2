//! Wishes to steps: a target that several rules drop is dropped once.

use rustc_hash::FxHashMap;

use super::collect::{Wish, collect};
use super::program::Program;
use super::{Plan, SCHEMA, Step, StepKind, Strategy, Unfilled, chain};
use crate::check::Write;
use crate::model::Timing;

/// The plan of a write.
pub fn plan(program: &Program, write: &Write, unfilled: Unfilled) -> Plan {
    let mut collected = collect(program, write, unfilled);
    chain::fire(program, write, unfilled, &mut collected);
    Plan {
        schema: SCHEMA,
        write: write.raw().clone(),
        steps: merge(program, collected.wishes),
        covered: collected.covered.into_iter().collect(),
        unresolved: collected.unresolved.into_iter().collect(),
        assumed: collected.assumed.into_iter().collect(),
        ignored: write.ignored().to_vec(),
    }
}

/// Merges wishes for equal targets and puts the steps in order.
fn merge(program: &Program, wishes: Vec<Wish>) -> Vec<Step> {
    let mut by_target: FxHashMap<(StepKind, String), Vec<Wish>> = FxHashMap::default();
    for wish in wishes {
        by_target.entry((wish.kind, wish.target.clone())).or_default().push(wish);
    }
    let mut steps: Vec<Step> =
        by_target.into_iter().map(|((kind, target), wishes)| step(program, kind, target, &wishes)).collect();
    steps.sort_unstable_by(|a, b| {
        let order = b.priority.cmp(&a.priority).then(a.hop.cmp(&b.hop));
        order
            .then_with(|| a.rules.first().cmp(&b.rules.first()))
            .then_with(|| a.kind.cmp(&b.kind))
            .then_with(|| a.target.cmp(&b.target))
    });
    steps
}

/// The most urgent timing, the highest priority with that timing, the shortest way with it; every
/// rule is named.
fn step(program: &Program, kind: StepKind, target: String, wishes: &[Wish]) -> Step {
    let rules = program.rules();
    let timing = |w: &Wish| rules.rule(w.rule).timing;
    let urgent = wishes.iter().map(timing).min().unwrap_or(Timing::Immediate);
    let among = || wishes.iter().filter(|w| timing(w) == urgent);
    let priority = among().map(|w| rules.rule(w.rule).priority).max().unwrap_or(0);
    let names = |w: &Wish| w.via.iter().map(|r| rules.relation(*r).name.clone()).collect::<Vec<_>>();
    let way = among().map(|w| (w.hop, names(w), &w.trigger, w.cascade)).min();
    let (hop, via, trigger, cascade) = way.unwrap_or((0, Vec::new(), &None, false));
    let mut of: Vec<String> = wishes.iter().map(|w| rules.rule(w.rule).name.clone()).collect();
    of.sort_unstable();
    of.dedup();
    let strategy = match urgent {
        Timing::Immediate => Strategy::Immediate,
        Timing::Batched { .. } => Strategy::Batched,
        Timing::Lazy => Strategy::Lazy,
    };
    Step {
        kind,
        target,
        strategy,
        delay_ms: urgent.delay(),
        priority,
        rules: of,
        via,
        hop,
        cascade,
        trigger: trigger.clone(),
    }
}
