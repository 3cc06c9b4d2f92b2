//! Chained rules: a tag of the plan fires rules that drop further targets, to a fixpoint.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::collect::{Collected, Firing, Wish, context_name, fires};
use super::fill::{Bound, Source};
use super::guard::Facts;
use super::images::Images;
use super::program::{Explicit, Group, Program};
use super::{StepKind, Unfilled, Unresolved, compile, merge};
use crate::check::condition::Condition;
use crate::check::ruleset::{RuleId, TagPattern, TagSegment, TagTrigger, Trigger};
use crate::check::{RuleSet, Write};
use crate::model::{Value, unescape};

/// Chained rules that one write may fire besides one for each of its own targets. Holes only hold what a plan's tags held, so a chain
/// always ends; rules that permute many holes could still take longer than anybody waits.
const MAX_FIRINGS: usize = 100_000;

/// The chained rules, by the number of segments of their triggers.
#[derive(Debug)]
pub struct Chains {
    by_length: FxHashMap<usize, Vec<Chain>>,
}

#[derive(Debug)]
struct Chain {
    rule: RuleId,
    pattern: TagPattern,
    holes: usize,
    guard: Option<Condition<usize>>,
    drops: Arc<[Explicit]>,
}

impl Chains {
    pub fn new(rules: &RuleSet) -> Self {
        let mut by_length: FxHashMap<usize, Vec<Chain>> = FxHashMap::default();
        for (index, rule) in rules.rules().iter().enumerate() {
            let Trigger::Tags(TagTrigger { holes, patterns, condition }) = &rule.trigger else { continue };
            let drops: Arc<[Explicit]> = compile::chained(rules, &rule.drops).into();
            for pattern in patterns {
                by_length.entry(pattern.segments.len()).or_default().push(Chain {
                    rule: RuleId::at(index),
                    pattern: pattern.clone(),
                    holes: holes.len(),
                    // A chained rule's conditions name no row.
                    guard: condition.as_ref().map(|c| c.map(&mut |_| 0)),
                    drops: drops.clone(),
                });
            }
        }
        Self { by_length }
    }
}

/// A way to a tag of the plan that may not have fired yet: hop, relations, kind, target. The shortest
/// comes first, then the first by the names of its relations.
type Waiting = (u32, Vec<String>, StepKind, String);

/// Adds what chained rules drop because of the tags that are dropped already.
pub fn fire(program: &Program, write: &Write, unfilled: Unfilled, out: &mut Collected) {
    let chains = program.chains();
    if chains.by_length.is_empty() {
        return;
    }
    let images = Images::new(write, &[]);
    let most = MAX_FIRINGS + out.wishes.len();
    let mut fired: FxHashSet<(RuleId, Vec<Bound>)> = FxHashSet::default();
    let mut done: FxHashSet<(StepKind, String)> = FxHashSet::default();
    // The tags by the ways to them. What a tag fires is one hop further than the tag, so the first way
    // that is taken to a tag is the shortest, in whatever order the rules stand.
    let mut waiting: BTreeMap<Waiting, usize> = BTreeMap::new();
    let mut known = 0;
    loop {
        for (index, wish) in out.wishes.iter().enumerate().skip(known) {
            if matches!(wish.kind, StepKind::Tag | StepKind::TagMatch) {
                waiting.entry(as_waiting(program, wish)).or_insert(index);
            }
        }
        known = out.wishes.len();
        let Some(((_, _, kind, target), index)) = waiting.pop_first() else { return };
        if !done.insert((kind, target)) {
            continue;
        }
        let wish = out.wishes[index].clone();
        let segments = split(&wish.target, wish.kind == StepKind::TagMatch);
        for chain in chains.by_length.get(&segments.len()).into_iter().flatten() {
            let Some(bound) = matches(chain, &segments) else { continue };
            if fired.len() >= most {
                out.unresolved.insert(Unresolved {
                    rule: program.rules().rule(chain.rule).name.clone(),
                    template: chain.pattern.text.clone(),
                    missing: Vec::new(),
                    reason: Some(format!("chained rules fired {most} times; the rest was not followed")),
                });
                return;
            }
            if fired.insert((chain.rule, bound.clone())) {
                run(program, write, &images, chain, &bound, &wish, unfilled, out);
            }
        }
    }
}

fn as_waiting(program: &Program, wish: &Wish) -> Waiting {
    let via = merge::via_names(program, wish).into_iter().map(str::to_owned).collect();
    (wish.hop, via, wish.kind, wish.target.clone())
}

/// The segments of a tag; of a widened one, unquoted, with those that hold a wildcard as anything.
fn split(tag: &str, wide: bool) -> Vec<Bound> {
    tag.split(':')
        .map(|segment| {
            if !wide {
                return Bound::Segment(segment.to_owned());
            }
            let mut out = String::new();
            let mut chars = segment.chars();
            while let Some(c) = chars.next() {
                match c {
                    '*' => return Bound::Anything,
                    '\\' => out.extend(chars.next()),
                    c => out.push(c),
                }
            }
            Bound::Segment(out)
        })
        .collect()
}

/// What the holes of a chain hold, where the tag matches its trigger.
fn matches(chain: &Chain, segments: &[Bound]) -> Option<Vec<Bound>> {
    let mut bound: Vec<Option<Bound>> = vec![None; chain.holes];
    for (segment, wanted) in segments.iter().zip(&chain.pattern.segments) {
        match (wanted, segment) {
            (TagSegment::Literal(_), Bound::Anything) => {}
            (TagSegment::Literal(text), Bound::Segment(found)) if text == found => {}
            (TagSegment::Literal(_), _) => return None,
            (TagSegment::Hole(index), found) => match &bound[*index] {
                Some(Bound::Segment(earlier)) if matches!(found, Bound::Segment(f) if f != earlier) => {
                    return None;
                }
                Some(Bound::Segment(_)) => {}
                Some(Bound::Anything) | None => bound[*index] = Some(found.clone()),
            },
        }
    }
    Some(bound.into_iter().map(|b| b.unwrap_or(Bound::Anything)).collect())
}

/// One chained rule, fired by one tag.
#[allow(clippy::too_many_arguments)]
fn run(
    program: &Program,
    write: &Write,
    images: &Images,
    chain: &Chain,
    bound: &[Bound],
    wish: &Wish,
    unfilled: Unfilled,
    out: &mut Collected,
) {
    let values: Vec<Option<Value>> = bound
        .iter()
        .map(|bound| match bound {
            Bound::Segment(text) => Some(Value::text(unescape(text))),
            Bound::Anything => None,
        })
        .collect();
    let facts = Facts { write, images, slots: &[], trigger: &values };
    if !fires(program, chain.rule, chain.guard.as_ref(), &facts, out) {
        return;
    }
    let context_names = |index: usize| context_name(program, index);
    let source = Source {
        write,
        images,
        slots: &[],
        varies: program.rules().varies(),
        context_names: &context_names,
        trigger: bound,
    };
    let own = Group { hop: wish.hop + 1, via: wish.via.clone(), ..Group::of_the_row() };
    let trigger = Some(wish.target.as_str());
    let mut firing = Firing { program, source: &source, rule: chain.rule, unfilled, own: &own, trigger, out };
    for drop in chain.drops.iter() {
        firing.explicit(drop);
    }
}
