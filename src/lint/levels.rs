//! How much each lint weighs in a project.

use std::collections::BTreeMap;

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::model::Pattern;
use crate::span::Sources;

/// What a lint does to the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It is not reported.
    Allow,
    /// It is reported as a warning.
    Warn,
    /// It is reported as an error, though the rules still compile.
    Deny,
}

impl Level {
    /// Every level, by its word.
    pub const WORDS: [(&'static str, Level); 3] =
        [("allow", Level::Allow), ("warn", Level::Warn), ("deny", Level::Deny)];

    pub fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Warn => "warn",
            Self::Deny => "deny",
        }
    }
}

/// The level of every lint, for the whole project and for some of its files. What is not named
/// warns. Errors have no level: no rule set can be made while one stands.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    everywhere: BTreeMap<Code, Level>,
    /// Globs over file names as they are reported, in the order in which they were given; the last
    /// that fits counts.
    below: Vec<(Pattern, BTreeMap<Code, Level>)>,
}

impl Levels {
    pub fn set(&mut self, lint: Code, level: Level) {
        self.everywhere.insert(lint, level);
    }

    /// Sets levels for the files that a glob fits.
    pub fn set_below(&mut self, files: Pattern, levels: BTreeMap<Code, Level>) {
        self.below.push((files, levels));
    }

    /// The level of a lint in a file, by the file's name.
    pub fn of(&self, lint: Code, file: &str) -> Level {
        let fitting = self.below.iter().rev().filter(|(files, _)| files.matches(file));
        let below = fitting.filter_map(|(_, levels)| levels.get(&lint)).next();
        below.or_else(|| self.everywhere.get(&lint)).copied().unwrap_or(Level::Warn)
    }

    /// Takes out what is allowed, and makes errors of what is denied.
    pub(super) fn apply(&self, sources: &Sources, findings: &mut Vec<Diagnostic>) {
        if self.everywhere.is_empty() && self.below.is_empty() {
            return;
        }
        findings.retain_mut(|finding| {
            if finding.is_error() {
                return true;
            }
            let file = finding.primary.as_ref().map_or("", |l| sources.get(l.span.file).name.as_str());
            match self.of(finding.code, file) {
                Level::Allow => return false,
                Level::Warn => {}
                Level::Deny => finding.severity = Severity::Error,
            }
            true
        });
    }
}
