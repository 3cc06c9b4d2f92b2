//! Which conditions, and which parts of them, are true of every write, or of none.

use super::Subject;
use crate::check::RuleSet;
use crate::check::condition::Condition;
use crate::check::ruleset::{EntityId, Rule, RuleId, Trigger};
use crate::decide::regex::{Reach, reach};
use crate::decide::{self, Undecided, Verdict};
use crate::span::{Sources, Span};
use crate::syntax::ast::{Expr, ExprKind};

/// What can be said of the condition of one rule.
pub struct Truths<'a> {
    pub rule: RuleId,
    pub when: &'a Expr,
    pub whole: Whole,
    /// The parts that are constant though the whole is not, or that make it so. A part of one of
    /// these is not among them.
    pub parts: Vec<ConstantPart>,
}

/// Of which writes a condition is true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whole {
    /// Some, and not of others.
    Some,
    Never,
    /// Of none of these entities' writes, though of others that fire the rule.
    NeverOf(Vec<EntityId>),
    Always,
    Undecided(String),
}

/// An operand of `and` or `or` that might as well not be there, or that decides the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConstantPart {
    pub span: Span,
    pub truth: bool,
    /// How to take it out, where it stands beside other operands: what to remove.
    pub removal: Option<Span>,
    /// Whether it is a regex that matches nothing, or everything, which is a finding of its own.
    pub by_regex: bool,
    /// Whether taking it out is the same for writes that leave values out too.
    pub is_safe: bool,
}

/// For every rule whose condition, or a part of it, is not true of some writes and false of others, in the
/// order in which they were written.
pub fn all<'a>(subject: &Subject<'a>) -> Vec<Truths<'a>> {
    let rules = subject.rules;
    let mut out = Vec::new();
    for (index, rule) in rules.rules().iter().enumerate() {
        let rule_id = RuleId::at(index);
        let Some(when) = subject.rule(rule_id).when.as_ref() else { continue };
        let views = views(rules, rule);
        if views.is_empty() {
            continue;
        }
        let whole = whole(&views);
        let mut parts = Vec::new();
        if !matches!(whole, Whole::Undecided(_)) {
            let nodes: Vec<&Condition> = views.iter().map(|v| v.condition).collect();
            let walk = Walk { sources: rules.sources(), views: &views };
            walk.inside(when, &nodes, true, &mut parts);
        }
        if whole != Whole::Some || !parts.is_empty() {
            out.push(Truths { rule: rule_id, when, whole, parts });
        }
    }
    out
}

/// A condition as one entity's writes, or tags, meet it.
struct View<'a> {
    entity: Option<EntityId>,
    subject: decide::Subject<'a>,
    condition: &'a Condition,
}

fn views<'a>(rules: &'a RuleSet, rule: &'a Rule) -> Vec<View<'a>> {
    match &rule.trigger {
        Trigger::Writes(triggers) => triggers
            .iter()
            .filter_map(|t| {
                let subject = decide::Subject::writes(rules, t.entity, &t.operations);
                Some(View { entity: Some(t.entity), subject, condition: t.condition.as_ref()? })
            })
            .collect(),
        Trigger::Tags(trigger) => {
            let subject = decide::Subject::tags(rules, trigger);
            let view = |condition| View { entity: None, subject, condition };
            trigger.condition.as_deref().map(view).into_iter().collect()
        }
    }
}

fn whole(views: &[View<'_>]) -> Whole {
    let mut never = Vec::new();
    let mut always = 0;
    for view in views {
        match constant(&view.subject, view.condition) {
            Ok(Some(false)) => never.push(view.entity),
            Ok(Some(true)) => always += 1,
            Ok(None) => {}
            Err(why) => return Whole::Undecided(why.to_string()),
        }
    }
    match (never.len(), always) {
        (n, _) if n == views.len() => Whole::Never,
        (_, n) if n == views.len() => Whole::Always,
        (0, _) => Whole::Some,
        _ => Whole::NeverOf(never.into_iter().flatten().collect()),
    }
}

/// The truth that the condition has of every write, if it has one.
fn constant(subject: &decide::Subject<'_>, condition: &Condition) -> Result<Option<bool>, Undecided> {
    match subject.satisfiable(condition, true) {
        Verdict::No => return Ok(Some(false)),
        Verdict::Yes(_) => {}
        Verdict::Undecided(why) => return Err(why),
    }
    match subject.satisfiable(condition, false) {
        Verdict::No => Ok(Some(true)),
        Verdict::Yes(_) => Ok(None),
        Verdict::Undecided(why) => Err(why),
    }
}

struct Walk<'w, 'a> {
    sources: &'w Sources,
    views: &'w [View<'a>],
}

impl Walk<'_, '_> {
    /// Looks at the operands of an expression; `nodes` are what it became for each view, `positive`
    /// whether it stands below an even number of `not`.
    fn inside(&self, expr: &Expr, nodes: &[&Condition], positive: bool, out: &mut Vec<ConstantPart>) {
        let (operands, is_and) = match &expr.kind {
            ExprKind::And(list) => (list, true),
            ExprKind::Or(list) => (list, false),
            ExprKind::Not(inner) => {
                let nodes: Option<Vec<&Condition>> = nodes
                    .iter()
                    .map(|node| match node {
                        Condition::Not(inner) => Some(&**inner),
                        _ => None,
                    })
                    .collect();
                if let Some(nodes) = nodes {
                    self.inside(inner, &nodes, !positive, out);
                }
                return;
            }
            _ => return,
        };
        for (index, operand) in operands.iter().enumerate() {
            let below: Option<Vec<&Condition>> = nodes
                .iter()
                .map(|node| match node {
                    Condition::And(list) | Condition::Or(list) => list.get(index),
                    _ => None,
                })
                .collect();
            let Some(below) = below else { return };
            match self.constant(&below) {
                Some(truth) => out.push(ConstantPart {
                    span: operand.span,
                    truth,
                    removal: self.removal(operands, index, is_and),
                    by_regex: is_degenerate(operand),
                    // What is left out of a write leaves the part unknown: then the rule fires. It
                    // still does without the part where that could only have kept it from being sure.
                    is_safe: positive && is_and && truth,
                }),
                None => self.inside(operand, &below, positive, out),
            }
        }
    }

    /// The truth that a part has of every write that fires the rule.
    fn constant(&self, nodes: &[&Condition]) -> Option<bool> {
        let mut found = None;
        for (view, node) in self.views.iter().zip(nodes) {
            let truth = constant(&view.subject, node).ok()??;
            if *found.get_or_insert(truth) != truth {
                return None;
            }
        }
        found
    }

    /// The text of an operand with the connective beside it, unless parentheses or comments stand there.
    fn removal(&self, operands: &[Expr], index: usize, is_and: bool) -> Option<Span> {
        let own = operands[index].span;
        let word = if is_and { "and" } else { "or" };
        let between = |a: Span, b: Span| {
            let gap = Span { file: own.file, start: a.end, end: b.start };
            self.sources.text(gap).trim() == word
        };
        match (index.checked_sub(1).map(|i| operands[i].span), operands.get(index + 1).map(|e| e.span)) {
            (Some(before), _) if between(before, own) => Some(Span { start: before.end, ..own }),
            (None, Some(after)) if between(own, after) => Some(Span { end: after.start, ..own }),
            _ => None,
        }
    }
}

fn is_degenerate(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Matches { regex, .. } => {
            matches!(reach(&regex.node), Ok(Reach::Nothing | Reach::Everything))
        }
        _ => false,
    }
}
