//! The README holds: its rules are accepted, and its commands give what it shows.

#[path = "support/command.rs"]
mod command;

use std::path::Path;
use std::process::Command;

use command::Place;
use invalidate::RuleSet;
use invalidate::lint::{Levels, lint};

fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

/// The fenced blocks of one language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    text.split("\n```")
        .filter_map(|block| block.strip_prefix(&format!("{language}\n")).map(str::to_owned))
        .collect()
}

#[test]
fn commands_give_what_the_readme_shows() {
    let place = Place::new();
    let folder = Path::new(env!("CARGO_BIN_EXE_invalidate")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut commands = 0;
    for block in blocks(&readme(), "console") {
        for piece in format!("\n{block}").split("\n$ ").skip(1) {
            let (line, expected) = piece.split_once('\n').unwrap_or((piece, ""));
            commands += 1;
            let output = Command::new("bash")
                .args(["-c", &format!("{line} 2>&1")])
                .current_dir(place.path())
                .env("PATH", &path)
                .env_remove("INVALIDATE_CACHE")
                .env_remove("INVALIDATE_RULES")
                .output()
                .unwrap();
            let found = String::from_utf8_lossy(&output.stdout);
            // Notes speak to people at a terminal; the README shows only those that it is about.
            let shown: Vec<&str> =
                found.lines().filter(|l| expected.contains("note: ") || !l.starts_with("note: ")).collect();
            let wanted: Vec<&str> = expected.trim_end().lines().collect();
            assert!(fits(&shown, &wanted), "`{line}` gives\n{found}\nbut the README shows\n{expected}");
        }
    }
    assert!(commands >= 10, "only {commands} commands were found");
}

/// Whether the lines are those wanted; `…` alone stands for any lines, at a line's end for any text.
fn fits(found: &[&str], wanted: &[&str]) -> bool {
    match (wanted.first(), found.first()) {
        (None, None) => true,
        (Some(&"…"), _) => (0..=found.len()).any(|skip| fits(&found[skip..], &wanted[1..])),
        (Some(want), Some(line)) => {
            let same = match want.strip_suffix('…') {
                Some(start) => line.starts_with(start),
                None => line == want,
            };
            same && fits(&found[1..], &wanted[1..])
        }
        _ => false,
    }
}

#[test]
fn rules_in_the_readme_are_accepted() {
    let all = blocks(&readme(), "inv");
    assert_eq!(all.len(), 2);
    // The first is a glance: it is part of a whole.
    let whole = format!(
        "entity user {{ fields {{ email: string plan: string }} key profile }} entity session {{ ref user }}
         relation user_sessions: user -> session {}",
        all[0]
    );
    for text in [&whole, &all[1]] {
        let checked = RuleSet::parse(text);
        let findings = lint(&checked, &Levels::default());
        assert!(findings.is_empty(), "{findings:#?}");
    }
}
