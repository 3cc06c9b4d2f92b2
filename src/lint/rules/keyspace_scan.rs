//! W208: a `match` that has next to nothing to go by.

use super::super::{Lint, Subject};
use crate::check::ruleset::RuleId;
use crate::decide::regex::literal_start;
use crate::diagnostic::{Code, Diagnostic};
use crate::span::Span;
use crate::syntax::ast::Drop;

pub const LINT: Lint = Lint { code: Code::KeyspaceScan, check };

/// A literal prefix of so many characters is one; a shorter one where it is a whole segment.
const ENOUGH: usize = 3;

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    for index in 0..subject.rules.rules().len() {
        let id = RuleId::at(index);
        let rule = subject.rules.rule(id);
        for (written, checked) in subject.rule(id).drops.iter().zip(&rule.drops) {
            let (span, shown, prefix) = match (written, checked) {
                (Drop::Match(at), crate::check::ruleset::Drop::Match(template)) => {
                    let text = template.text();
                    (at.span, format!("\"{text}\""), glob_start(text))
                }
                (Drop::Regex(regex), _) => {
                    let text = regex.node.as_str();
                    (regex.span, format!("/{text}/"), Some(literal_start(text)))
                }
                _ => continue,
            };
            if let Some(prefix) = prefix
                && !is_enough(&prefix)
            {
                findings.push(finding(&shown, span, &prefix));
            }
        }
    }
}

/// What a glob starts with before its first wildcard, holes as they were written; `None` where it has
/// no wildcard at all.
fn glob_start(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = text.chars();
    let mut in_hole = false;
    while let Some(c) = chars.next() {
        match c {
            '*' | '?' | '[' if !in_hole => return Some(out),
            '\\' => out.extend(chars.next()),
            '{' if !in_hole && chars.as_str().starts_with('{') => out.extend(chars.next()),
            '{' | '}' => {
                in_hole = c == '{';
                out.push(c);
            }
            c => out.push(c),
        }
    }
    None
}

fn is_enough(prefix: &str) -> bool {
    prefix.chars().count() >= ENOUGH || prefix.chars().skip(1).any(|c| c == ':')
}

fn finding(shown: &str, span: Span, prefix: &str) -> Diagnostic {
    let label = if prefix.is_empty() {
        "it starts with no fixed text".to_owned()
    } else {
        format!("all that is fixed is `{prefix}` in front")
    };
    Diagnostic::at(
        Code::KeyspaceScan,
        span,
        format!("`{shown}` has to look at every key of the cache, and can hit any of them"),
        label,
    )
    .help("let the entries carry a tag or list, and drop that: its cost does not grow with the cache")
    .help("where it must be a pattern, begin it with what the keys begin with, such as `search:*`")
}
