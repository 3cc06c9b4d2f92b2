//! Every finding of the checker, as people read it: each `tests/diagnostics/NAME.inv` beside the
//! text it gives, held against the tables of NAME.json where there is one. `UPDATE=1 cargo test --test diagnostics`
//! writes the texts anew for review.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use invalidate::check::{Checked, Files, check};
use invalidate::diagnostic::{Code, Diagnostic, render};
use invalidate::lint::{Levels, lint, lint_against};
use invalidate::source::{Catalog, completeness};

#[test]
fn every_finding_reads_as_it_should() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new("tests/diagnostics");
    let mut paths: Vec<_> = std::fs::read_dir(root.join(folder))
        .unwrap()
        .map(|e| folder.join(e.unwrap().file_name()))
        .filter(|p| p.extension().is_some_and(|e| e == "inv"))
        .collect();
    paths.sort();
    let mut seen = BTreeSet::new();
    let mut different = Vec::new();
    for path in paths {
        let checked = check(&path, &Files::Disk);
        let findings =
            lint_against(&checked, &Levels::default(), schema(&root.join(&path), &checked)).findings;
        seen.extend(findings.iter().map(|d| d.code));
        let texts: Vec<String> =
            findings.iter().map(|d| render(d, &checked.sources, false, Some(120)) + "\n").collect();
        let found = texts.join("\n");
        let expected = root.join(&path).with_extension("txt");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&expected, &found).unwrap();
        } else if std::fs::read_to_string(&expected).unwrap_or_default() != found {
            different.push(format!("{} now gives:\n{found}", path.display()));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    let unseen: Vec<_> = Code::ALL.iter().filter(|c| !seen.contains(c)).map(|c| c.slug()).collect();
    assert!(unseen.is_empty(), "no example gives {unseen:?}");
}

/// What the tables beside an example give.
fn schema(path: &Path, checked: &Checked) -> Option<Vec<Diagnostic>> {
    let text = std::fs::read_to_string(path.with_extension("json")).ok()?;
    let catalog = Catalog::parse(&text).unwrap();
    Some(completeness::check(checked, &catalog, &BTreeMap::new()).unwrap())
}

/// Every fix that an example's findings propose gives rules without errors, and without the finding.
#[test]
fn a_fix_mends_what_it_is_for() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let mut tried = 0;
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let Some(text) = std::fs::read_to_string(&path).ok().filter(|t| !t.contains("import ")) else {
            continue;
        };
        if path.extension().is_none_or(|e| e != "inv") {
            continue;
        }
        let findings = |text: &str| {
            let name = Path::new("rules.inv");
            let checked = check(name, &Files::Memory([(name.into(), text.as_bytes().to_vec())].into()));
            (lint(&checked, &Levels::default()), checked.has_errors())
        };
        let (before, had_errors) = findings(&text);
        for finding in &before {
            for fix in &finding.fixes {
                let mut mended = text.clone();
                for edit in fix.edits.iter().rev() {
                    mended.replace_range(edit.span.range(), &edit.text);
                }
                let (after, has_errors) = findings(&mended);
                let context = format!("{}: {}\n{mended}", path.display(), fix.title);
                assert!(had_errors || !has_errors, "{context}");
                let same = |d: &&Diagnostic| d.code == finding.code && d.message == finding.message;
                let count = |list: &[Diagnostic]| list.iter().filter(same).count();
                assert!(count(&after) < count(&before), "{context}");
                tried += 1;
            }
        }
    }
    assert!(tried >= 18, "only {tried} fixes were tried");
}

#[test]
fn codes_and_slugs_are_unique() {
    let numbers: BTreeSet<_> = Code::ALL.iter().map(|c| c.number()).collect();
    let slugs: BTreeSet<_> = Code::ALL.iter().map(|c| c.slug()).collect();
    assert_eq!((numbers.len(), slugs.len()), (Code::ALL.len(), Code::ALL.len()));
}
