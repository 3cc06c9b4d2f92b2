//! Pages of findings on the command line.

use invalidate::diagnostic::Code;

use crate::command::Place;
use crate::everyday::snapshot;

#[test]
fn pages_for_people() {
    let place = Place::new();
    snapshot!("explain", place.ok("explain e010").all());
    snapshot!("explain_files", place.ok("explain import-cycle W104/allow-without-reason").all());
    assert_eq!(place.ok("explain Unknown-Name E010").stdout, place.ok("explain E010").stdout);
    assert!(place.ok("explain E010 --color always").stdout.contains("\x1b[1mWhy it hurts\x1b[0m"));
    let all = place.ok("explain --all").stdout;
    for code in Code::ALL {
        assert!(all.contains(&format!("[{code}/{}]\n", code.slug())), "{code}");
    }
    for line in all.lines().filter(|line| !line.starts_with("    ")) {
        assert!(line.chars().count() <= 100 && !line.contains("```") && !line.contains(".md)"), "{line}");
    }
}

#[test]
fn pages_for_programs() {
    let place = Place::new();
    let document = place.ok("explain --all --format json").json();
    assert_eq!(document["schema"], 1);
    let codes = document["codes"].as_array().unwrap();
    let numbers: Vec<&str> = codes.iter().map(|c| c["code"].as_str().unwrap()).collect();
    assert_eq!(numbers, Code::ALL.iter().map(|c| c.number()).collect::<Vec<_>>());
    for (shown, code) in codes.iter().zip(Code::ALL) {
        assert_eq!(shown["slug"], code.slug());
        assert_eq!(shown["severity"], code.severity().word());
        assert_eq!(shown["summary"], code.summary());
        assert_eq!(shown["page"], code.page());
        for part in ["example", "mended"] {
            let files = shown[part].as_array().unwrap();
            assert_eq!(files.last().unwrap()["file"], "rules.inv", "{code}: {part}");
            for file in files {
                assert!(code.page().contains(&format!("\n{}```", file["text"].as_str().unwrap())), "{code}");
            }
        }
        assert_ne!(shown["example"], shown["mended"], "{code}");
    }
    let circle = place.ok("explain E006 --format json").json();
    assert_eq!(circle["codes"][0]["example"][0]["file"], "users.inv");
}

/// The example of a page, written to a folder, gives the finding there as well.
#[test]
fn an_example_can_be_tried() {
    let place = Place::new();
    let document = place.ok("explain import-cycle --format json").json();
    for (part, code) in [("example", 1), ("mended", 0)] {
        for file in document["codes"][0][part].as_array().unwrap() {
            place.file(file["file"].as_str().unwrap(), file["text"].as_str().unwrap());
        }
        let stdout = place.exits("lint rules.inv --fail-level error", code).stdout;
        assert_eq!(stdout.contains("[E006/import-cycle]"), code == 1, "{stdout}");
    }
}

#[test]
fn what_is_no_finding() {
    let place = Place::new();
    snapshot!("explain_unknown", place.exits("explain unknown-nam", 2).all());
    place.exits("explain e01", 2).says(&["no finding is called `e01`", "did you mean `E001`?"]);
    place.exits("explain X999", 2).says(&["codes: `E001`", "more", "explain --all"]);
    assert_eq!(place.exits("explain E010 nothing-of-ours", 2).stdout, "");
    place.exits("explain", 2).says(&["CODE"]);
    place.exits("explain E010 --all", 2).says(&["--all"]);
}

#[test]
fn lint_points_to_a_page_once() {
    let place = Place::new();
    place.file("a.inv", "entity user { ref tean }\nrule users { on usr }\n");
    let outcome = place.exits("lint a.inv", 1);
    assert_eq!(
        outcome.stderr.matches("`invalidate explain E010` says more").count(),
        1,
        "{}",
        outcome.stderr
    );
    assert!(!outcome.stdout.contains("explain"), "{}", outcome.stdout);
    for line in ["lint a.inv --format concise", "lint a.inv --format json", "lint a.inv -q"] {
        assert!(!place.exits(line, 1).stderr.contains("explain"), "{line}");
    }
    place.file("a.inv", "entity user { key profile }\nrule users { on user }\n");
    assert!(!place.ok("lint a.inv").stderr.contains("explain"));
}
