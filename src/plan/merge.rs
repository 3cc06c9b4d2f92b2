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
        firings: collected.firings,
    }
}

/// Merges wishes for equal targets and puts the steps in order.
fn merge(program: &Program, wishes: Vec<Wish>) -> Vec<Step> {
    let mut steps: Vec<Step> =
        by_target(&wishes).into_values().filter_map(|wishes| step(program, &wishes)).collect();
    steps.sort_unstable_by(Step::order);
    steps
}

/// The wishes for each target.
fn by_target(wishes: &[Wish]) -> FxHashMap<(StepKind, &str), Vec<&Wish>> {
    let mut out: FxHashMap<(StepKind, &str), Vec<&Wish>> = FxHashMap::default();
    for wish in wishes {
        out.entry((wish.kind, wish.target.as_str())).or_default().push(wish);
    }
    out
}

/// The names of the relations along which a target was reached.
pub fn via_names<'p>(program: &'p Program, wish: &Wish) -> Vec<&'p str> {
    wish.via.iter().map(|r| program.rules().relation(*r).name.as_str()).collect()
}

/// Of the wishes for one target those with the most urgent timing.
fn most_urgent<'w>(program: &Program, wishes: &[&'w Wish]) -> (Timing, Vec<&'w Wish>) {
    let timing = |w: &Wish| program.rules().rule(w.rule).timing;
    let urgent = wishes.iter().map(|w| timing(w)).min().unwrap_or(Timing::Immediate);
    (urgent, wishes.iter().copied().filter(|w| timing(w) == urgent).collect())
}

/// The most urgent timing, the highest priority with that timing, the shortest way with it; every
/// rule is named.
fn step(program: &Program, wishes: &[&Wish]) -> Option<Step> {
    let rules = program.rules();
    let (urgent, among) = most_urgent(program, wishes);
    let way = among.iter().min_by(|a, b| {
        let key = |w: &Wish| (w.hop, via_names(program, w));
        key(a).cmp(&key(b)).then_with(|| (&a.trigger, a.cascade).cmp(&(&b.trigger, b.cascade)))
    })?;
    let priority = among.iter().map(|w| rules.rule(w.rule).priority).max().unwrap_or(0);
    let mut of: Vec<String> = wishes.iter().map(|w| rules.rule(w.rule).name.clone()).collect();
    of.sort_unstable();
    of.dedup();
    let strategy = match urgent {
        Timing::Immediate => Strategy::Immediate,
        Timing::Batched { .. } => Strategy::Batched,
        Timing::Lazy => Strategy::Lazy,
    };
    Some(Step {
        kind: way.kind,
        target: way.target.clone(),
        strategy,
        delay_ms: urgent.delay(),
        priority,
        rules: of,
        via: via_names(program, way).into_iter().map(str::to_owned).collect(),
        hop: way.hop,
        cascade: way.cascade,
        trigger: way.trigger.clone(),
    })
}
