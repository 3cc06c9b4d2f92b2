//! Findings in every format, on one folder with all that is odd.

use invalidate::diagnostic::is_hidden;

use crate::command::Place;
use crate::everyday::snapshot;

pub const FORMATS: [&str; 7] = ["full", "concise", "json", "sarif", "github", "gitlab", "junit"];

/// Two roots, one of them clean; an error with a guess, one whose text would steer a terminal, and
/// in a file with an odd name a warning with a fix.
pub fn place() -> Place {
    let place = Place::new();
    let odd = "x\u{1b}[31m\u{9b}\u{202e}\u{7f}<&>";
    place.file(
        "rules/main.inv",
        format!(
            "import \"odd, 100%é.inv\"\nentity user {{ fields {{ plan: string }} key profile list \"😀:{{plam}}\" }}\n\
             entity one {{ key k \"{odd}:{{id}}\" }}\nentity two {{ key k \"{odd}:{{id}}\" }}\nrule all_writes {{ on user, one, two }}\n"
        ),
    );
    place.file(
        "rules/odd, 100%é.inv",
        "entity other {\n  key page\n  /// nothing follows\n}\nrule others { on other }\n",
    );
    place.file("rules/fine.inv", "entity lone { key page }\nrule lone { on lone }\n");
    place
}

#[test]
fn every_format() {
    let place = place();
    let report = |format| place.exits(&format!("lint rules --color never --format {format}"), 1).all();
    snapshot!("report_full", report("full"));
    snapshot!("report_concise", report("concise"));
    snapshot!("report_json", report("json"));
    snapshot!("report_sarif_results", {
        let log = place.exits("lint rules --format sarif", 1).json();
        serde_json::to_string_pretty(&log["runs"][0]["results"]).unwrap()
    });
    snapshot!("report_github", report("github"));
    snapshot!("report_gitlab", report("gitlab"));
    snapshot!("report_junit", report("junit"));
}

#[test]
fn nothing_from_outside_reaches_the_terminal() {
    let place = place();
    let all: String =
        (0..=0x9f).chain(0x2028..=0x202e).chain(0x2066..=0x2069).filter_map(char::from_u32).collect();
    // In a name, a template, a string, a comment, and where nothing belongs.
    place.file("rules/bare.inv", format!("entity user {{ }}\n{all}\nrule r {{ on user }}\n"));
    for c in all.chars() {
        let name = format!("rules/c{}.inv", u32::from(c));
        place.file(&name, format!("entity user {{ key k \"{c}:{{nope}}\" }} // {c}\nrule r{c} {{ on \"{c}\" }}\n@allow(x, \"{c}\")\n"));
    }
    place.file("rules/\u{1b}[31m,\u{9b}.inv", "entity {");
    for format in FORMATS {
        let outcome = place.exits(&format!("lint rules --format {format}"), 1);
        for text in [&outcome.stdout, &outcome.stderr] {
            let found = text.chars().find(|c| *c != '\n' && is_hidden(*c));
            assert_eq!(found, None, "{format} lets {found:?} through");
        }
        assert!(outcome.stdout.len() > 1000, "{format}: {outcome:?}");
    }
    let missing = place.run(&["lint", "\u{1b}[31m.inv", "--format", "concise"]);
    assert!(missing.code == 2 && !missing.stdout.contains('\u{1b}'), "{missing:?}");
    let unknown = place.run(&["lint", "--allow", "\u{1b}[31m"]);
    assert!(unknown.code == 2 && !unknown.stderr.contains('\u{1b}'), "{unknown:?}");
}

#[test]
fn reports_go_into_a_file_whole() {
    let place = place();
    let concise = place.exits("lint rules --format concise", 1).stdout;
    place.file("old.txt", "a".repeat(10_000));
    let outcome =
        place.exits("lint rules --format concise --output-file old.txt", 1).says(&["3 files checked"]);
    assert_eq!(outcome.stdout, "");
    assert_eq!(place.read("old.txt"), concise);
    // What is no file is written into, not replaced.
    place.exits("lint rules --output-file /dev/null", 1);
    assert!(!std::path::Path::new("/dev/null").is_file());
    place.exits("lint rules --output-file no/such/folder/x", 2).says(&["cannot write `no/such/folder/x`"]);
    let names: Vec<_> = std::fs::read_dir(place.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn paths_are_told_from_the_working_directory() {
    let place = place();
    let whole = place.path().join("rules");
    let given = place.run(&["lint", whole.to_str().unwrap(), "--format", "concise"]).stdout;
    assert_eq!(given, place.exits("lint rules --format concise", 1).stdout);
    assert_eq!(given, place.exits("lint ./rules/main.inv rules rules/fine.inv --format concise", 1).stdout);
}

#[test]
fn stdin_is_a_file_of_its_own_name() {
    let place = place();
    let text = "import \"fine.inv\"\nrule more { on lone, usr }\n";
    let outcome =
        place.run_with(&["lint", "-", "--stdin-filename", "rules/new.inv", "--format", "concise"], text);
    assert_eq!(
        outcome.stdout,
        "rules/new.inv:2:22: error[E010/unknown-name]: unknown entity `usr` (entities: `lone`)\n"
    );
    assert_eq!(outcome.code, 1);
    let outcome = place
        .run_with(&["lint", "-", "--format", "github"], "entity a {\n  key k\n  /// b\n}\nrule a { on a }");
    assert!(outcome.stdout.starts_with("::warning file=<stdin>,line=3,"), "{outcome:?}");
    assert_eq!(place.run_with(&["lint", "-"], [0xff]).code, 2);
    place.exits("lint - --fix", 2).says(&["`--diff` prints the change"]);
    assert!(!place.path().join("rules/new.inv").exists());
}

#[test]
fn exit_codes_follow_the_fail_level() {
    let place = Place::new();
    place.file("warns.inv", "entity a {\n  key k\n  /// b\n}\nrule a { on a }\n");
    place.file("fails.inv", "entity a { key k }\nrule a { on b }\n");
    place.exits("lint warns.inv", 1);
    place.exits("lint warns.inv --fail-level error", 0);
    place.exits("lint warns.inv --fail-level error --deny-warnings", 1).says(&["1 error, 0 warnings"]);
    place.exits("lint fails.inv --fail-level error", 1);
    place.exits("lint fails.inv --fail-level never", 0);
    place.exits("lint missing.inv --fail-level never", 2);
    place.exits("lint warns.inv --fail-level none", 2).says(&["never"]);
    place.file("invalidate.yaml", "lint: { fail_level: error }\n");
    place.exits("lint warns.inv", 0);
    place.exits("lint warns.inv --fail-level warning", 1);
}
