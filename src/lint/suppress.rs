//! `@allow(slug, "reason")`: takes back lints inside what it stands in front of.

use crate::diagnostic::{Code, Diagnostic, Fix, Severity};
use crate::syntax::ast::{Allow, File};

/// Removes what is allowed, and reports allowances that are unknown, unused or without a reason.
///
/// Where the rules have errors the lints did not run, and nobody can say what an allowance is for.
pub fn apply(files: &[File], lints_ran: bool, findings: &mut Vec<Diagnostic>) {
    for file in files {
        for allow in &file.allows {
            one(allow, lints_ran, findings);
        }
    }
}

fn one(allow: &Allow, lints_ran: bool, findings: &mut Vec<Diagnostic>) {
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
    let before = findings.len();
    findings.retain(|d| d.code != *code || !d.primary.as_ref().is_some_and(|l| allow.scope.contains(l.span)));
    if lints_ran && findings.len() == before {
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
}
