//! Conditions. The grammar parses a flat chain of operands and connectives, so that the mix of
//! `and` and `or` can be refused with both readings shown.

use super::cursor::Cursor;
use super::rule::regex;
use super::template::path;
use super::{Findings, literal, names};
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::ast::{Comparison, Expr, ExprKind, Value};
use crate::syntax::parser::{Node, Rule as R};

/// Bytes of a condition whose readings are shown.
const MAX_READING: usize = 2_000;

pub fn expr(node: &Node<'_>, findings: &mut Findings) -> Expr {
    let mut cursor = Cursor::of(node);
    let first = cursor.need(R::operand);
    let mut texts = vec![first.text().trim()];
    let mut operands = vec![operand(&first, findings)];
    let mut connectives = Vec::new();
    while let Some(connective) = cursor.take_any(&[R::kw_and, R::kw_or]) {
        let next = cursor.need(R::operand);
        texts.push(next.text().trim());
        operands.push(operand(&next, findings));
        connectives.push(connective);
    }
    let span = node.span();
    let Some(first) = connectives.first() else {
        return operands.swap_remove(0);
    };
    if let Some(other) = connectives.iter().find(|c| c.rule() != first.rule()) {
        let mixed = "`and` and `or` are mixed without parentheses";
        let found = Diagnostic::at(Code::Syntax, other.span(), mixed, "").also(first.span(), "");
        findings.push(if node.text().len() > MAX_READING {
            found.help("put parentheses around what belongs together")
        } else {
            let [left, right] = readings(&texts, &connectives);
            found.help(format!("write `{left}`")).help(format!("or `{right}`"))
        });
    }
    operands.shrink_to_fit();
    let kind = if first.rule() == R::kw_and { ExprKind::And(operands) } else { ExprKind::Or(operands) };
    Expr { kind, span }
}

/// The chain with `and` binding tighter, and with `or` binding tighter.
fn readings(texts: &[&str], connectives: &[Node<'_>]) -> [String; 2] {
    [R::kw_and, R::kw_or].map(|tight| {
        let mut groups: Vec<Vec<&str>> = vec![vec![texts[0]]];
        for (connective, text) in connectives.iter().zip(&texts[1..]) {
            match groups.last_mut() {
                Some(group) if connective.rule() == tight => group.push(text),
                _ => groups.push(vec![text]),
            }
        }
        let (inner, outer) = if tight == R::kw_and { (" and ", " or ") } else { (" or ", " and ") };
        let grouped: Vec<String> = groups
            .iter()
            .map(|group| match group.as_slice() {
                [one] => (*one).to_owned(),
                many => format!("({})", many.join(inner)),
            })
            .collect();
        grouped.join(outer)
    })
}

fn operand(node: &Node<'_>, findings: &mut Findings) -> Expr {
    let mut cursor = Cursor::of(node);
    let mut negations = 0;
    while cursor.take(R::kw_not).is_some() {
        negations += 1;
    }
    let inner = cursor.next_node();
    let mut out = match inner.rule() {
        R::lpar => expr(&cursor.need(R::expr), findings),
        R::changed => {
            let mut names_of = Cursor::of(&inner);
            names_of.skip(R::kw_changed).skip(R::lpar);
            Expr { kind: ExprKind::Changed(names(&mut names_of)), span: inner.span() }
        }
        _ => comparison(&inner, findings),
    };
    // An even number of negations is none: no tree deeper than the text needs.
    if negations % 2 == 1 {
        out = Expr { kind: ExprKind::Not(Box::new(out)), span: node.span() };
    }
    out
}

fn comparison(node: &Node<'_>, findings: &mut Findings) -> Expr {
    let mut cursor = Cursor::of(node);
    let left = value(&cursor.next_node(), findings);
    let span = node.span();
    if let Some(op) = cursor.take_any(&[R::cmp]).map(|n| Cursor::of(&n).next_node().rule()) {
        let right = value(&cursor.next_node(), findings);
        return Expr { kind: ExprKind::Compare { left, op: comparison_of(op), right }, span };
    }
    let negated = cursor.take(R::kw_not).is_some();
    if cursor.take(R::kw_in).is_some() {
        cursor.skip(R::lbrack);
        let mut list = Vec::new();
        while let Some(node) = cursor.take_any(VALUES_AND_COMMA) {
            if node.rule() != R::comma {
                list.push(value(&node, findings));
            }
        }
        list.shrink_to_fit();
        return Expr { kind: ExprKind::In { value: left, list, negated }, span };
    }
    if cursor.take(R::kw_matches).is_some() {
        let regex = Box::new(regex(&cursor.need(R::regex)));
        return Expr { kind: ExprKind::Matches { value: left, regex, negated }, span };
    }
    Expr { kind: ExprKind::Truth(left), span }
}

const VALUES_AND_COMMA: &[R] =
    &[R::comma, R::path, R::string, R::int, R::float, R::kw_true, R::kw_false, R::kw_null];

fn comparison_of(op: R) -> Comparison {
    match op {
        R::op_ne => Comparison::Ne,
        R::op_le => Comparison::Le,
        R::op_ge => Comparison::Ge,
        R::op_lt => Comparison::Lt,
        R::op_gt => Comparison::Gt,
        _ => Comparison::Eq,
    }
}

fn value(node: &Node<'_>, findings: &mut Findings) -> Value {
    match node.rule() {
        R::path => Value::Path(path(&mut Cursor::of(node))),
        _ => Value::Literal(literal(node, findings)),
    }
}
