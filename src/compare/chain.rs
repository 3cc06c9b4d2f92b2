//! Chained rules: what tags with holes fire, to a fixpoint.

use std::collections::BTreeSet;

use super::conditions::{flatten, of_one_image, substitute};
use super::effect::{Effect, Side};
use super::maker::{Maker, kind_of};
use super::name::{Name, Segment};
use super::same::{Element, Equal, equal_text};
use crate::check::condition::{Condition, Image, Operand};
use crate::check::ruleset::{Drop, Rule, TagPattern, TagSegment, TagTrigger, Trigger};
use crate::check::walk::Binding;
use crate::decide::Kind;
use crate::model::{Value, unescape};
use crate::plan::StepKind;

/// Adds what chained rules drop because of the tags that are dropped already.
pub fn fire(side: &Side<'_>, out: &mut Vec<Effect>, most: usize) -> Result<(), String> {
    let chained: Vec<(&Rule, &TagTrigger)> = side
        .rules
        .rules()
        .iter()
        .filter_map(|rule| match &rule.trigger {
            Trigger::Tags(trigger) => Some((rule, trigger)),
            Trigger::Writes(_) => None,
        })
        .collect();
    if chained.is_empty() {
        return Ok(());
    }
    let mut known: BTreeSet<(String, String, BTreeSet<String>)> = BTreeSet::new();
    let mut at = 0;
    while at < out.len() {
        let effect = out[at].clone();
        at += 1;
        if effect.kind != StepKind::Tag {
            continue;
        }
        for (rule, trigger) in &chained {
            for pattern in &trigger.patterns {
                let Some(matched) = matches(side, &effect.own, pattern, trigger.holes.len()) else {
                    continue;
                };
                for fired in run(side, &effect, rule, trigger, &matched) {
                    let key = (
                        rule.name.clone(),
                        format!("{:?}{}", fired.kind, fired.own.key()),
                        fired.keys.clone(),
                    );
                    if known.insert(key) {
                        out.push(fired);
                    }
                }
                if out.len() > most {
                    return Err(format!("chained rules fire in more than {most} ways"));
                }
            }
        }
    }
    Ok(())
}

/// A tag that may fire a chained rule.
#[derive(Default)]
struct Match {
    /// What the holes of the trigger hold.
    bound: Vec<Segment>,
    /// What must hold for that.
    equal: Vec<Condition>,
    elements: Vec<Element>,
    doubt: Option<String>,
}

impl Match {
    fn add(&mut self, equal: Equal) -> Option<()> {
        match equal {
            Equal::Never => return None,
            Equal::If(conditions) => self.equal.extend(conditions),
            Equal::Element(conditions, elements) => {
                self.equal.extend(conditions);
                self.elements.extend(elements);
                self.doubt = Some("it hangs on what a list holds".to_owned());
            }
            Equal::Maybe => self.doubt = Some("it hangs on how values are written".to_owned()),
        }
        Some(())
    }
}

/// `None` where the tag never matches.
fn matches(side: &Side<'_>, name: &Name, pattern: &TagPattern, holes: usize) -> Option<Match> {
    let wanted = match (side.rules.namespace(), pattern.segments.split_first()) {
        (Some(namespace), Some((TagSegment::Literal(first), rest))) if first == namespace => rest,
        _ => &pattern.segments,
    };
    if wanted.len() != name.0.len() {
        return None;
    }
    let mut out = Match::default();
    let mut bound: Vec<Option<Segment>> = vec![None; holes];
    for (segment, wanted) in name.0.iter().zip(wanted) {
        match wanted {
            TagSegment::Literal(text) => {
                let text = Segment { before: text.clone(), ..Segment::default() };
                out.add(equal_text(side.subject, segment, &text))?;
            }
            TagSegment::Hole(at) => match &bound[*at] {
                None => bound[*at] = Some(segment.clone()),
                Some(earlier) => out.add(equal_text(side.subject, earlier, segment))?,
            },
        }
    }
    out.bound = bound.into_iter().map(Option::unwrap_or_default).collect();
    Some(out)
}

/// What one chained rule drops, fired by one tag.
fn run(side: &Side<'_>, effect: &Effect, rule: &Rule, trigger: &TagTrigger, matched: &Match) -> Vec<Effect> {
    let bound = matched.bound.as_slice();
    let mut doubt = effect.doubt.clone().or_else(|| matched.doubt.clone());
    let mut guards = effect.guards.clone();
    if let Some(condition) = &trigger.condition {
        let carried = substitute(condition, &|operand| match operand {
            Operand::Trigger(at) => held(side, bound.get(*at)?),
            Operand::Context(id) => (side.context)(*id).map(Operand::Context),
            other => Some(other.clone()),
        });
        match carried {
            Some(condition) => {
                let condition = if side.has_one_image() { of_one_image(&condition) } else { condition };
                let mut parts = Vec::new();
                flatten(condition, &mut parts);
                guards.extend(parts);
            }
            None => doubt = doubt.or_else(|| Some(format!("of what the holes of rule `{}` hold", rule.name))),
        }
    }
    let mut out = Vec::new();
    for drop in &rule.drops {
        let (kind, template) = match drop {
            Drop::Itself | Drop::Regex(_) => (StepKind::Match, None),
            Drop::Tag(template) => (StepKind::Tag, Some(template)),
            Drop::Key(template) => (StepKind::Key, Some(template)),
            Drop::Match(template) => (StepKind::Match, Some(template)),
        };
        let start = Binding::start();
        let (names, present, text, more) = match (drop, template) {
            (_, Some(template)) => {
                let maker = Maker {
                    side,
                    binding: &start,
                    image: Image::New,
                    lists: &[],
                    trigger: bound,
                    glob: kind == StepKind::Match,
                };
                let Some(made) = maker.names(template, side.rules, side.context) else { continue };
                (made.names, made.present, template.text().to_owned(), made.doubt)
            }
            (Drop::Regex(pattern), None) => {
                let text = pattern.as_str();
                let bare = text.strip_prefix(&side.rules.prefix()).unwrap_or(text);
                let segment = Segment { before: bare.to_owned(), ..Segment::default() };
                (vec![Name(vec![segment])], Vec::new(), text.to_owned(), None)
            }
            _ => continue,
        };
        for name in names {
            // The lists that the tag is made of may be empty, and the name does not say so.
            let lost = effect.own.holes().any(|hole| hole.list && !name.holes().any(|h| h == hole));
            let lost = lost.then(|| "a list may be empty".to_owned());
            let mut fired = Effect {
                kind,
                own: name.clone(),
                name,
                template: text.clone(),
                timing: rule.timing,
                priority: rule.priority,
                guards: guards.clone(),
                holds: effect.holds.clone(),
                keys: BTreeSet::new(),
                elements: effect.elements.iter().chain(&matched.elements).cloned().collect(),
                doubt: doubt.clone().or_else(|| more.clone()).or(lost),
            };
            fired.hold(matched.equal.iter().chain(&present).cloned());
            out.push(fired);
        }
    }
    out
}

/// What a hole of the trigger holds, for a condition; `None` where it is no plain text.
fn held(side: &Side<'_>, segment: &Segment) -> Option<Operand> {
    let Some(hole) = &segment.hole else {
        return Some(Operand::Literal(Value::text(unescape(&segment.before))));
    };
    let is_alone = segment.before.is_empty() && segment.after.is_empty();
    let operand = hole.operand();
    let kind = kind_of(&operand, side.subject);
    (is_alone && matches!(kind, Some(Kind::Text | Kind::Id | Kind::RowId))).then_some(operand)
}
