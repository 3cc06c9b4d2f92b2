//! Rules: what fires them, when, and what they drop.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::conditions::{self, Names as ConditionNames};
use super::entities::{Entities, unknown_entity};
use super::errors::ErrorCount;
use super::names::{self, Names};
use super::ruleset::{
    Drop, Entity, EntityId, Follow, Operation, Operations, Relation, RelationId, Rule, TagPattern,
    TagSegment, TagTrigger, Trigger, WriteTrigger,
};
use super::template::Template;
use super::templates::{Holes, Scope, Target, check_template, holes_are_segments, tag_pattern};
use crate::diagnostic::{Code, Diagnostic, Fix, Label, nearest};
use crate::model::Pattern;
use crate::span::{Sources, Span};
use crate::syntax::ast::{self, Event, Ident};

/// Templates and conditions of one rule at most, counted once for each of its entities: all of them
/// are checked against each.
const MAX_BINDINGS: usize = 100_000;

/// What every rule is checked against.
struct Context<'a> {
    names: &'a Names<'a>,
    table: &'a [Entity],
    by_name: &'a FxHashMap<String, EntityId>,
    relations: &'a [Relation],
    scope: &'a Scope<'a>,
    sources: &'a Sources,
    /// Lists of operations so far: rules by the thousand have the same ones.
    operations: RefCell<FxHashSet<Arc<[Operation]>>>,
}

impl Context<'_> {
    /// A list of these operations, one for all rules that have it.
    fn operations(&self, list: Vec<Operation>) -> Arc<[Operation]> {
        let mut lists = self.operations.borrow_mut();
        let known = lists.get(list.as_slice()).cloned();
        known.unwrap_or_else(|| {
            let list: Arc<[Operation]> = list.into();
            lists.insert(list.clone());
            list
        })
    }
}

/// Checks every rule; a rule with an error is left out.
pub fn check(
    names: &Names<'_>,
    entities: &Entities,
    relations: &[Relation],
    scope: &Scope<'_>,
    sources: &Sources,
    errors: &mut ErrorCount,
    findings: &mut Vec<Diagnostic>,
) -> Vec<Rule> {
    let Entities { table, by_name, .. } = entities;
    let context =
        Context { names, table, by_name, relations, scope, sources, operations: RefCell::default() };
    let mut out = Vec::with_capacity(names.rules.len());
    for (item, written) in &names.rules {
        out.extend(rule(&item.attrs.doc, written, &context, findings));
        if errors.is_exceeded(findings) {
            break;
        }
    }
    out
}

fn rule(doc: &str, written: &ast::Rule, cx: &Context<'_>, findings: &mut Vec<Diagnostic>) -> Option<Rule> {
    let defaults = &cx.names.defaults;
    let priority = written.priority.as_ref().map_or(defaults.priority, |p| names::priority(p, findings));
    let delay = written.delay.as_ref().map_or(defaults.delay, |d| names::delay(d, findings));
    let word = match &written.strategy {
        // `strategy cascade` alone says nothing of timing.
        Some(s) => s.node.timing.unwrap_or(ast::TimingWord::Immediate),
        None => defaults.timing,
    };
    let timing = names::timing(word, delay);
    if let Some(delay) = written.delay.as_ref().filter(|_| word != ast::TimingWord::Batched) {
        findings.push(
            Diagnostic::at(
                Code::BadRule,
                delay.span,
                "only a batched rule has a delay",
                format!("this rule is {}", timing.word()),
            )
            .help("write `strategy batched`, or leave out the delay"),
        );
        if let (Some(finding), Some(strategy)) = (findings.last_mut(), &written.strategy) {
            finding.secondary.push(Label { span: strategy.span, text: "here".to_owned() });
        }
    }
    let cascade = written.strategy.as_ref().map_or(defaults.cascade, |s| s.node.cascade);
    let chained = match events(written, findings)? {
        Events::Writes(events) => {
            let follow = follow(written, cascade, cx, findings);
            let triggers = write_triggers(&events, written, cx, findings);
            let entities: Vec<EntityId> = triggers.iter().map(|t| t.entity).collect();
            let drops = drops(written, &entities, &Holes::default(), cx, findings);
            return Some(finish(doc, written, Trigger::Writes(triggers), priority, timing, follow, drops));
        }
        Events::Tags(events) => events,
    };
    refuse_in_chained(written, findings);
    let mut holes = Holes::default();
    let patterns: Vec<TagPattern> = chained
        .iter()
        .filter_map(|(template, _)| tag_pattern(template, cx.scope, &mut holes, findings))
        .collect();
    same_holes(&patterns, &chained, holes.names(), findings);
    let condition = written.when.as_ref().and_then(|when| {
        conditions::check(when, &ConditionNames::Holes(&holes), cx.scope, cx.table, cx.sources, findings)
            .map(Box::new)
    });
    let drops = drops(written, &[], &holes, cx, findings);
    refuse_growth(&drops, findings);
    let trigger =
        Trigger::Tags(TagTrigger { holes: holes.into_names().into(), patterns: patterns.into(), condition });
    Some(finish(doc, written, trigger, priority, timing, Follow::Nothing, drops))
}

