//! Chained rules, to a fixpoint.

use std::collections::{BTreeMap, HashSet};

use super::facts::Facts;
use super::rows::named;
use super::truth::evaluate;
use super::{Attempt, Firing, Outcome, Trace};
use crate::check::ruleset::{RelationId, Rule, RuleId, TagPattern, TagSegment, TagTrigger, Trigger};
use crate::check::{RuleSet, Write};
use crate::plan::StepKind;

/// As many as the planner follows.
const MAX_FIRINGS: usize = 100_000;

/// A way to a tag: hop, names of the relations, the tag. The shortest comes first.
type Way = (u32, Vec<String>, String);

/// Adds what chained rules do because of the tags that are dropped already.
pub fn fire(rules: &RuleSet, write: &Write, trace: &mut Trace) {
    let chained: Vec<(RuleId, &Rule, &TagTrigger)> = rules
        .rules()
        .iter()
        .enumerate()
        .filter_map(|(index, rule)| match &rule.trigger {
            Trigger::Tags(on) => Some((RuleId::at(index), rule, on)),
            Trigger::Writes(_) => None,
        })
        .collect();
    if chained.is_empty() {
        return;
    }
    let own: usize = trace.firings.iter().flat_map(|f| &f.attempts).map(|a| targets(a).len()).sum();
    let most = MAX_FIRINGS + own;
    let mut waiting: BTreeMap<Way, Vec<RelationId>> = BTreeMap::new();
    let mut fired: HashSet<(RuleId, Vec<String>)> = HashSet::new();
    let mut done: HashSet<String> = HashSet::new();
    let mut known = 0;
    loop {
        for attempt in trace.firings[known..].iter().flat_map(|f| &f.attempts) {
            let tags = targets(attempt).iter().filter(|_| attempt.kind == StepKind::Tag);
            for tag in tags {
                let via = attempt.via.iter().map(|r| rules.relation(*r).name.clone()).collect();
                waiting.entry((attempt.hop, via, tag.clone())).or_insert_with(|| attempt.via.clone());
            }
        }
        known = trace.firings.len();
        let Some(((hop, _, tag), via)) = waiting.pop_first() else { return };
        if !done.insert(tag.clone()) {
            continue;
        }
        for (id, rule, on) in &chained {
            for pattern in &on.patterns {
                let Some(bound) = bind(pattern, &tag, on.holes.len()) else { continue };
                if fired.len() >= most {
                    trace.stopped = Some((*id, pattern.text.clone()));
                    return;
                }
                if fired.insert((*id, bound.clone())) {
                    let facts = Facts { rules, write, trigger: &bound };
                    trace.firings.push(fire_one(&facts, *id, rule, on, &tag, hop + 1, &via));
                }
            }
        }
    }
}

/// The targets that an attempt drops.
fn targets(attempt: &Attempt) -> &[String] {
    match &attempt.outcome {
        Outcome::Drops { targets, .. } => targets,
        _ => &[],
    }
}

/// What the holes hold, where the tag matches.
fn bind(pattern: &TagPattern, tag: &str, holes: usize) -> Option<Vec<String>> {
    let segments: Vec<&str> = tag.split(':').collect();
    if segments.len() != pattern.segments.len() {
        return None;
    }
    let mut bound: Vec<Option<&str>> = vec![None; holes];
    for (segment, wanted) in segments.into_iter().zip(&pattern.segments) {
        match wanted {
            TagSegment::Literal(text) if text == segment => {}
            TagSegment::Literal(_) => return None,
            TagSegment::Hole(index) => match bound[*index] {
                Some(earlier) if earlier != segment => return None,
                _ => bound[*index] = Some(segment),
            },
        }
    }
    // Every pattern of a rule has all of its holes.
    Some(bound.into_iter().map(|b| b.unwrap_or_default().to_owned()).collect())
}

fn fire_one(
    facts: &Facts<'_>,
    id: RuleId,
    rule: &Rule,
    on: &TagTrigger,
    tag: &str,
    hop: u32,
    via: &[RelationId],
) -> Firing {
    let condition = on.condition.as_ref().map(|c| evaluate(c, facts, &on.holes));
    let mut firing = Firing {
        rule: id,
        trigger: Some(tag.to_owned()),
        listens: true,
        condition,
        groups: Vec::new(),
        attempts: Vec::new(),
    };
    if firing.fires() {
        // It knows no row: its templates fill alike from every image.
        let image = &facts.images()[..1];
        for drop in &rule.drops {
            named(facts, drop, image, hop, via, &mut firing.attempts);
        }
    }
    firing
}
