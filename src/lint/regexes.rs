//! Every regex of the rules, with where it stands.

use super::Subject;
use crate::check::ruleset::RuleId;
use crate::decide::Undecided;
use crate::decide::regex::{Reach, reach};
use crate::span::{Span, Spanned};
use crate::syntax::ast::{Drop, Expr, ExprKind};

/// A regex as it was written, with its slashes.
pub struct Written<'a> {
    pub rule: RuleId,
    /// Without the slashes.
    pub regex: &'a Spanned<String>,
    pub place: Place<'a>,
    /// Of which texts it finds something.
    pub reach: Result<Reach, Undecided>,
}

/// What a regex is for.
pub enum Place<'a> {
    /// A value of a write is held against it.
    Condition { value: Span, whole: &'a Expr, negated: bool },
    /// Live keys are, without the namespace.
    Drop,
}

/// All regexes, in the order in which they were written.
pub fn all<'a>(subject: &Subject<'a>) -> Vec<Written<'a>> {
    let mut out = Vec::new();
    for index in 0..subject.rules.rules().len() {
        let rule = RuleId::at(index);
        let written = subject.rule(rule);
        if let Some(when) = &written.when {
            of_condition(rule, when, &mut out);
        }
        for drop in &written.drops {
            if let Drop::Regex(regex) = drop {
                out.push(Written { rule, regex, place: Place::Drop, reach: reach(&regex.node) });
            }
        }
    }
    out
}

fn of_condition<'a>(rule: RuleId, expr: &'a Expr, out: &mut Vec<Written<'a>>) {
    match &expr.kind {
        ExprKind::And(all) | ExprKind::Or(all) => all.iter().for_each(|e| of_condition(rule, e, out)),
        ExprKind::Not(inner) => of_condition(rule, inner, out),
        ExprKind::Matches { value, regex, negated } => {
            let place = Place::Condition { value: value.span(), whole: expr, negated: *negated };
            out.push(Written { rule, regex, place, reach: reach(&regex.node) });
        }
        _ => {}
    }
}
