//! How much each lint weighs in a project, and who says so.

use std::collections::BTreeMap;
use std::fmt;

use super::Project;
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

/// Who gave a lint its level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody: a lint warns.
    Default,
    /// A key of a configuration file.
    Config { file: String, key: String },
    /// A flag as it was given.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => write!(f, "default"),
            Self::Config { file, key } => write!(f, "{file}: {key}"),
            Self::Flag(flag) => write!(f, "{flag}"),
        }
    }
}

/// A level and who gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    pub level: Level,
    pub origin: Origin,
}

/// The level of every lint, for the whole project and for some of its files. What is not named
/// warns. Errors have no level: no rule set can be made while one stands.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    project: Project,
    everywhere: BTreeMap<Code, Given>,
    /// Globs over file names from the project's folder, in the order in which they were given; the
    /// last that fits counts.
    below: Vec<(Pattern, BTreeMap<Code, Given>)>,
    /// What no glob overrules.
    forced: BTreeMap<Code, Given>,
}

impl Levels {
    /// Levels for the files of a project.
    pub fn of_project(project: Project) -> Self {
        Self { project, ..Self::default() }
    }

    /// The lints: every code that has a level.
    pub fn lints() -> impl Iterator<Item = Code> + Clone {
        Code::ALL.iter().copied().filter(|code| code.severity() == Severity::Warning)
    }

    pub fn set(&mut self, lint: Code, given: Given) {
        self.everywhere.insert(lint, given);
    }

    /// Sets levels for the files that a glob fits.
    pub fn set_below(&mut self, files: Pattern, levels: BTreeMap<Code, Given>) {
        self.below.push((files, levels));
    }

    /// Sets a level that holds whatever else was set.
    pub fn force(&mut self, lint: Code, given: Given) {
        self.forced.insert(lint, given);
    }

    /// Makes errors of all that warns, on behalf of a flag.
    pub fn deny_warnings(&mut self, flag: &str) {
        for lint in Self::lints() {
            let general = self.general(lint);
            self.everywhere.entry(lint).or_insert(general);
        }
        let below = self.below.iter_mut().map(|(_, levels)| levels);
        for levels in below.chain([&mut self.everywhere, &mut self.forced]) {
            for given in levels.values_mut().filter(|given| given.level == Level::Warn) {
                *given = Given { level: Level::Deny, origin: Origin::Flag(flag.to_owned()) };
            }
        }
    }

    /// The level of a lint in a file, by the file's name as it is reported.
    pub fn of(&self, lint: Code, file: &str) -> Level {
        if !self.forced.contains_key(&lint) && !self.below.is_empty() {
            let file = self.project.file(file);
            let fitting = self.below.iter().rev().filter(|(files, _)| files.matches(&file));
            if let Some(given) = fitting.filter_map(|(_, levels)| levels.get(&lint)).next() {
                return given.level;
            }
        }
        self.general(lint).level
    }

    /// The level of a lint where no glob says otherwise.
    pub fn general(&self, lint: Code) -> Given {
        let given = self.forced.get(&lint).or_else(|| self.everywhere.get(&lint)).cloned();
        given.unwrap_or(Given { level: Level::Warn, origin: Origin::Default })
    }

    /// What globs say of a lint, the strongest last.
    pub fn below(&self, lint: Code) -> impl Iterator<Item = (&Pattern, &Given)> {
        let overruled = self.forced.contains_key(&lint);
        let all = self.below.iter().filter(move |_| !overruled);
        all.filter_map(move |(files, levels)| levels.get(&lint).map(|given| (files, given)))
    }

    /// Takes out what is allowed, and makes errors of what is denied.
    pub(super) fn apply(&self, sources: &Sources, findings: &mut Vec<Diagnostic>) {
        if self.everywhere.is_empty() && self.below.is_empty() && self.forced.is_empty() {
            return;
        }
        findings.retain_mut(|finding| {
            if finding.is_error() {
                return true;
            }
            let file = match &finding.primary {
                Some(label) => sources.get(label.span.file).name.as_str(),
                // What has no place is about the whole rule set: its root file.
                None => sources.iter().next().map_or("", |(_, root)| root.name.as_str()),
            };
            match self.of(finding.code, file) {
                Level::Allow => return false,
                Level::Warn => {}
                Level::Deny => finding.severity = Severity::Error,
            }
            true
        });
    }
}
