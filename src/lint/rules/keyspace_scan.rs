//! W208: a `match` that has next to nothing to go by.

use super::super::regexes::Place;
use super::super::{Lint, Subject};
use crate::check::ruleset::{Drop, RuleId};
use crate::decide::regex::{Reach, literal_start};
use crate::diagnostic::{Code, Diagnostic};
use crate::span::Span;

pub const LINT: Lint = Lint { code: Code::KeyspaceScan, check };

/// A literal prefix of so many characters is one; a shorter one where it is a whole segment.
const ENOUGH: usize = 3;

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    for rule in (0..subject.rules.rules().len()).map(RuleId::at) {
        for drop in &subject.rules.rule(rule).drops {
            if let Drop::Match(template) = drop
                && let Some(start) = glob_start(template.text())
            {
                findings.extend(finding(template.text(), template.span(), &start));
            }
        }
    }
    for written in subject.regexes().iter().filter(|w| matches!(w.place, Place::Drop)) {
        // What matches everything, or nothing, is another finding.
        if matches!(written.reach, Ok(Reach::Some { .. }) | Err(_)) {
            let text = &written.regex.node;
            findings.extend(finding(&format!("/{text}/"), written.regex.span, &literal_start(text)));
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

fn finding(shown: &str, span: Span, prefix: &str) -> Option<Diagnostic> {
    if is_enough(prefix) {
        return None;
    }
    let label = if prefix.is_empty() {
        "it starts with no fixed text".to_owned()
    } else {
        format!("all that is fixed is `{prefix}` in front")
    };
    let out = Diagnostic::at(
        Code::KeyspaceScan,
        span,
        format!("`{shown}` says next to nothing of how keys begin: every key of the cache is looked at"),
        label,
    )
    .help("let the entries carry a tag or list, and drop that: its cost does not grow with the cache")
    .help("where it must be a pattern, begin it with what the keys begin with, such as `search:*`");
    Some(out)
}
