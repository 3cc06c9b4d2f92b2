//! Rules.

use super::cursor::Cursor;
use super::expr::expr;
use super::template::template;
use super::{Findings, Once, attrs, duration, ident, int, names, report_dangling};
use crate::span::Spanned;
use crate::syntax::ast::{Drop, Event, Rule, Strategy, TimingWord};
use crate::syntax::parser::{Node, Rule as R};

const RULE_CLAUSES: &[R] =
    &[R::c_on, R::c_when, R::c_priority, R::c_strategy, R::c_delay, R::c_follow, R::c_drop, R::dangling];

pub fn rule(node: &Node<'_>, findings: &mut Findings) -> Rule {
    let mut cursor = Cursor::of(node);
    let name = ident(&cursor.skip(R::kw_rule).need(R::name));
    let mut rule = Rule {
        name,
        events: Vec::new(),
        when: None,
        priority: None,
        strategy: None,
        delay: None,
        follow: None,
        drops: Vec::new(),
        span: node.span(),
    };
    cursor.skip(R::lbrace);
    let mut once = Once::default();
    loop {
        attrs(&mut cursor, findings);
        let Some(clause) = cursor.take_any(RULE_CLAUSES) else { break };
        let span = clause.span();
        let mut inner = Cursor::of(&clause);
        match clause.rule() {
            R::c_on if once.first("on", &clause, findings) => rule.events = events(&mut inner, findings),
            R::c_when if once.first("when", &clause, findings) => {
                rule.when = Some(expr(&inner.skip(R::kw_when).need(R::expr), findings));
            }
            R::c_priority if once.first("priority", &clause, findings) => {
                rule.priority = Some(int(&inner.skip(R::kw_priority).need(R::int), findings));
            }
            R::c_strategy if once.first("strategy", &clause, findings) => {
                rule.strategy = Some(Box::new(strategy(&clause)))
            }
            R::c_delay if once.first("delay", &clause, findings) => {
                let delay = duration(&inner.skip(R::kw_delay).need(R::duration), findings);
                rule.delay = Some(Box::new(delay));
            }
            R::c_follow if once.first("follow", &clause, findings) => {
                rule.follow = Some(Box::new(Spanned::new(names(inner.skip(R::kw_follow)), span)));
            }
            R::c_drop => drops(&mut inner, &mut rule.drops, findings),
            R::dangling => report_dangling(&clause, findings),
            _ => {}
        }
    }
    rule.drops.shrink_to_fit();
    rule
}

fn events(cursor: &mut Cursor<'_>, findings: &mut Findings) -> Vec<Event> {
    cursor.skip(R::kw_on);
    let mut out = Vec::new();
    while let Some(node) = cursor.take_any(&[R::event, R::comma]) {
        if node.rule() == R::comma {
            continue;
        }
        let mut inner = Cursor::of(&node);
        out.push(if inner.take(R::kw_tag).is_some() {
            Event::Tag { template: template(&inner.need(R::template), findings), span: node.span() }
        } else {
            let entity = ident(&inner.need(R::name));
            let operation = inner.take(R::dot).map(|_| ident(&inner.need(R::name)));
            Event::Entity { entity, operation }
        });
    }
    // Rules come by the hundred thousand, and a vector that has grown has room for four at least.
    out.shrink_to_fit();
    out
}

/// The strategy of a `strategy` clause.
pub fn strategy(clause: &Node<'_>) -> Spanned<Strategy> {
    let mut cursor = Cursor::of(clause);
    cursor.skip(R::kw_strategy);
    let timing = cursor.take_any(&[R::kw_immediate, R::kw_batched, R::kw_lazy]).map(|n| match n.rule() {
        R::kw_batched => TimingWord::Batched,
        R::kw_lazy => TimingWord::Lazy,
        _ => TimingWord::Immediate,
    });
    let cascade = cursor.take(R::kw_cascade).is_some();
    Spanned::new(Strategy { timing, cascade }, clause.span())
}

fn drops(cursor: &mut Cursor<'_>, out: &mut Vec<Drop>, findings: &mut Findings) {
    cursor.skip(R::kw_drop);
    while let Some(word) = cursor.take_any(&[R::kw_self, R::kw_tag, R::kw_key, R::kw_match, R::comma]) {
        out.push(match word.rule() {
            R::comma => continue,
            R::kw_self => Drop::Itself(word.span()),
            R::kw_tag => Drop::Tag(template(&cursor.need(R::template), findings)),
            R::kw_key => Drop::Key(template(&cursor.need(R::template), findings)),
            _ => match cursor.take(R::regex) {
                Some(regex) => Drop::Regex(self::regex(&regex)),
                None => Drop::Match(template(&cursor.need(R::template), findings)),
            },
        });
    }
}

/// The expression between the slashes. `\/` is a slash to the regex compiler, too.
pub fn regex(node: &Node<'_>) -> Spanned<String> {
    let text = node.text();
    let inner = text.strip_prefix('/').and_then(|t| t.strip_suffix('/')).unwrap_or(text);
    Spanned::new(inner.to_owned(), node.span())
}
