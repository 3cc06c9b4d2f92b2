//! `fmt`: which files, what it prints, and that nothing is lost.

use std::fs;

use crate::command::Place;
use crate::everyday::snapshot;

const UGLY: &str = "entity user{key profile}\nrule users {\n  drop self // all of it\n  on user\n}\n";
const NEAT: &str = "entity user { key profile }\nrule users {\n  on   user\n  drop self  // all of it\n}\n";
const BROKEN: &str = "entity user {\n  key profile\nrule users { on user }\n";

fn place() -> Place {
    let place = Place::new();
    place.file("rules/a.inv", UGLY);
    place.file("rules/deep/b.inv", UGLY);
    place.file("rules/neat.inv", NEAT);
    place.file("rules/notes.txt", UGLY);
    place
}

#[test]
fn check_and_diff_change_nothing() {
    let place = place();
    snapshot!("fmt_check", place.exits("fmt --check", 1).all());
    snapshot!("fmt_diff", place.exits("fmt --diff rules", 1).all());
    assert_eq!(place.read("rules/a.inv"), UGLY);
    let clean = place.ok("fmt --check rules/neat.inv");
    assert_eq!(
        (clean.stdout.as_str(), clean.stderr.as_str()),
        ("", "note: 0 files would change, 1 as it should be\n")
    );
    assert_eq!(place.ok("fmt --diff rules/neat.inv -q").all(), "exit 0\n");
    place.exits("fmt --check --diff", 2);
}

#[test]
fn files_are_formatted_in_place_and_others_are_left() {
    let place = place();
    snapshot!("fmt", place.ok("fmt").all());
    for name in ["rules/a.inv", "rules/deep/b.inv", "rules/neat.inv"] {
        assert_eq!(place.read(name), NEAT, "{name}");
    }
    assert_eq!(place.read("rules/notes.txt"), UGLY);
    place.ok("fmt --check");
    let left: Vec<_> =
        fs::read_dir(place.path().join("rules")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 4, "{left:?}");
}

/// The same choice as `lint`: what is configured, else the folder `rules`.
#[test]
fn without_a_path_the_configured_rules_are_formatted() {
    let place = place();
    place.file("mine.inv", UGLY);
    assert_eq!(place.exits("fmt --check --rules mine.inv", 1).stdout, "mine.inv\n");
    place.file("invalidate.yaml", "rules: mine.inv\n");
    assert_eq!(place.exits("fmt --check", 1).stdout, "mine.inv\n");
    // A file that is named twice is one file.
    assert_eq!(
        place.exits("fmt --check rules ./rules/a.inv rules/deep", 1).stdout,
        "rules/a.inv\nrules/deep/b.inv\n"
    );
    let empty = Place::new();
    empty.exits("fmt", 2).says(&["no rule files here", "invalidate init"]);
    fs::create_dir(empty.path().join("rules")).unwrap();
    empty.exits("fmt", 2).says(&["holds no .inv file"]);
    empty.exits("fmt missing.inv", 2).says(&["`missing.inv` does not exist"]);
}

#[test]
fn a_file_with_errors_is_refused_and_the_others_are_formatted() {
    let place = place();
    place.file("rules/broken.inv", BROKEN);
    place.file("rules/latin1.inv", b"entity user // caf\xe9\n");
    snapshot!("fmt_refused", place.exits("fmt", 2).all());
    assert_eq!(place.read("rules/broken.inv"), BROKEN);
    assert_eq!(place.read("rules/deep/b.inv"), NEAT);
    // Refused weighs more than different.
    place.file("rules/a.inv", UGLY);
    assert_eq!(place.exits("fmt --check", 2).stdout, "rules/a.inv\n");
}

#[test]
fn stdin_to_stdout() {
    let place = Place::new();
    let outcome = place.run_with(&["fmt", "-"], UGLY);
    assert_eq!((outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()), (0, NEAT, ""));
    let outcome = place.run_with(&["fmt", "-", "--check"], UGLY);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, "<stdin>\n"));
    assert_eq!(place.run_with(&["fmt", "-", "--check"], NEAT).all(), "exit 0\n");
    let outcome = place.run_with(&["fmt", "-", "--diff", "--stdin-filename", "x.inv"], UGLY);
    assert!(outcome.code == 1 && outcome.stdout.starts_with("--- x.inv\n+++ x.inv\n@@ "), "{outcome:?}");
    // An editor that puts stdout in place of its text must get none.
    let outcome = place.run_with(&["fmt", "-", "--stdin-filename", "rules/x.inv"], BROKEN);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""));
    assert!(outcome.stderr.contains("rules/x.inv:3:1"), "{outcome:?}");
    place.run_with(&["fmt", "-"], b"\xff").says(&["`<stdin>` is not UTF-8"]);
    place.exits("fmt - rules", 2).says(&["only input"]);
    let outcome = place.run_with(&["fmt", "-"], "\u{feff}entity a\r\nentity  b\r\n");
    assert_eq!(outcome.stdout, "entity a\r\nentity b\r\n");
}

#[cfg(unix)]
#[test]
fn links_and_permissions_stay() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let place = place();
    let target = place.file("elsewhere/shared.inv", UGLY);
    fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
    let link = place.path().join("rules/linked.inv");
    symlink("../elsewhere/shared.inv", &link).unwrap();
    place.ok("fmt");
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(place.read("elsewhere/shared.inv"), NEAT);
    assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o640);

    fs::write(&target, UGLY).unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o440)).unwrap();
    place.exits("fmt", 2).says(&["cannot write `rules/linked.inv`: it is read-only"]);
    assert_eq!(place.read("elsewhere/shared.inv"), UGLY);
    assert_eq!(fs::read_dir(place.path().join("elsewhere")).unwrap().count(), 1);
}

/// Killed at any moment, the file holds the one text or the other.
#[test]
fn a_killed_run_leaves_a_whole_file() {
    let place = Place::new();
    let ugly: String = (0..300).map(|n| format!("rule r{n} {{\n  drop self\n  on user\n}}\n")).collect();
    let neat: String = (0..300).map(|n| format!("rule r{n} {{\n  on   user\n  drop self\n}}\n")).collect();
    place.file("large.inv", &ugly);
    let start = std::time::Instant::now();
    place.ok("fmt large.inv");
    let whole = start.elapsed();
    assert_eq!(place.read("large.inv"), neat);
    for step in [1, 6, 11, 13, 15, 16, 17, 18, 19, 20] {
        place.file("large.inv", &ugly);
        let mut child =
            place.command(&["fmt", "large.inv", "-q"]).stdout(std::process::Stdio::null()).spawn().unwrap();
        // It writes near its end.
        std::thread::sleep(whole * (80 + step) / 100);
        // It may be done already.
        let _ = child.kill();
        child.wait().unwrap();
        let text = place.read("large.inv");
        assert!(text == ugly || text == neat, "{} bytes are neither text", text.len());
    }
}
