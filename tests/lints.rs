//! What lints claim, tried: every write that a finding shows is planned, and its plan must be as the
//! finding says.

// Of it only the reading of writes is needed here.
#[allow(dead_code)]
#[path = "support/lines.rs"]
mod lines;

use std::path::{Path, PathBuf};

use invalidate::check::{Checked, Files, Undeclared, check};
use invalidate::diagnostic::{Code, Diagnostic};
use invalidate::lint::{Levels, lint};
use invalidate::plan::{Program, Unfilled};
use lines::from_words;

/// The rule files of the lints' examples, checked, with their findings.
fn examples() -> Vec<(PathBuf, Checked, Vec<Diagnostic>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let paths = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let rule_files = paths.filter(|p| p.extension().is_some_and(|e| e == "inv"));
    rule_files
        .map(|path| {
            let checked = check(&path, &Files::Disk);
            let findings = lint(&checked, &Levels::default());
            (path, checked, findings)
        })
        .filter(|(_, checked, _)| !checked.has_errors())
        .collect()
}

/// The targets that a write makes stale.
fn planned(program: &Program, write: &str) -> Vec<String> {
    let raw = from_words(write).unwrap_or_else(|e| panic!("`{write}`: {e}"));
    let write = program.rules().write(raw, Undeclared::Refuse).unwrap_or_else(|e| panic!("`{write}`: {e}"));
    program.plan(&write, Unfilled::Report).steps.into_iter().map(|s| s.target.into()).collect()
}

/// What stands in backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn labels(finding: &Diagnostic) -> impl Iterator<Item = &str> {
    finding.primary.iter().chain(&finding.secondary).map(|l| l.text.as_str())
}

#[test]
fn writes_that_are_said_to_drop_nothing_drop_nothing() {
    let mut tried = 0;
    for (path, checked, findings) in examples() {
        let program = Program::new(checked.rules.unwrap());
        for finding in &findings {
            for label in labels(finding) {
                if let Some((write, _)) = label.split_once("` drops nothing") {
                    let write = write.trim_start_matches('`');
                    let steps = planned(&program, write);
                    assert!(steps.is_empty(), "{}: `{write}` drops {steps:?}", path.display());
                    tried += 1;
                }
            }
        }
    }
    assert!(tried >= 6, "only {tried} writes were tried");
}

#[test]
fn rows_that_move_leave_behind_what_is_said_to_stay() {
    let mut tried = 0;
    for (path, checked, findings) in examples() {
        let program = Program::new(checked.rules.unwrap());
        for finding in findings.iter().filter(|f| f.code == Code::StalePath) {
            let label = |start: &str| labels(finding).find(|l| l.starts_with(start)).unwrap();
            let [move_write, _, old] = quoted(label("1. "))[..] else { panic!("{}", label("1. ")) };
            let [later, new] = quoted(label("2. "))[..] else { panic!("{}", label("2. ")) };
            let (first, second) = (planned(&program, move_write), planned(&program, later));
            assert!(!first.is_empty(), "{}: `{move_write}` fires nothing", path.display());
            for steps in [&first, &second] {
                assert!(!steps.iter().any(|s| s == old), "{}: `{old}` is dropped after all", path.display());
            }
            assert!(second.iter().any(|s| s == new), "{}: `{later}` does not drop `{new}`", path.display());
            tried += 1;
        }
    }
    assert!(tried >= 2, "only {tried} findings were tried");
}

#[test]
fn columns_that_are_missed_fire_nothing_of_the_rule() {
    let mut tried = 0;
    for (path, checked, findings) in examples() {
        let program = Program::new(checked.rules.unwrap());
        for finding in findings.iter().filter(|f| f.code == Code::MissedColumn) {
            let label = &finding.primary.as_ref().unwrap().text;
            let Some((write, _)) = label.split_once("` does not fire it") else { continue };
            let rule = quoted(&finding.message)[0];
            let raw = from_words(write.trim_start_matches('`')).unwrap();
            let write = program.rules().write(raw, Undeclared::Refuse).unwrap();
            let plan = program.plan(&write, Unfilled::Report);
            let fired = plan.steps.iter().any(|s| s.rules.iter().any(|r| **r == *rule));
            assert!(!fired, "{}: `{rule}` fires", path.display());
            tried += 1;
        }
    }
    assert!(tried >= 2, "only {tried} findings were tried");
}
