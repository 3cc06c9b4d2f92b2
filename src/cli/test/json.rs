//! Results for programs.

use invalidate::plan::Plan;
use invalidate::suite::coverage::{Item, What, percent};
use invalidate::suite::{Coverage, Mistake};
use invalidate::why::Answer;
use serde::Serialize;

use super::report::{Report, RuleSetRun};
use crate::cli::output::pretty;

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    passed: usize,
    failed: usize,
    files: Vec<File<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage: Option<Vec<Covered<'a>>>,
}

#[derive(Serialize)]
struct File<'a> {
    file: &'a str,
    rules: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Error<'a>>,
    tests: Vec<Test<'a>>,
}

#[derive(Serialize)]
struct Error<'a> {
    line: usize,
    column: usize,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
}

#[derive(Serialize)]
struct Test<'a> {
    name: &'a str,
    line: usize,
    /// `passed`, `failed` or `error`.
    result: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Problem<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Error<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<&'a Plan>,
}

#[derive(Serialize)]
struct Problem<'a> {
    /// `-` where something is missing, `+` where it is too much, `~` where it differs.
    sign: char,
    what: &'a str,
    how: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a Answer>,
}

/// The coverage of one rule set.
#[derive(Serialize)]
struct Covered<'a> {
    rules: &'a str,
    percent: f64,
    kinds: Vec<Kind>,
    items: &'a [Item],
}

#[derive(Serialize)]
struct Kind {
    what: What,
    all: usize,
    covered: usize,
    percent: f64,
}

pub fn text(report: &Report, with_coverage: bool) -> String {
    let failed = report.failures();
    let passed = report.files.iter().flat_map(|f| &f.cases);
    let passed = passed.filter(|(_, o)| o.as_ref().is_ok_and(|o| o.problems.is_empty())).count();
    let files = report
        .files
        .iter()
        .map(|file| File {
            file: &file.name,
            rules: &file.rules,
            error: file.mistake.as_ref().map(error),
            tests: file
                .cases
                .iter()
                .map(|(case, outcome)| match outcome {
                    Err(mistake) => Test {
                        name: &case.name,
                        line: case.place.line,
                        result: "error",
                        problems: Vec::new(),
                        error: Some(error(mistake)),
                        plan: None,
                    },
                    Ok(outcome) => Test {
                        name: &case.name,
                        line: case.place.line,
                        result: if outcome.problems.is_empty() { "passed" } else { "failed" },
                        problems: outcome
                            .problems
                            .iter()
                            .map(|p| Problem {
                                sign: p.sign.mark(),
                                what: &p.what,
                                how: &p.how,
                                why: p.why.as_deref(),
                            })
                            .collect(),
                        error: None,
                        plan: (!outcome.problems.is_empty()).then_some(&outcome.plan),
                    },
                })
                .collect(),
        })
        .collect();
    let coverage = with_coverage.then(|| report.sets.iter().map(covered).collect());
    pretty(&Document { schema: 1, passed, failed, files, coverage }) + "\n"
}

fn error(mistake: &Mistake) -> Error<'_> {
    Error {
        line: mistake.place.line,
        column: mistake.place.column,
        message: &mistake.message,
        help: mistake.help.as_deref(),
    }
}

fn covered(set: &RuleSetRun) -> Covered<'_> {
    let coverage: &Coverage = &set.coverage;
    let kind = |what: What| {
        let share = coverage.share(|item| item.what == what);
        Kind { what, all: share.0, covered: share.1, percent: percent(share) }
    };
    Covered {
        rules: &set.name,
        percent: coverage.percent(),
        kinds: What::ALL.into_iter().map(kind).collect(),
        items: &coverage.items,
    }
}
