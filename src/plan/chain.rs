//! Chained rules: a tag of the plan fires rules that drop further targets, to a fixpoint.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::collect::{Collected, Wish, context_name, target_text};
use super::guard::{Facts, Truth, evaluate};
use super::images::Images;
use super::program::Program;
use super::{Assumed, StepKind, Unfilled, Unresolved, merge};
use crate::check::condition::Condition;
use crate::check::ruleset::{Drop, RuleId, TagPattern, TagSegment, TagTrigger, Trigger};
use crate::check::template::{Hole, Part, Template};
use crate::check::{RuleSet, Write};
use crate::model::{MAX_NAME_BYTES, Pattern, Value, escape_into, quote_glob, unescape};

/// Chained rules fired by one write at most. Holes only hold what a plan's tags held, so a chain
/// always ends; rules that permute many holes could still take longer than anybody waits.
const MAX_FIRINGS: usize = 50_000;

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
}

impl Chains {
    pub fn new(rules: &RuleSet) -> Self {
        let mut by_length: FxHashMap<usize, Vec<Chain>> = FxHashMap::default();
        for (index, rule) in rules.rules().iter().enumerate() {
            let Trigger::Tags(TagTrigger { holes, patterns, condition }) = &rule.trigger else { continue };
            for pattern in patterns {
                by_length.entry(pattern.segments.len()).or_default().push(Chain {
                    rule: RuleId::at(index),
                    pattern: pattern.clone(),
                    holes: holes.len(),
                    // A chained rule's conditions name no row.
                    guard: condition.as_ref().map(|c| c.map(&mut |_| 0)),
                });
            }
        }
        Self { by_length }
    }
}

/// What a hole holds: a segment as it stands in the tag, or, in a widened tag, anything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Bound {
    Segment(String),
    Anything,
}

/// Adds what chained rules drop because of the tags that are dropped already.
pub fn fire(program: &Program, write: &Write, unfilled: Unfilled, out: &mut Collected) {
    let chains = program.chains();
    if chains.by_length.is_empty() {
        return;
    }
    let images = Images::new(write, &[]);
    let mut seen: FxHashSet<(StepKind, String)> = FxHashSet::default();
    let mut fired: FxHashSet<(RuleId, Vec<Bound>)> = FxHashSet::default();
    let mut from = 0;
    while from < out.wishes.len() {
        // The tags that are new, each with the way that its step has, the shortest first: what they
        // fire counts from there.
        let mut level: Vec<Wish> = merge::by_target(&out.wishes[from..])
            .values()
            .filter_map(|wishes| merge::way(program, wishes))
            .filter(|w| matches!(w.kind, StepKind::Tag | StepKind::TagMatch))
            .filter(|w| !seen.contains(&(w.kind, w.target.clone())))
            .cloned()
            .collect();
        level.sort_by(|a, b| {
            let key = |w: &Wish| (w.hop, merge::via_names(program, w));
            key(a).cmp(&key(b)).then_with(|| (a.kind, &a.target).cmp(&(b.kind, &b.target)))
        });
        from = out.wishes.len();
        for wish in level {
            seen.insert((wish.kind, wish.target.clone()));
            let segments = split(&wish.target, wish.kind == StepKind::TagMatch);
            for chain in chains.by_length.get(&segments.len()).into_iter().flatten() {
                let Some(bound) = matches(chain, &segments) else { continue };
                if fired.contains(&(chain.rule, bound.clone())) {
                    continue;
                }
                if fired.len() >= MAX_FIRINGS {
                    out.unresolved.insert(Unresolved {
                        rule: program.rules().rule(chain.rule).name.clone(),
                        template: chain.pattern.text.clone(),
                        missing: Vec::new(),
                        reason: Some(format!(
                            "chained rules fired {MAX_FIRINGS} times; the rest was not followed"
                        )),
                    });
                    return;
                }
                fired.insert((chain.rule, bound.clone()));
                Firing { program, write, images: &images, chain, bound: &bound, wish: &wish, unfilled }
                    .run(out);
            }
        }
    }
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

/// One chained rule, firing for one tag.
struct Firing<'a> {
    program: &'a Program,
    write: &'a Write,
    images: &'a Images,
    chain: &'a Chain,
    bound: &'a [Bound],
    /// The tag that fired it.
    wish: &'a Wish,
    unfilled: Unfilled,
}