fn finish(
    doc: &str,
    written: &ast::Rule,
    trigger: Trigger,
    priority: u16,
    timing: crate::model::Timing,
    follow: Follow,
    drops: Vec<Drop>,
) -> Rule {
    Rule {
        name: written.name.text.to_string(),
        doc: doc.to_owned(),
        trigger,
        priority,
        timing,
        follow,
        drops,
        span: written.span,
        name_span: written.name.span,
    }
}

enum Events<'a> {
    Writes(Vec<(&'a Ident, Option<&'a Ident>)>),
    Tags(Vec<(&'a ast::Template, Span)>),
}

/// The rule's events, which are of one sort.
fn events<'a>(written: &'a ast::Rule, findings: &mut Vec<Diagnostic>) -> Option<Events<'a>> {
    let mut writes = Vec::new();
    let mut tags = Vec::new();
    for event in &written.events {
        match event {
            Event::Entity { entity, operation } => writes.push((entity, operation.as_ref())),
            Event::Tag { template, span } => tags.push((template, *span)),
        }
    }
    match (writes.first(), tags.first()) {
        (Some((entity, _)), Some((_, tag))) => {
            findings.push(
                Diagnostic::at(
                    Code::BadRule,
                    *tag,
                    "a rule cannot be fired by both writes and tags",
                    "a tag",
                )
                .also(entity.span, "a write")
                .help(
                    "write two rules: the holes of a tag are unknown to a write, and a write's row to a tag",
                ),
            );
            None
        }
        (None, None) => {
            findings.push(
                Diagnostic::at(
                    Code::BadRule,
                    written.name.span,
                    format!("rule `{}` says nothing of what fires it", written.name.text),
                    "",
                )
                .help("write `on ENTITY`, `on ENTITY.OPERATION` or `on tag \"…\"`"),
            );
            None
        }
        (Some(_), None) => Some(Events::Writes(writes)),
        (None, Some(_)) => Some(Events::Tags(tags)),
    }
}

