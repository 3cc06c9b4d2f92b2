//! What every format prints: the findings of all roots, once each, with their places.

use std::collections::{BTreeSet, HashMap, HashSet};

use invalidate::check::slashed;
use invalidate::diagnostic::{Code, Diagnostic, Severity, visible};
use invalidate::lint::{Allowed, Identities, Identity, Project};
use invalidate::span::{Position, Sources, Span};

use super::roots::Root;

/// A root, the texts that were read for it, and what there is to say. The rules themselves are gone: a
/// report needs as much memory again.
pub struct Looked {
    pub root: Root,
    pub sources: Sources,
    pub identities: Identities,
    pub findings: Vec<Diagnostic>,
    pub allowed: Vec<Allowed>,
}

pub struct Report<'a> {
    /// Every file that was looked at, by its reported name.
    pub files: BTreeSet<&'a str>,
    pub findings: Vec<Finding<'a>>,
    /// Findings that the baseline hides.
    pub known: Vec<Finding<'a>>,
    /// What an `@allow` takes back, with its reason.
    pub allowed: Vec<(Finding<'a>, Option<&'a str>)>,
    names: &'a [String],
}

pub struct Finding<'a> {
    pub diagnostic: &'a Diagnostic,
    pub sources: &'a Sources,
    /// The reported name of the root file.
    pub root: &'a str,
    pub identity: Identity,
    /// A hash that stays the same while lines move, and that no other finding has.
    pub fingerprint: String,
}

/// From the first character to behind the last.
pub struct Range {
    pub start: Position,
    pub end: Position,
}

/// The reported names of roots, in their order.
pub fn names(looked: &[Looked]) -> Vec<String> {
    looked.iter().map(|l| slashed(&invalidate::check::normalize(&l.root.path))).collect()
}

impl<'a> Report<'a> {
    /// Every finding once, though several roots may import one file.
    pub fn new(looked: &'a [Looked], names: &'a [String], project: &'a Project) -> Self {
        let mut report = Self {
            files: BTreeSet::new(),
            findings: Vec::new(),
            known: Vec::new(),
            allowed: Vec::new(),
            names,
        };
        let mut once = Once { project, seen: HashSet::new(), nth: HashMap::new() };
        let mut allowed = Vec::new();
        for (looked, root) in looked.iter().zip(names) {
            let sources = &looked.sources;
            report.files.extend(sources.iter().map(|(_, source)| source.name.as_str()));
            let place = Place { sources, root, identities: &looked.identities };
            report.findings.extend(looked.findings.iter().filter_map(|found| once.finding(found, &place)));
            allowed.push((&looked.allowed, place));
        }
        // Last, so that an allowance changes the fingerprint of no other finding.
        for (allowed, place) in allowed {
            let new = |a: &'a Allowed| Some((once.finding(&a.finding, &place)?, a.reason.as_deref()));
            report.allowed.extend(allowed.iter().filter_map(new));
        }
        report
    }

    /// The files, and roots that could not be read.
    pub fn suites(&self) -> BTreeSet<&'a str> {
        self.files.iter().copied().chain(self.names.iter().map(String::as_str)).collect()
    }

    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|found| found.diagnostic.severity == severity).count()
    }
}

/// A root as its findings need it.
struct Place<'a> {
    sources: &'a Sources,
    root: &'a str,
    identities: &'a Identities,
}

/// The file's name, and the first and last byte.
type InFile<'a> = (&'a str, u32, u32);

/// What was reported before.
struct Once<'a> {
    project: &'a Project,
    seen: HashSet<(Code, &'a str, Option<InFile<'a>>)>,
    nth: HashMap<Identity, usize>,
}

impl<'a> Once<'a> {
    /// `None` for what another root reported.
    fn finding(&mut self, diagnostic: &'a Diagnostic, place: &Place<'a>) -> Option<Finding<'a>> {
        let Place { sources, root, identities } = place;
        let span = diagnostic
            .primary
            .as_ref()
            .map(|label| (sources.get(label.span.file).name.as_str(), label.span.start, label.span.end));
        if !self.seen.insert((diagnostic.code, diagnostic.message.as_str(), span)) {
            return None;
        }
        let identity = identities.identity(diagnostic, root, self.project);
        let nth = self.nth.entry(identity.clone()).or_default();
        let fingerprint = identity.fingerprint(*nth);
        *nth += 1;
        Some(Finding { diagnostic, sources, root, identity, fingerprint })
    }
}

impl<'a> Finding<'a> {
    /// The file it is in: the root file for what has no place.
    pub fn file(&self) -> &'a str {
        self.diagnostic.primary.as_ref().map_or(self.root, |label| self.file_of(label.span))
    }

    pub fn file_of(&self, span: Span) -> &'a str {
        self.sources.get(span.file).name.as_str()
    }

    pub fn range(&self) -> Option<Range> {
        self.diagnostic.primary.as_ref().map(|label| self.range_of(label.span))
    }

    pub fn range_of(&self, span: Span) -> Range {
        let source = self.sources.get(span.file);
        Range { start: source.position(span.start), end: source.position(span.end.max(span.start)) }
    }

    /// The message, what the label adds, and the help: a sentence a line.
    pub fn sentences(&self) -> Vec<String> {
        let label = self.diagnostic.primary.as_ref().map(|label| label.text.as_str()).unwrap_or_default();
        let mut first = visible(&self.diagnostic.message).into_owned();
        if !label.is_empty() {
            first.push_str(&format!(" ({})", visible(label)));
        }
        let help = self.diagnostic.advice().map(|help| format!("help: {}", visible(help)));
        std::iter::once(first).chain(help).collect()
    }
}