impl Firing<'_> {
    fn run(&self, out: &mut Collected) {
        let rule = self.program.rules().rule(self.chain.rule);
        if let Some(guard) = &self.chain.guard {
            let values: Vec<Option<Value>> = self
                .bound
                .iter()
                .map(|b| match b {
                    Bound::Segment(text) => Some(Value::text(unescape(text))),
                    Bound::Anything => None,
                })
                .collect();
            let facts = Facts { write: self.write, images: self.images, slots: &[], trigger: &values };
            let mut open = Vec::new();
            let truth = evaluate(guard, &facts, &mut open);
            out.assumed.extend(open.into_iter().map(|condition| Assumed {
                rule: rule.name.clone(),
                condition,
                unmoved: false,
            }));
            if truth == Truth::False {
                return;
            }
        }
        for drop in &rule.drops {
            match drop {
                // The checker lets no chained rule drop `self`.
                Drop::Itself => {}
                Drop::Tag(t) => self.fill(StepKind::Tag, t, out),
                Drop::Key(t) => self.fill(StepKind::Key, t, out),
                Drop::Match(t) => self.fill(StepKind::Match, t, out),
                Drop::Regex(pattern) => self.wish(StepKind::Match, pattern.as_str().to_owned(), out),
            }
        }
    }

    /// Fills a template; where something is anything, it becomes a glob.
    fn fill(&self, kind: StepKind, template: &Template, out: &mut Collected) {
        let mut missing = Vec::new();
        let mut wide = false;
        for hole in template.holes() {
            match hole {
                Hole::Trigger(index) => wide |= self.bound[*index] == Bound::Anything,
                Hole::Context(id) if self.write.context(*id).is_none() => {
                    missing.push(context_name(self.program, id.index()));
                }
                _ => {}
            }
        }
        let rule = &self.program.rules().rule(self.chain.rule).name;
        if !missing.is_empty() && self.unfilled == Unfilled::Report {
            let template = template.text().to_owned();
            out.unresolved.insert(Unresolved { rule: rule.clone(), template, missing, reason: None });
            return;
        }
        wide |= !missing.is_empty();
        // In a `match` the text is a glob already; in what is widened it is literal.
        let quote = wide && kind != StepKind::Match;
        let wide_key = wide && kind == StepKind::Key;
        let kind = match (kind, wide) {
            (StepKind::Tag, true) => StepKind::TagMatch,
            (StepKind::Key, true) => StepKind::Match,
            (kind, _) => kind,
        };
        let glob = matches!(kind, StepKind::Match | StepKind::TagMatch);
        let mut names = vec![String::new()];
        for part in template.parts() {
            let texts = self.texts(part, glob, quote);
            names = names.iter().flat_map(|n| texts.iter().map(move |t| format!("{n}{t}"))).collect();
        }
        for name in names {
            if name.is_empty() || name.len() > MAX_NAME_BYTES {
                let template = template.text().to_owned();
                let reason = Some(format!("filled it is {} bytes long", name.len()));
                out.unresolved.insert(Unresolved {
                    rule: rule.clone(),
                    template,
                    missing: Vec::new(),
                    reason,
                });
            } else if wide_key {
                self.wish(kind, Pattern::segments_as_regex(&name), out);
            } else {
                self.wish(kind, target_text(kind, name), out);
            }
        }
    }

    fn texts(&self, part: &Part, glob: bool, quote: bool) -> Vec<String> {
        let quoted = |text: &str| if glob { quote_glob(text) } else { text.to_owned() };
        let escaped = |text: &str| {
            let mut out = String::new();
            escape_into(&mut out, text);
            quoted(&out)
        };
        match part {
            Part::Text(text) if quote => vec![quote_glob(text)],
            Part::Text(text) => vec![text.to_string()],
            Part::Hole(Hole::Trigger(index)) => match &self.bound[*index] {
                Bound::Segment(text) => vec![quoted(text)],
                Bound::Anything => vec!["*".to_owned()],
            },
            Part::Hole(Hole::Vary(id)) => {
                let vary = &self.program.rules().varies()[id.index()];
                vary.values.iter().flatten().map(|v| escaped(v)).collect()
            }
            Part::Hole(Hole::Context(id)) => match self.write.context(*id) {
                Some(Value::List(items)) => {
                    items.iter().filter_map(Value::as_text).map(|t| escaped(&t)).collect()
                }
                Some(value) => value.as_text().map(|t| escaped(&t)).into_iter().collect(),
                None => vec!["*".to_owned()],
            },
            // The checker binds no row in a chained rule.
            Part::Hole(Hole::Row(_)) => Vec::new(),
        }
    }

    fn wish(&self, kind: StepKind, target: String, out: &mut Collected) {
        out.wishes.push(Wish {
            kind,
            target,
            rule: self.chain.rule,
            hop: self.wish.hop + 1,
            via: Arc::clone(&self.wish.via),
            cascade: false,
            trigger: Some(self.wish.target.clone()),
        });
    }
}
