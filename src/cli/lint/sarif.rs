//! Findings as SARIF 2.1.0, the exchange format of static analysis tools.
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>

mod location;
mod rule;

use std::borrow::Cow;
use std::collections::BTreeMap;

use invalidate::diagnostic::{Code, Fix, visible};
use serde::Serialize;

use self::location::{ArtifactLocation, Location, Region};
use self::rule::Rule;
use super::report::{Finding, Report};
use crate::cli::output;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The name of our fingerprint; another way to make it takes another number.
const FINGERPRINT: &str = "invalidateFinding/v1";

pub fn text(report: &Report<'_>) -> String {
    let new = report.findings.iter().map(|found| Outcome::of(found, Vec::new()));
    let known = report.known.iter().map(|found| Outcome::of(found, vec![Suppression::BASELINE]));
    let allowed = report.allowed.iter().map(|(found, reason)| {
        Outcome::of(found, vec![Suppression { kind: "inSource", justification: reason.map(visible) }])
    });
    let readable = !report.findings.iter().any(|f| f.diagnostic.code == Code::UnreadableFile);
    let run = Run {
        tool: Tool {
            driver: Driver {
                name: "invalidate",
                version: env!("CARGO_PKG_VERSION"),
                semantic_version: env!("CARGO_PKG_VERSION"),
                rules: Code::ALL.iter().map(|code| Rule::of(*code)).collect(),
            },
        },
        invocations: [Invocation { execution_successful: readable }],
        artifacts: report
            .files
            .iter()
            .map(|file| Artifact { location: ArtifactLocation::of(file) })
            .collect(),
        column_kind: "utf16CodeUnits",
        results: new.chain(known).chain(allowed).collect(),
    };
    output::pretty(&Log { schema: SCHEMA, version: "2.1.0", runs: [run] }) + "\n"
}

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool,
    invocations: [Invocation; 1],
    artifacts: Vec<Artifact>,
    column_kind: &'static str,
    results: Vec<Outcome<'a>>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    version: &'static str,
    semantic_version: &'static str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    /// Whether every file could be read.
    execution_successful: bool,
}

#[derive(Serialize)]
struct Artifact {
    location: ArtifactLocation,
}

#[derive(Serialize)]
pub struct Text {
    text: String,
}

impl Text {
    /// Text for people, without hidden characters.
    pub fn of(text: &str) -> Self {
        Self { text: visible(text).into_owned() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'a> {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Text,
    locations: [Location; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location>,
    partial_fingerprints: BTreeMap<&'static str, &'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fixes: Vec<Change<'a>>,
    /// Present on all results or on none means that the tool knows of suppressions.
    suppressions: Vec<Suppression<'a>>,
}

#[derive(Serialize)]
struct Suppression<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    justification: Option<Cow<'a, str>>,
}

impl Suppression<'_> {
    const BASELINE: Self =
        Self { kind: "external", justification: Some(Cow::Borrowed("it stands in the project's baseline")) };
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Change<'a> {
    description: Text,
    artifact_changes: Vec<ArtifactChange<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactChange<'a> {
    artifact_location: ArtifactLocation,
    replacements: Vec<Replacement<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replacement<'a> {
    deleted_region: Region,
    inserted_content: Inserted<'a>,
}

/// Text to the letter.
#[derive(Serialize)]
struct Inserted<'a> {
    text: &'a str,
}

impl<'a> Outcome<'a> {
    fn of(found: &'a Finding<'a>, suppressions: Vec<Suppression<'a>>) -> Self {
        let finding = found.diagnostic;
        let related = finding.secondary.iter().enumerate().map(|(index, label)| {
            Location::related(index, found.file_of(label.span), &found.range_of(label.span), &label.text)
        });
        Self {
            rule_id: finding.code.number(),
            rule_index: Code::ALL.iter().position(|code| *code == finding.code).unwrap_or_default(),
            level: finding.severity.word(),
            message: Text { text: found.sentences().join("\n") },
            locations: [Location::of(found)],
            related_locations: related.collect(),
            partial_fingerprints: [(FINGERPRINT, found.fingerprint.as_str())].into(),
            fixes: finding.fixes.iter().map(|fix| Change::of(found, fix)).collect(),
            suppressions,
        }
    }
}

impl<'a> Change<'a> {
    fn of(found: &'a Finding<'a>, fix: &'a Fix) -> Self {
        let mut files: BTreeMap<&str, Vec<Replacement<'a>>> = BTreeMap::new();
        for edit in &fix.edits {
            files.entry(found.file_of(edit.span)).or_default().push(Replacement {
                deleted_region: Region::of(&found.range_of(edit.span)),
                inserted_content: Inserted { text: &edit.text },
            });
        }
        let change = |(file, replacements): (&str, _)| ArtifactChange {
            artifact_location: ArtifactLocation::of(file),
            replacements,
        };
        Self { description: Text::of(&fix.title), artifact_changes: files.into_iter().map(change).collect() }
    }
}
