//! `@allow(slug, "reason")`: takes back lints inside what it stands in front of.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Allowed;
use crate::diagnostic::{Code, Diagnostic, Fix, Severity};
use crate::span::Span;
use crate::syntax::ast::{Allow, File};

/// What was looked for. Nobody can say what an allowance is for that takes back something else.
#[derive(Clone, Copy)]
pub struct Ran {
    /// They do not run where the rules have errors.
    pub lints: bool,
    /// Those that hold the rules against a database.
    pub schema: bool,
}

/// Removes and returns what is allowed, and reports allowances that are unknown, unused or without a reason.
pub fn apply(files: &[Arc<File>], ran: Ran, findings: &mut Vec<Diagnostic>) -> Vec<Allowed> {
    let mut allowed = Vec::new();
    if files.iter().all(|file| file.allows.is_empty()) {
        return allowed;
    }
    let mut placed = Placed::default();
    for finding in findings.drain(..) {
        placed.push(finding);
    }
    for allow in files.iter().flat_map(|file| &file.allows) {
        one(allow, ran, &mut placed, &mut allowed);
    }
    findings.extend(placed.elsewhere);
    findings.extend(placed.by_place.into_values());
    allowed
}

/// Findings by what and where they are, so that an allowance looks at no others than its own.
#[derive(Default)]
struct Placed {
    by_place: BTreeMap<(Code, Span, usize), Diagnostic>,
    elsewhere: Vec<Diagnostic>,
    pushed: usize,
}

impl Placed {
    fn push(&mut self, finding: Diagnostic) {
        match &finding.primary {
            Some(label) => {
                self.pushed += 1;
                self.by_place.insert((finding.code, label.span, self.pushed), finding);
            }
            None => self.elsewhere.push(finding),
        }
    }

    /// Removes the findings of one code inside a span.
    fn remove(&mut self, code: Code, scope: Span) -> Vec<Diagnostic> {
        let from = Span { end: scope.start, ..scope };
        let to = Span { start: scope.end, end: u32::MAX, ..scope };
        let inside: Vec<_> = self
            .by_place
            .range((code, from, 0)..=(code, to, usize::MAX))
            .map(|(place, _)| *place)
            .filter(|(_, span, _)| scope.contains(*span))
            .collect();
        inside.iter().filter_map(|place| self.by_place.remove(place)).collect()
    }
}

fn one(allow: &Allow, ran: Ran, findings: &mut Placed, allowed: &mut Vec<Allowed>) {
    let slug = allow.slug.text.as_str();
    let warnings = || Code::ALL.iter().filter(|c| c.severity() == Severity::Warning);
    let Some(code) = warnings().find(|c| c.slug() == slug) else {
        let diagnostic = match Code::ALL.iter().find(|c| c.slug() == slug) {
            Some(_) => Diagnostic::at(
                Code::UnknownName,
                allow.slug.span,
                format!("`{slug}` is an error, which cannot be allowed"),
                "",
            ),
            None => Diagnostic::at(Code::UnknownName, allow.slug.span, format!("unknown lint `{slug}`"), "")
                .did_you_mean(slug, allow.slug.span, warnings().map(|c| c.slug()), "lints"),
        };
        findings.push(diagnostic);
        return;
    };
    if allow.reason.as_ref().is_none_or(|r| r.trim().is_empty()) {
        findings.push(
            Diagnostic::at(Code::AllowWithoutReason, allow.span, "an allowance needs a reason", "")
                .help(format!("write `@allow({slug}, \"why this is fine here\")`")),
        );
    }
    let removed = findings.remove(*code, allow.scope);
    if removed.is_empty() && ran.lints && (ran.schema || !code.is_about_schema()) {
        findings.push(
            Diagnostic::at(
                Code::UnusedAllow,
                allow.span,
                format!("nothing here is a `{slug}`"),
                "suppresses nothing",
            )
            .fix(Fix::safe("remove the allowance", allow.span, "")),
        );
    }
    allowed.extend(removed.into_iter().map(|finding| Allowed { finding, reason: allow.reason.clone() }));
}
