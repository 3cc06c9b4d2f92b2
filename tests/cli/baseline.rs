//! A project with old findings takes the tool up: known ones are hidden, new ones fail.

use crate::command::Place;

const OLD: &str =
    "entity a {\n  key k\n  /// old\n}\nentity b {\n  key k\n  /// old\n}\nrule all_writes { on a, b }\n";

#[test]
fn from_the_first_run_to_the_last_finding() {
    let place = Place::new();
    place.file("rules/a.inv", OLD);
    place
        .exits("lint rules --baseline known.json", 2)
        .says(&["cannot read the baseline `known.json`", "--write-baseline"]);
    place.exits("lint rules --write-baseline", 2).says(&["`--baseline FILE`"]);
    place.ok("lint rules --baseline known.json --write-baseline").says(&["2 findings in `known.json`"]);
    let written = place.read("known.json");
    assert!(written.contains("\"item\": \"entity a\"") && !written.contains("line"), "{written}");
    let known = "lint rules --baseline known.json";
    place.ok(known).says(&["1 file checked, nothing found, 2 known to the baseline"]);
    // Lines move; nothing else does.
    place.file("rules/a.inv", format!("// moved\n\n{OLD}"));
    place.ok(known);
    // A new one of the same sort elsewhere.
    place.file(
        "rules/a.inv",
        OLD.replace("rule all", "entity c {\n  key k\n  /// new\n}\nrule all").replace("a, b", "a, b, c"),
    );
    let outcome = place.exits(&format!("{known} --format concise"), 1).says(&["1 warning, 2 known"]);
    assert_eq!(outcome.stdout.lines().count(), 1, "{outcome:?}");
    assert!(outcome.stdout.contains("rules/a.inv:11:3"), "{outcome:?}");
    // One is mended: the baseline can shrink, and then it does.
    place.file("rules/a.inv", OLD.replacen("  /// old\n", "", 1));
    place.ok(known).says(&["the baseline can shrink: 1 finding in it is gone"]);
    place.ok(&format!("{known} --write-baseline")).says(&["1 finding in"]);
    assert!(!place.ok(known).stderr.contains("shrink"));
    place.file("rules/a.inv", OLD);
    place.exits(known, 1);
}

#[test]
fn errors_are_never_known() {
    let place = Place::new();
    place.file("a.inv", OLD);
    place.ok("lint a.inv --baseline known.json --write-baseline");
    let before = place.read("known.json");
    place.file("a.inv", format!("{OLD}rule c {{ on usr }}\n"));
    place.exits("lint a.inv --baseline known.json --write-baseline", 1).says(&["no baseline is written"]);
    assert_eq!(place.read("known.json"), before);
    let outcome = place.exits("lint a.inv --baseline known.json", 1);
    assert!(!outcome.stderr.contains("shrink"), "{outcome:?}");
    // What a project denies is known all the same.
    place.file("a.inv", OLD);
    place.ok("lint a.inv --baseline known.json --deny-warnings");
}

#[test]
fn a_look_at_some_files_leaves_the_others_alone() {
    let place = Place::new();
    place.file("a.inv", OLD);
    place.file("b.inv", OLD);
    place.file("invalidate.yaml", "lint: { baseline: ci/known.json }\n");
    std::fs::create_dir(place.path().join("ci")).unwrap();
    place.ok("lint a.inv b.inv --write-baseline").says(&["4 findings"]);
    assert!(!place.ok("lint a.inv").stderr.contains("shrink"));
    place.file("a.inv", OLD.replacen("  /// old\n", "", 1));
    place.ok("lint a.inv --write-baseline").says(&["3 findings"]);
    // From a folder below, the same files have the same names.
    std::fs::create_dir(place.path().join("below")).unwrap();
    let output =
        place.command(&["lint", "../a.inv"]).current_dir(place.path().join("below")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    // A file that is gone takes its findings along.
    std::fs::remove_file(place.path().join("b.inv")).unwrap();
    place.ok("lint a.inv --write-baseline").says(&["1 finding"]);
}

#[test]
fn what_is_no_baseline() {
    let place = Place::new();
    place.file("a.inv", OLD);
    for text in ["", "{", "[]", "{\"schema\": 2, \"findings\": []}", "{\"schema\": 1, \"findings\": [{}]}"] {
        place.file("known.json", text);
        place.exits("lint a.inv --baseline known.json", 2).says(&["`known.json` is no baseline"]);
    }
}