/// The rule's entities with their operations; the condition is typed against each.
fn write_triggers(
    events: &[(&Ident, Option<&Ident>)],
    written: &ast::Rule,
    cx: &Context<'_>,
    findings: &mut Vec<Diagnostic>,
) -> Vec<WriteTrigger> {
    // The entities with their operations; none for all of them.
    let mut named: Vec<(EntityId, Option<Vec<Operation>>)> = Vec::new();
    let mut places: FxHashMap<EntityId, usize> = FxHashMap::default();
    let mut seen: FxHashSet<(EntityId, &str)> = FxHashSet::default();
    for (name, operation) in events {
        let Some(entity) = cx.by_name.get(name.text.as_str()).copied() else {
            findings.extend(unknown_entity(name, cx.names));
            continue;
        };
        let operation = match operation {
            None => None,
            Some(op) => {
                let declared = &cx.table[entity.index()].operations;
                if !cx.table[entity.index()].has_operation(&op.text) {
                    let declared =
                        declared.iter().take(cx.names.suggestions(declared.len())).map(String::as_str);
                    let all: Vec<&str> = Operation::BUILT_IN.into_iter().chain(declared).collect();
                    findings.push(
                        Diagnostic::at(
                            Code::UnknownName,
                            op.span,
                            format!("`{}` has no operation `{}`", name.text, op.text),
                            "not declared",
                        )
                        .did_you_mean(&op.text, op.span, all.iter().copied(), "it has")
                        .maybe_help(
                            nearest(&op.text, all.iter().copied())
                                .is_none()
                                .then(|| format!("declare it: `operations {{ {} }}`", op.text)),
                        ),
                    );
                    continue;
                }
                if !seen.insert((entity, &op.text)) {
                    continue;
                }
                Some(Operation::named(&op.text))
            }
        };
        match (places.get(&entity).map(|at| &mut named[*at]), operation) {
            (Some(trigger), None) => trigger.1 = None,
            (Some(trigger), Some(operation)) => {
                if let Some(list) = &mut trigger.1 {
                    list.push(operation);
                }
            }
            (None, operation) => {
                places.insert(entity, named.len());
                named.push((entity, operation.map(|op| vec![op])));
            }
        }
    }
    // Collected anew, because a vector that has grown has room for four at least.
    let trigger = |(entity, list): (EntityId, Option<Vec<Operation>>)| WriteTrigger {
        entity,
        operations: list.map_or(Operations::All, |list| Operations::Some(cx.operations(list))),
        condition: None,
    };
    let mut out: Vec<WriteTrigger> = Vec::with_capacity(named.len());
    out.extend(named.into_iter().map(trigger));
    let condition = written.when.as_ref().map_or(0, |when| when.span.range().len() / 16);
    if out.len() * (written.drops.len() + condition) > MAX_BINDINGS {
        let message = format!(
            "what rule `{}` drops, for each of its {} entities, is more than {MAX_BINDINGS} templates",
            written.name.text,
            out.len()
        );
        findings.push(
            Diagnostic::at(Code::TooLarge, written.name.span, message, "")
                .help("write a rule for each kind of entity"),
        );
        return Vec::new();
    }
    if let Some(when) = &written.when {
        let entities: Vec<EntityId> = out.iter().map(|t| t.entity).collect();
        for trigger in &mut out {
            let names = ConditionNames::Rows { entity: trigger.entity, all: &entities };
            trigger.condition = conditions::check(when, &names, cx.scope, cx.table, cx.sources, findings);
        }
    }
    out
}

fn follow(written: &ast::Rule, cascade: bool, cx: &Context<'_>, findings: &mut Vec<Diagnostic>) -> Follow {
    let Some(follow) = &written.follow else {
        return if cascade { Follow::All } else { Follow::Nothing };
    };
    let mut out: Vec<RelationId> = Vec::new();
    let mut seen: FxHashSet<RelationId> = FxHashSet::default();
    for name in &follow.node {
        if name.text == "all" {
            if follow.node.len() > 1 {
                findings.push(
                    Diagnostic::at(Code::BadRule, name.span, "`all` stands beside other relations", "")
                        .help("write `follow all` alone, or only the relations that are meant"),
                );
            }
            return Follow::All;
        }
        match cx.names.relation_names.get(name.text.as_str()) {
            Some(id) if !seen.insert(*id) => {
                findings.push(
                    Diagnostic::at(
                        Code::DuplicateName,
                        name.span,
                        format!("`{}` is followed twice", name.text),
                        "",
                    )
                    .fix(Fix::safe("remove the second one", name.span, "")),
                );
            }
            Some(id) => out.push(*id),
            None => findings.push(
                Diagnostic::at(
                    Code::UnknownName,
                    name.span,
                    format!("unknown relation `{}`", name.text),
                    "not declared",
                )
                .did_you_mean(
                    &name.text,
                    name.span,
                    cx.relations
                        .iter()
                        .take(cx.names.suggestions(cx.relations.len()))
                        .map(|r| r.name.as_str()),
                    "relations",
                ),
            ),
        }
    }
    out.sort_unstable();
    Follow::Some(out)
}

