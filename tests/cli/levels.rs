//! Levels from the configuration and from flags, and who gave them.

use crate::command::Place;
use crate::everyday::snapshot;

const CONFIG: &str = "lint:\n  levels: { all: deny, dead-end: warn, W104: allow }\n  paths:\n    - { files: 'legacy/**.inv', levels: { dangling-doc: allow } }\n    - { files: 'legacy/new/*', levels: { W105: warn } }\n";

const DANGLING: &str = "entity a {\n  key k\n  /// nothing\n}\nrule a { on a }\n";

#[test]
fn globs_overrule_the_project_and_flags_overrule_both() {
    let place = Place::new();
    place.file("invalidate.yaml", CONFIG);
    for name in ["now.inv", "legacy/old.inv", "legacy/new/fresh.inv"] {
        place.file(name, DANGLING);
    }
    place.exits("lint now.inv", 1).says(&["1 error, 0 warnings"]);
    place.ok("lint legacy/old.inv").says(&["nothing found"]);
    place.exits("lint legacy/new/fresh.inv", 1).says(&["0 errors, 1 warning"]);
    place.exits("lint legacy/new/fresh.inv --deny-warnings", 1).says(&["1 error, 0 warnings"]);
    place.exits("lint legacy/old.inv --warn dangling-doc", 1).says(&["0 errors, 1 warning"]);
    place.ok("lint . --allow all").says(&["nothing found"]);
    place.exits("lint now.inv --allow all --deny W105", 1).says(&["1 error"]);
    // A denied lint fails the run, and is no error of the rules.
    place.ok("write a 1 update --dry-run --rules now.inv");
    // Globs start at the configuration, wherever the command runs.
    let output =
        place.command(&["lint", "old.inv"]).current_dir(place.path().join("legacy")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn every_level_says_where_it_comes_from() {
    let place = Place::new();
    snapshot!("lint_list", first_lints(&place.ok("lint --list").stdout));
    place.file("invalidate.yaml", CONFIG);
    snapshot!("lint_show_config", first_lints(&place.ok("lint --show-config --deny unused-allow").stdout));
    let levels = place.ok("lint --show-config --format json --deny-warnings").json();
    let of = |slug: &str| -> Vec<(String, String)> {
        let rows = levels["levels"].as_array().unwrap().iter().filter(|row| row["slug"] == slug);
        rows.map(|row| (row["level"].as_str().unwrap().to_owned(), row["from"].as_str().unwrap().to_owned()))
            .collect()
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(of("no-rules"), [pair("deny", "invalidate.yaml: lint.levels.all")]);
    assert_eq!(of("dead-end"), [pair("deny", "--deny-warnings")]);
    assert_eq!(of("allow-without-reason"), [pair("allow", "invalidate.yaml: lint.levels.W104")]);
    assert_eq!(
        of("dangling-doc"),
        [
            pair("deny", "invalidate.yaml: lint.levels.all"),
            pair("allow", "invalidate.yaml: lint.paths[0].levels.dangling-doc"),
            pair("deny", "--deny-warnings"),
        ]
    );
    let list = place.ok("lint --list --format json").json();
    assert_eq!(list["codes"].as_array().unwrap().len(), invalidate::diagnostic::Code::ALL.len());
}

/// The rows that stay as they are while lints are added.
fn first_lints(table: &str) -> String {
    let is_old = |line: &&str| line.starts_with("code") || line.starts_with("E0") || line.starts_with("W10");
    table
        .lines()
        .filter(is_old)
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n")
        .collect()
}

#[test]
fn mistakes_are_told() {
    let place = Place::new();
    let table = [
        ("lint --allow dead-ends", "did you mean `dead-end`?"),
        ("lint --deny E010", "errors have no level"),
        ("lint --deny dead-end --allow dead-end", "contradict each other"),
        ("lint --deny all --allow all", "contradict each other"),
        ("lint --list --format sarif", "--format json"),
        ("lint --list --show-config", "cannot be used with"),
    ];
    for (line, message) in table {
        place.exits(line, 2).says(&[message]);
    }
    place.file("invalidate.yaml", "lint: { levels: { dead-ends: deny } }\n");
    place.exits("lint", 2).says(&["unknown lint `dead-ends`", "did you mean `dead-end`?"]);
}
