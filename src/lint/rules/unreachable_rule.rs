//! W203: a chained rule waits for a tag that nobody drops.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::flow::{Flow, NameId, Space, View};
use super::super::{Lint, Subject};
use crate::check::ruleset::{RuleId, TagPattern, TagSegment, TagTrigger, Trigger};
use crate::check::shape::Shape;
use crate::check::template::Template;
use crate::diagnostic::{Code, Diagnostic, Fix, nearest, quoted_list};
use crate::syntax::ast::{self, Event};

pub const LINT: Lint = Lint { code: Code::UnreachableRule, check };

/// Findings with a proposal at most; each of them looks at every tag that is dropped.
const MAX_PROPOSALS: usize = 100;

/// What a trigger waits for.
struct Wait<'a> {
    rule: RuleId,
    pattern: &'a TagPattern,
    /// The tags and lists that rules drop and that match it.
    met: Vec<NameId>,
    /// More tags could match it than were looked at.
    open: bool,
}

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    let waits = waits(subject);
    if waits.is_empty() {
        return;
    }
    let alive = alive(subject, &waits);
    let fires = |wait: &Wait<'_>| wait.open || wait.met.iter().any(|name| alive.contains(name));
    let mut proposals: Option<Vec<Proposal>> = None;
    let mut at = 0;
    let mut proposed = 0;
    while at < waits.len() {
        let rule = waits[at].rule;
        let end = at + waits[at..].iter().take_while(|w| w.rule == rule).count();
        let of_rule = &waits[at..end];
        at = end;
        let dead: Vec<usize> = (0..of_rule.len()).filter(|i| !fires(&of_rule[*i])).collect();
        let Some(first) = dead.first() else { continue };
        proposed += 1;
        let proposals = (proposed <= MAX_PROPOSALS)
            .then(|| &**proposals.get_or_insert_with(|| self::proposals(subject, &alive)));
        findings.extend(finding(subject, of_rule, *first, &dead, proposals.unwrap_or_default()));
    }
}

/// The triggers of all chained rules, in the order in which they were written.
fn waits<'a>(subject: &Subject<'a>) -> Vec<Wait<'a>> {
    let flow = subject.flow();
    let mut out = Vec::new();
    for (index, rule) in subject.rules.rules().iter().enumerate() {
        let Trigger::Tags(trigger) = &rule.trigger else { continue };
        for pattern in &trigger.patterns {
            let found = flow.meeting(pattern);
            let met = found.meeting.iter().map(|(name, _)| *name).collect();
            out.push(Wait { rule: RuleId::at(index), pattern, met, open: !found.complete });
        }
    }
    out
}

/// The tags and lists that some plan holds: those that writes drop, and those of chained rules that
/// one of these fires.
fn alive(subject: &Subject<'_>, waits: &[Wait<'_>]) -> FxHashSet<NameId> {
    let flow = subject.flow();
    let is_chained = |name: NameId| matches!(flow.name(name).view, View::Trigger(_));
    // What a write may drop is alive; every name has one view.
    let mut alive: FxHashSet<NameId> = flow
        .names()
        .filter(|(id, name)| name.space == Space::Tag && !is_chained(*id))
        .map(|(id, _)| id)
        .collect();
    let mut waiting: FxHashMap<NameId, Vec<RuleId>> = FxHashMap::default();
    let mut fired: FxHashSet<RuleId> = FxHashSet::default();
    let mut open: Vec<RuleId> = Vec::new();
    for wait in waits {
        if wait.open || wait.met.iter().any(|name| alive.contains(name)) {
            open.push(wait.rule);
        }
        for name in wait.met.iter().filter(|name| is_chained(**name)) {
            waiting.entry(*name).or_default().push(wait.rule);
        }
    }
    while let Some(rule) = open.pop() {
        if !fired.insert(rule) {
            continue;
        }
        for firing in flow.of_rule(rule) {
            for drop in flow.drops(flow.firing(firing)) {
                if flow.name(drop.name).space == Space::Tag && alive.insert(drop.name) {
                    open.extend(waiting.get(&drop.name).into_iter().flatten());
                }
            }
        }
    }
    alive
}