/// The drops, bound against every entity of the rule, or against the holes of its trigger.
fn drops(
    written: &ast::Rule,
    entities: &[EntityId],
    holes: &Holes,
    cx: &Context<'_>,
    findings: &mut Vec<Diagnostic>,
) -> Vec<Drop> {
    let chained = matches!(written.events.first(), Some(Event::Tag { .. }));
    if written.drops.is_empty() {
        if chained {
            findings.push(
                Diagnostic::at(
                    Code::MissingDrop,
                    written.name.span,
                    format!("rule `{}` says nothing to drop", written.name.text),
                    "",
                )
                .help("a rule on a tag has no `self`: write `drop tag \"…\"`, `drop key \"…\"` or `drop match \"…\"`"),
            );
            return Vec::new();
        }
        return vec![Drop::Itself];
    }
    let bind =
        |template: &ast::Template, target: Target, findings: &mut Vec<Diagnostic>| -> Option<Template> {
            if chained {
                return check_template(template, target, cx.scope, cx.table, None, holes, findings);
            }
            let mut out = None;
            for entity in entities {
                out = check_template(template, target, cx.scope, cx.table, Some(*entity), holes, findings);
                out.as_ref()?;
            }
            out
        };
    let mut out = Vec::new();
    for drop in &written.drops {
        match drop {
            ast::Drop::Itself(span) if chained => findings.push(
                Diagnostic::at(
                    Code::BadRule,
                    *span,
                    "a rule on a tag has no `self`",
                    "no row was written here",
                )
                .help("name what to drop: `drop tag \"…\"`"),
            ),
            ast::Drop::Itself(_) => out.push(Drop::Itself),
            ast::Drop::Tag(t) => out.extend(bind(t, Target::DropTag, findings).map(Drop::Tag)),
            ast::Drop::Key(t) => out.extend(bind(t, Target::DropKey, findings).map(Drop::Key)),
            ast::Drop::Match(t) => out.extend(bind(t, Target::DropMatch, findings).map(Drop::Match)),
            ast::Drop::Regex(regex) => match Pattern::regex(cx.scope.prefix(), &regex.node) {
                Ok(pattern) => out.push(Drop::Regex(Box::new(pattern))),
                Err(error) => findings.push(bad_regex(regex.span, &error.to_string())),
            },
        }
    }
    out.shrink_to_fit();
    out
}

/// A regex that does not compile.
pub fn bad_regex(span: Span, why: &str) -> Diagnostic {
    Diagnostic::at(Code::BadLiteral, span, format!("this is no regex: {why}"), "")
        .help("the syntax is that of Rust's regex crate: no look-around, no back-references")
}

/// Clauses that need a written row.
fn refuse_in_chained(written: &ast::Rule, findings: &mut Vec<Diagnostic>) {
    let cascade = written.strategy.as_ref().filter(|s| s.node.cascade).map(|s| s.span);
    for (span, what) in [(written.follow.as_ref().map(|f| f.span), "follow"), (cascade, "cascade")] {
        if let Some(span) = span {
            findings.push(
                Diagnostic::at(
                    Code::BadRule,
                    span,
                    format!("a rule on a tag cannot {what}"),
                    "no row was written here",
                )
                .help("cascade in the rule that drops the tag"),
            );
        }
    }
}

/// Every pattern of one rule must bind the same holes.
fn same_holes(
    patterns: &[TagPattern],
    events: &[(&ast::Template, Span)],
    holes: &[String],
    findings: &mut Vec<Diagnostic>,
) {
    if patterns.len() != events.len() {
        return;
    }
    for (pattern, (_, span)) in patterns.iter().zip(events) {
        let bound: BTreeSet<usize> = pattern
            .segments
            .iter()
            .filter_map(|segment| match segment {
                TagSegment::Hole(index) => Some(*index),
                TagSegment::Literal(_) => None,
            })
            .collect();
        let gap = bound.iter().enumerate().find(|(place, index)| place != *index).map(|(place, _)| place);
        let missing = gap.unwrap_or(bound.len());
        if missing < holes.len() {
            findings.push(
                Diagnostic::at(
                    Code::UnboundHole,
                    *span,
                    format!("this trigger has no hole `{{{}}}`, which another one has", holes[missing]),
                    "",
                )
                .help("give every trigger of the rule the same holes, or write two rules"),
            );
        }
    }
}

/// A chained drop whose hole is part of a segment could make an ever longer tag that fires it again.
fn refuse_growth(drops: &[Drop], findings: &mut Vec<Diagnostic>) {
    for drop in drops {
        if let Drop::Tag(template) = drop
            && !holes_are_segments(template)
        {
            findings.push(
                Diagnostic::at(
                    Code::BadTemplate,
                    template.span(),
                    "a hole of a chained `drop tag` must be a whole segment",
                    "",
                )
                .help("otherwise a chain of rules could grow a tag for ever"),
            );
        }
    }
}
