//! What the checker takes but people should look at: lints, their levels, and what is allowed.
//!
//! Errors are found by [`crate::check`], because no rule set can be made while one stands. A lint
//! looks at a finished rule set; each is one file below `lint/rules`, and its page in
//! `docs/findings` says what it means, why it hurts, and how to mend it.

mod baseline;
mod cascades;
pub mod coverage;
mod drops;
mod firing;
pub mod flow;
mod identity;
mod levels;
mod names;
mod project;
mod regexes;
mod rivals;
mod rules;
mod spelling;
mod subject;
mod suppress;
mod truths;
mod usage;

pub use baseline::Baseline;
pub use identity::{Identities, Identity};
pub use levels::{Given, Level, Levels, Origin};
pub use project::Project;
pub use rules::LINTS;
pub use subject::Subject;

use crate::check::Checked;
use crate::diagnostic::{self, Code, Diagnostic};

/// One lint.
#[derive(Clone, Copy, Debug)]
pub struct Lint {
    /// The code of everything it finds.
    pub code: Code,
    /// Adds what it finds. The primary label stands in the item to blame, so that an `@allow` in
    /// front of that item takes it back.
    pub check: fn(&Subject<'_>, &mut Vec<Diagnostic>),
}

/// Everything there is to say of checked files, sorted by place: what the checker found, what the
/// lints find where there was no error, less what an `@allow` or a level takes back.
pub fn lint(checked: &Checked, levels: &Levels) -> Vec<Diagnostic> {
    lint_with_allowed(checked, levels).findings
}

/// What there is to say, and what would be said but for an `@allow`.
pub struct Linted {
    /// Sorted by place.
    pub findings: Vec<Diagnostic>,
    /// In the order of the allowances.
    pub allowed: Vec<Allowed>,
}

/// A finding that an `@allow` takes back.
pub struct Allowed {
    pub finding: Diagnostic,
    /// The reason that the allowance gives, where it gives one.
    pub reason: Option<String>,
}

/// As [`lint`], with what the allowances took back.
pub fn lint_with_allowed(checked: &Checked, levels: &Levels) -> Linted {
    lint_against(checked, levels, None)
}

/// As [`lint_with_allowed`], with what was found when the rules were held against a database.
pub fn lint_against(checked: &Checked, levels: &Levels, schema: Option<Vec<Diagnostic>>) -> Linted {
    let mut findings = checked.findings.clone();
    let ran = suppress::Ran { lints: checked.rules.is_some(), schema: schema.is_some() };
    findings.extend(schema.into_iter().flatten());
    if let Some(rules) = &checked.rules {
        let subject = Subject::new(rules, &checked.files);
        for lint in LINTS {
            (lint.check)(&subject, &mut findings);
        }
    }
    let mut allowed = suppress::apply(&checked.files, ran, &mut findings);
    allowed.retain_mut(|allowed| {
        // A lint that is switched off has nothing to take back.
        let mut one = vec![allowed.finding.clone()];
        levels.apply(&checked.sources, &mut one);
        one.pop().map(|finding| allowed.finding = finding).is_some()
    });
    levels.apply(&checked.sources, &mut findings);
    diagnostic::tidy(&mut findings, &checked.sources);
    diagnostic::sort(&mut findings);
    Linted { findings, allowed }
}
