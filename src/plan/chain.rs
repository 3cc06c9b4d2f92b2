//! Chained rules: a tag of the plan fires rules that drop further targets, to a fixpoint.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use compact_str::CompactString;
use rustc_hash::{FxHashMap, FxHashSet};

use super::collect::{At, Collected, Firing};
use super::fill::{Bound, Source};
use super::guard::Facts;
use super::program::{Explicit, Label, OperationProgram, Program, Slots};
use super::row::Row;
use super::{Names, Step, StepKind, Terms, Unfilled, Unresolved, compile};
use crate::check::condition::Condition;
use crate::check::ruleset::{RuleId, TagPattern, TagSegment, TagTrigger, Trigger};
use crate::check::{RuleSet, Write};
use crate::model::{Value, unescape};

/// Chained rules that one write may fire besides one for each of its own targets. Holes only hold what
/// a plan's tags held, so a chain always ends; rules that permute many holes could still take longer
/// than anybody waits.
const MAX_FIRINGS: usize = 100_000;

/// The chained rules, once for each tag that they wait for.
#[derive(Debug)]
pub struct Chains {
    chains: Vec<Chain>,
    /// By the number of segments of the tag.
    by_length: FxHashMap<usize, ByLength>,
}

/// Chains whose tags have so many segments, by their places.
#[derive(Debug, Default)]
struct ByLength {
    /// By a literal segment, its place first.
    by_segment: BTreeMap<usize, FxHashMap<String, Vec<usize>>>,
    /// Those of holes alone.
    open: Vec<usize>,
}

#[derive(Debug)]
struct Chain {
    rule: usize,
    label: Label,
    pattern: TagPattern,
    holes: usize,
    guard: Option<Condition<usize>>,
    drops: Vec<Explicit>,
}

impl Chains {
    pub fn new(rules: &RuleSet) -> Self {
        let mut chains = Vec::new();
        for (index, rule) in rules.rules().iter().enumerate() {
            let Trigger::Tags(TagTrigger { holes, patterns, condition }) = &rule.trigger else { continue };
            chains.extend(patterns.iter().map(|pattern| Chain {
                rule: index,
                label: compile::label(RuleId::at(index), rule),
                pattern: pattern.clone(),
                holes: holes.len(),
                // A chained rule's conditions name no row.
                guard: condition.as_ref().map(|c| c.map(&mut |_| Slots::ID)),
                drops: compile::chained(rules, &rule.drops),
            }));
        }
        let by_length = index(&chains);
        Self { chains, by_length }
    }

    /// The chains that wait for a tag, with what their holes hold.
    fn waiting_for(&self, tag: &[Segment<'_>]) -> Vec<(&Chain, Vec<Bound>)> {
        let Some(here) = self.by_length.get(&tag.len()) else { return Vec::new() };
        let mut found: Vec<usize> = here.open.clone();
        for (place, by_text) in &here.by_segment {
            match &tag[*place] {
                Segment::Text(text) => found.extend(by_text.get(&**text).into_iter().flatten()),
                Segment::Anything => found.extend(by_text.values().flatten()),
            }
        }
        found.sort_unstable();
        let found = found.into_iter().map(|at| &self.chains[at]);
        found.filter_map(|chain| Some((chain, matches(chain, tag)?))).collect()
    }
}

/// Puts each chain where its rarest literal segment stands.
fn index(chains: &[Chain]) -> FxHashMap<usize, ByLength> {
    let literals = |chain: &Chain| -> Vec<(usize, usize, String)> {
        let segments = &chain.pattern.segments;
        let literal = |(place, segment): (usize, &TagSegment)| match segment {
            TagSegment::Literal(text) => Some((segments.len(), place, text.clone())),
            TagSegment::Hole(_) => None,
        };
        segments.iter().enumerate().filter_map(literal).collect()
    };
    let mut frequency: FxHashMap<(usize, usize, String), usize> = FxHashMap::default();
    for literal in chains.iter().flat_map(literals) {
        *frequency.entry(literal).or_default() += 1;
    }
    let mut out: FxHashMap<usize, ByLength> = FxHashMap::default();
    for (at, chain) in chains.iter().enumerate() {
        let here = out.entry(chain.pattern.segments.len()).or_default();
        match literals(chain).into_iter().min_by_key(|literal| frequency[literal]) {
            Some((_, place, text)) => {
                here.by_segment.entry(place).or_default().entry(text).or_default().push(at);
            }
            None => here.open.push(at),
        }
    }
    out
}

/// A way to a tag of the plan that may not have fired yet: hop, relations, kind, target. The shortest
/// comes first, then the first by the names of its relations.
type Waiting = (u32, Names, StepKind, CompactString);

/// Adds what chained rules drop because of the tags that are dropped already.
pub fn fire<'p>(
    program: &'p Program,
    operation: &OperationProgram,
    write: &Write,
    unfilled: Unfilled,
    out: &mut Collected<'p>,
) {
    let chains = program.chains();
    if chains.chains.is_empty() {
        return;
    }
    // A chained rule knows no row.
    let slots = Slots::default();
    let row = Row::new(write, &slots);
    let known = Known { program, operation, row: &row, slots: &slots, write, unfilled };
    let most = MAX_FIRINGS + out.steps.len();
    let mut fired: FxHashSet<(usize, Vec<Bound>)> = FxHashSet::default();
    let mut done: FxHashSet<(StepKind, CompactString)> = FxHashSet::default();
    // The tags by the ways to them. What a tag fires is one hop further than the tag, so the first way
    // that is taken to a tag is the shortest, in whatever order the rules stand.
    let mut waiting: BTreeMap<Waiting, usize> = BTreeMap::new();
    let mut seen = 0;
    loop {
        for (index, step) in out.steps.iter().enumerate().skip(seen) {
            if !chains.waiting_for(&segments(&step.target, step.kind)).is_empty() {
                let way = (step.hop, step.via.clone(), step.kind, step.target.clone());
                waiting.entry(way).or_insert(index);
            }
        }
        seen = out.steps.len();
        let Some(((_, _, kind, tag), index)) = waiting.pop_first() else { return };
        let step = out.steps[index].clone();
        if !done.insert((kind, tag.clone())) {
            continue;
        }
        for (chain, bound) in chains.waiting_for(&segments(&tag, kind)) {
            if fired.len() >= most {
                out.unresolved.push(Unresolved {
                    rule: chain.label.name.to_string(),
                    template: chain.pattern.text.clone(),
                    missing: Vec::new(),
                    reason: Some(format!("chained rules fired {most} times; the rest was not followed")),
                });
                return;
            }
            if fired.insert((chain.rule, bound.clone())) {
                known.run(chain, &bound, &step, out);
            }
        }
    }
}