fn finding(
    subject: &Subject<'_>,
    of_rule: &[Wait<'_>],
    first: usize,
    dead: &[usize],
    proposals: &[Proposal],
) -> Option<Diagnostic> {
    let wait = &of_rule[first];
    let rule = subject.rules.rule(wait.rule);
    let Trigger::Tags(trigger) = &rule.trigger else { return None };
    let written = triggers(subject.rule(wait.rule));
    let template = *written.get(first)?;
    let prefix = subject.rules.prefix();
    let text = |w: &Wait<'_>| w.pattern.text.strip_prefix(&*prefix).unwrap_or(&w.pattern.text).to_owned();
    let what = if dead.len() == of_rule.len() {
        format!("`{}` never fires", rule.name)
    } else {
        format!("this trigger of `{}` never fires", rule.name)
    };
    let circle = !wait.met.is_empty();
    let why = if circle {
        format!("only rules that never fire drop `{}`", text(wait))
    } else {
        format!("no rule drops a tag or list like `{}`", text(wait))
    };
    let label = if circle { "nothing starts it" } else { "nothing matches it" };
    let mut out = Diagnostic::at(Code::UnreachableRule, template.span, format!("{what}: {why}"), label);
    for index in &dead[1..] {
        if let Some(other) = written.get(*index) {
            out = out.also(other.span, "nor this");
        }
    }
    if circle {
        let flow = subject.flow();
        let feeders: Vec<&str> = wait
            .met
            .iter()
            .filter_map(|name| match flow.name(*name).view {
                View::Trigger(rule) => Some(subject.rules.rule(rule).name.as_str()),
                View::Row(_) => None,
            })
            .collect();
        return Some(out.help(format!(
            "such a tag is dropped by {} alone; drop it in a rule on writes, or remove these rules",
            quoted_list(&feeders)
        )));
    }
    if let Some(carrier) = carrier(subject, wait) {
        let (entity, template) = carrier;
        out = out.also(template.span(), format!("entries of `{entity}` carry it, but no rule drops it"));
        return Some(out.help(format!("write a rule `on {entity}`, or one whose cascade reaches it")));
    }
    let skeleton = skeleton_of(wait.pattern);
    let near = nearest(&skeleton, proposals.iter().map(|p| p.skeleton.as_str()));
    let Some(near) = near.and_then(|near| proposals.iter().find(|p| p.skeleton == near)) else {
        return Some(out.help(said(proposals)));
    };
    let out = out.help(format!("did you mean `{}`?", near.text));
    Some(match in_holes_of(&near.shape, wait.pattern, trigger, &prefix) {
        Some(text) => {
            let title = format!("wait for `{text}`");
            out.fix(Fix::guess(title, template.span, format!("\"{text}\"")))
        }
        None => out,
    })
}

fn triggers(written: &ast::Rule) -> Vec<&ast::Template> {
    written
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Tag { template, .. } => Some(template),
            Event::Entity { .. } => None,
        })
        .collect()
}

/// An entity whose entries carry such a tag.
fn carrier<'a>(subject: &Subject<'a>, wait: &Wait<'_>) -> Option<(&'a str, &'a Template)> {
    let shape = Shape::of_pattern(wait.pattern);
    let found = subject.flow().carried_tags().meeting(&shape);
    let (carried, _) = found.meeting.into_iter().next()?;
    let carried = subject.flow().carrying(carried);
    Some((&subject.rules.entity(carried.entity).name, carried.template))
}

/// A tag that can be waited for.
struct Proposal {
    /// As it was written.
    text: String,
    /// With `{}` for its holes.
    skeleton: String,
    shape: Rc<Shape>,
}

fn proposals(subject: &Subject<'_>, alive: &FxHashSet<NameId>) -> Vec<Proposal> {
    let flow: &Flow<'_> = subject.flow();
    let mut seen = FxHashSet::default();
    let mut out = Vec::new();
    for (id, name) in flow.names() {
        let (Some(shape), Some(template)) = (&name.shape, name.template) else { continue };
        if alive.contains(&id) {
            let pieces: Vec<&str> = shape.pieces().map(|p| p.unwrap_or("{}")).collect();
            let skeleton = pieces.join(":");
            if seen.insert(skeleton.clone()) {
                out.push(Proposal { text: template.text().to_owned(), skeleton, shape: shape.clone() });
            }
        }
    }
    out
}

fn skeleton_of(pattern: &TagPattern) -> String {
    let piece = |s: &TagSegment| match s {
        TagSegment::Literal(text) => text.clone(),
        TagSegment::Hole(_) => "{}".to_owned(),
    };
    pattern.segments.iter().map(piece).collect::<Vec<_>>().join(":")
}

/// What could be meant, where nothing is near.
fn said(proposals: &[Proposal]) -> String {
    let mut texts: Vec<&str> = proposals.iter().map(|p| p.text.as_str()).collect();
    texts.sort_unstable();
    match texts.len() {
        0 => "no rule drops any tag: write one that does".to_owned(),
        1..=8 => format!("rules drop {}", quoted_list(&texts)),
        n => format!("rules drop {} and {} more", quoted_list(&texts[..6]), n - 6),
    }
}

/// A tag's template with the holes of a trigger, where they stand in the same places.
fn in_holes_of(shape: &Shape, pattern: &TagPattern, trigger: &TagTrigger, prefix: &str) -> Option<String> {
    if shape.piece_count() != pattern.segments.len() {
        return None;
    }
    let piece = |(piece, segment): (Option<&str>, &TagSegment)| match (piece, segment) {
        (Some(text), TagSegment::Literal(_)) => (!text.contains(['"', '\\'])).then(|| text.to_owned()),
        (None, TagSegment::Hole(hole)) => Some(format!("{{{}}}", trigger.holes[*hole])),
        _ => None,
    };
    let pieces: Option<Vec<String>> = shape.pieces().zip(&pattern.segments).map(piece).collect();
    let text = pieces?.join(":");
    text.strip_prefix(prefix).map(str::to_owned)
}