/// A segment of a tag.
enum Segment<'t> {
    Text(Cow<'t, str>),
    /// In a widened tag: what holds a wildcard.
    Anything,
}

/// The segments of a tag; of a widened one, unquoted. What is no tag has none.
fn segments(target: &str, kind: StepKind) -> Vec<Segment<'_>> {
    match kind {
        StepKind::Tag => target.split(':').map(|text| Segment::Text(Cow::Borrowed(text))).collect(),
        StepKind::TagMatch => target.split(':').map(unquoted).collect(),
        StepKind::Key | StepKind::Match => Vec::new(),
    }
}

fn unquoted(segment: &str) -> Segment<'_> {
    let mut out = String::new();
    let mut chars = segment.chars();
    while let Some(c) = chars.next() {
        match c {
            '*' => return Segment::Anything,
            '\\' => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    Segment::Text(Cow::Owned(out))
}

/// What the holes of a chain hold, where the tag matches its trigger.
fn matches(chain: &Chain, tag: &[Segment<'_>]) -> Option<Vec<Bound>> {
    let mut bound: Vec<Option<&str>> = vec![None; chain.holes];
    for (segment, wanted) in tag.iter().zip(&chain.pattern.segments) {
        match (wanted, segment) {
            (_, Segment::Anything) => {}
            (TagSegment::Literal(text), Segment::Text(found)) => {
                if text != found {
                    return None;
                }
            }
            (TagSegment::Hole(index), Segment::Text(found)) => {
                if bound[*index].is_some_and(|earlier| earlier != found) {
                    return None;
                }
                bound[*index] = Some(found);
            }
        }
    }
    let held = |text: Option<&str>| text.map_or(Bound::Anything, |text| Bound::Segment(text.to_owned()));
    Some(bound.into_iter().map(held).collect())
}

/// What chained rules know besides their triggers.
struct Known<'a, 'p> {
    program: &'p Program,
    operation: &'a OperationProgram,
    row: &'a Row<'a>,
    slots: &'a Slots,
    write: &'a Write,
    unfilled: Unfilled,
}

impl<'p> Known<'_, 'p> {
    /// One chained rule, fired by one tag.
    fn run(&self, chain: &'p Chain, bound: &[Bound], trigger: &Step, out: &mut Collected<'p>) {
        let context = self.write.context_values();
        let values: Vec<Option<Value>> = bound
            .iter()
            .map(|bound| match bound {
                Bound::Segment(text) => Some(Value::text(unescape(text))),
                Bound::Anything => None,
            })
            .collect();
        let facts = Facts { row: self.row, operation: &self.operation.name, context, trigger: &values };
        let fires = out.fires(&chain.label, chain.guard.as_ref(), &facts, self.slots);
        out.firings.add(chain.label.id, fires);
        if !fires {
            return;
        }
        let source =
            Source { rules: self.program.rules(), row: self.row, slots: self.slots, context, trigger: bound };
        let terms = Arc::new(Terms {
            via: trigger.via.clone(),
            hop: trigger.hop + 1,
            ..(*chain.label.terms).clone()
        });
        let mut firing = Firing {
            source: &source,
            rule: &chain.label,
            unfilled: self.unfilled,
            trigger: Some(&trigger.target),
            out,
        };
        for drop in &chain.drops {
            firing.explicit(drop, At { group: &self.program.row, terms: &terms });
        }
    }
}
